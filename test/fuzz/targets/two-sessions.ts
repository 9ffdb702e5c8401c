// A two-sided session, ours against ours: the input is a list of what both ends do and of how the network cuts and delays it. No octet is lost,
// doubled or out of order, every stream ends once on each side, the windows are whole again in the end, and nothing has grown. RFC 9113 §5, §6.
import { type Random, randomInt } from '@weft/core';
import { type Pairs, ping, settings } from '../../../packages/http/test/h2/frames.ts';
import { lend, randomOf } from '../cuts.ts';
import { type EndOptions, SessionEnd, type Side } from '../session-end.ts';
import { type FuzzTarget, hold } from '../target.ts';

const STREAM_WINDOWS = [65_535, 3, 100, 9_000, 200_000];
const CONNECTION_WINDOWS = [65_535, 1_048_576, 70_000];
const FRAME_SIZES = [16_384, 20_000, 60_000];
const SIZES = [0, 1, 100, 4_095, 4_096, 16_384, 16_385, 70_000];
const MOST_STREAMS = 60;
const MOST_INJECTED = 60;
const MOST_OCTETS = 200_000;
/** Of one body: each of them takes a DATA frame and a WINDOW_UPDATE at least. */
const MOST_WINDOWS = 60;

const at = <T>(list: readonly [T, ...T[]] | readonly T[], index: number): T => list[index % list.length] as T;

/** Settings of both ends by three bytes. */
function optionsOf(a: number, b: number, c: number): { readonly options: EndOptions; readonly stream: number; readonly connection: number } {
  const stream = at(STREAM_WINDOWS, a);
  const connection = at(CONNECTION_WINDOWS, b);
  const options: EndOptions = {
    settings: {
      initialStreamWindow: stream,
      initialConnectionWindow: connection,
      maxFrameSize: at(FRAME_SIZES, c),
      headerTableSize: c % 2 === 0 ? undefined : 300,
    },
    huffman: b % 2 === 1,
    copyBelowBytes: a % 2 === 0 ? 4_096 : 64,
  };
  return { options, stream, connection };
}

/** Bytes on their way from one end to the other. */
class Way {
  private pending: Buffer[] = [];
  private readonly from: SessionEnd;
  private readonly to: SessionEnd;

  constructor(from: SessionEnd, to: SessionEnd) {
    this.from = from;
    this.to = to;
  }

  /** Puts a frame between those that the session writes. */
  inject(frame: Buffer): void {
    this.collect();
    this.pending.push(frame);
  }

  collect(): void {
    const out = this.from.output();
    if (out.length > 0) this.pending.push(out);
  }

  /** Delivers some of what is on its way, in pieces. False when there is nothing. */
  carry(random: Random, most: number): boolean {
    this.collect();
    const bytes = Buffer.concat(this.pending);
    const end = Math.min(bytes.length, most);
    this.pending = end < bytes.length ? [bytes.subarray(end)] : [];
    const longest = at([1, 9, 300, 20_000], randomInt(random, 4));
    // Octet by octet only what is short.
    const least = end > 2_000 ? 500 : 1;
    for (let pos = 0; pos < end; ) {
      const stop = Math.min(end, pos + least + randomInt(random, longest));
      // What is passed on is copied or referred to until it was taken; nothing is passed on here.
      lend(bytes.subarray(pos, stop), (piece) => this.to.session.receive(piece));
      pos = stop;
    }
    return end > 0;
  }
}

class Talk {
  readonly client: SessionEnd;
  readonly server: SessionEnd;
  private readonly up: Way;
  private readonly down: Way;
  private readonly windows: { readonly client: ReturnType<typeof optionsOf>; readonly server: ReturnType<typeof optionsOf> };
  private readonly random: Random;
  drained = false;
  private injected = 0;

  constructor(head: Buffer, random: Random) {
    const byte = (i: number): number => head[i] ?? 0;
    this.windows = { client: optionsOf(byte(0), byte(1), byte(2)), server: optionsOf(byte(3), byte(4), byte(5)) };
    this.client = new SessionEnd('client', this.windows.client.options);
    this.server = new SessionEnd('server', this.windows.server.options);
    this.up = new Way(this.client, this.server);
    this.down = new Way(this.server, this.client);
    this.random = random;
  }

  /** One thing that happens, by two bytes. */
  step(what: number, how: number): void {
    const end = (how & 1) === 0 ? this.client : this.server;
    const way = end === this.client ? this.up : this.down;
    const side = end.sides.at(-1 - ((how >> 1) % Math.max(1, Math.min(6, end.sides.length))));
    const kind = what % 14;
    if (kind === 0) this.open(how);
    else if (kind === 1 || kind === 2) this.up.carry(this.random, 1 + how * how);
    else if (kind === 3 || kind === 4) this.down.carry(this.random, 1 + how * how);
    else if (kind === 5) end.holds = (how & 2) === 0;
    else if (kind === 6) this.inject(end, way, how >> 1);
    else if (kind === 7 && how > 240) this.drain(end);
    else if (side !== undefined) this.act(end, side, kind, what, how);
  }

  private open(how: number): void {
    if (this.client.sides.length >= MOST_STREAMS) return;
    const extra: Pairs =
      (how & 8) === 0
        ? []
        : [
            [`x-${how & 3}`, 'v'.repeat(how)],
            ['x-same', 'same'],
          ];
    this.client.open(extra, (how & 16) !== 0);
  }

  private act(end: SessionEnd, side: Side, kind: number, what: number, how: number): void {
    const size = at(SIZES, what >> 4);
    const { stream } = end === this.client ? this.windows.server : this.windows.client;
    const bytes = side.sent + size > Math.min(MOST_OCTETS, stream * MOST_WINDOWS) ? 0 : size;
    if (kind === 8) end.grant(side, 1 + how * 10);
    else if (kind === 9) end.informational(side);
    else if (kind === 10 && how > 200) end.resetStream(side, how & 7);
    else {
      end.answer(side, (how & 32) === 0 ? [] : [['x-same', 'same']]);
      end.write(side, bytes, kind === 11 && how > 100, (how & 64) !== 0);
    }
  }

  /** What a peer may say at any time: PING, SETTINGS that ask for less for a while. */
  private inject(end: SessionEnd, way: Way, how: number): void {
    // More would count as a flood.
    if (++this.injected > MOST_INJECTED) return;
    const { stream } = end === this.client ? this.windows.client : this.windows.server;
    const kind = how % 4;
    if (kind === 0) way.inject(ping('abcdefgh'));
    else if (kind === 1) way.inject(settings([4, Math.min(stream, how)]));
    else if (kind === 2) way.inject(settings([1, how % 3 === 0 ? 0 : 200]));
    else if (end === this.server) way.inject(settings([3, 1 + (how % 5)]));
  }

  private drain(end: SessionEnd): void {
    this.drained = true;
    end.session.drain();
  }

  pump(): void {
    let turns = 0;
    for (let moved = true; moved; turns++) {
      const up = this.up.carry(this.random, Number.POSITIVE_INFINITY);
      const down = this.down.carry(this.random, Number.POSITIVE_INFINITY);
      moved = up || down;
      hold(turns < 500_000, 'the two never fall silent');
    }
  }

  /** Everybody grants and ends, and all settings are as they were. */
  finish(): void {
    for (const [way, { options, stream }] of [
      [this.up, this.windows.client],
      [this.down, this.windows.server],
    ] as const) {
      way.inject(settings([4, stream], [1, options.settings?.headerTableSize ?? 4_096]));
    }
    this.down.inject(settings([3, 1_000]));
    for (const end of [this.client, this.server]) {
      end.holds = false;
      for (const side of end.sides) end.grant(side, side.held);
    }
    this.pump();
    for (const end of [this.client, this.server]) {
      for (const side of end.sides) {
        end.answer(side, []);
        end.write(side, 0, true, side.stream.id % 4 === 1);
      }
    }
    this.pump();
  }

  check(): string {
    const { client, server } = this;
    for (const end of [client, server]) {
      hold(end.failure === undefined, `a session fails: ${end.failure}`);
      hold(end.session.openStreams === 0, `${end.session.openStreams} streams are still open`);
      hold(
        end.sides.every(({ closed }) => closed),
        'a stream never ends',
      );
    }
    const peers = new Map(server.sides.map((side) => [side.stream.id, side]));
    for (const mine of client.sides) {
      const theirs = peers.get(mine.stream.id);
      const reset = mine.reset || theirs?.reset === true;
      hold(theirs !== undefined || reset, 'a stream never arrives');
      if (theirs === undefined || reset) continue;
      hold(mine.check.bytes === theirs.sent && theirs.check.bytes === mine.sent, 'octets are lost');
    }
    checkWindows(client, server, this.windows.server.connection);
    checkWindows(server, client, this.windows.client.connection);
    const resets = client.sides.filter(({ reset }) => reset).length;
    if (this.drained) hold(client.finished + server.finished > 0, 'a drain has no end');
    return `${Math.min(client.sides.length, 5)} ${Math.min(resets, 2)} ${this.drained} ${Math.min(client.interim, 2)}`;
  }
}

/** What one end may send is what the other accepts, and with what is not announced yet the whole window; nothing is kept of streams that are over. */
function checkWindows(sender: SessionEnd, receiver: SessionEnd, whole: number): void {
  const connection = sender.session['connection'];
  const { sendFlow, output, closedStreams } = connection;
  const { receiveFlow, decoder } = receiver.session['connection'];
  const window = sendFlow['window'];
  hold(window === receiveFlow['window'], `one end may send ${window}, the other accepts ${receiveFlow['window']}`);
  hold(window + receiveFlow['credit'] === whole, `of the window of ${whole} ${window + receiveFlow['credit']} are left`);
  hold((sendFlow['held']?.size ?? 0) === 0 && (sendFlow['blocked']?.size ?? 0) === 0 && output.bytes === 0, 'something still waits to be sent');
  hold(closedStreams['resets']['ids'].length <= 128 && closedStreams['ends']['ids'].length <= 128, 'closed streams are remembered without end');
  hold(connection['encoder']['table']['size'] <= 4_096 && decoder['table'].size <= 4_096, 'a header table grows');
}

const HEAD_BYTES = 6;

const ours: FuzzTarget = {
  name: 'http2-two-sessions',
  tokens: ['\x00\x10', '\x00\x00', '\x7b\xff', '\x01\xff', '\x03\xff', '\x05\x00', '\x06\x02', '\x0a\xff'].map((text) => Buffer.from(text, 'latin1')),
  seeds: () =>
    [1, 2, 3, 4, 5, 6].map((seed) => {
      const random = randomOf(Buffer.from([seed]));
      return Buffer.from(Array.from({ length: HEAD_BYTES + 40 * seed }, () => randomInt(random, 256)));
    }),
  run(input) {
    const talk = new Talk(input.subarray(0, HEAD_BYTES), randomOf(input));
    for (let i = HEAD_BYTES; i + 1 < input.length && i < 600; i += 2) talk.step(input[i] ?? 0, input[i + 1] ?? 0);
    talk.finish();
    return talk.check();
  },
};

export const twoSessionTargets = [ours];
