// A two-sided session, ours against node:http2, as its server and as its client: the input is a list of what both ends do. Each end checks
// every octet of the other, every stream has its end, and our windows are whole in the end. RFC 9113 §5, §6.
import type { ClientHttp2Session, ClientHttp2Stream, Http2Stream, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { randomOf } from '../cuts.ts';
import { NodePair } from '../node-pair.ts';
import { BodyCheck, octetsOf } from '../octets.ts';
import { SessionEnd, type Side } from '../session-end.ts';
import { type FuzzTarget, hold } from '../target.ts';

const STREAM_WINDOWS = [65_535, 1_000, 9_000, 200_000];
const SIZES = [0, 1, 100, 4_096, 16_384, 16_385, 40_000];
const MOST_STREAMS = 8;
const MOST_OCTETS = 60_000;
const HEAD_BYTES = 4;
/** Far more turns of the loop than any of this takes. */
const MOST_TURNS = 3_000;
/** Turns without anything to carry after which nothing comes any more. */
const SILENT_TURNS = 6;

const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;

/** One stream as Node's end knows it. */
interface NodeSide {
  readonly stream: Http2Stream & (ClientHttp2Stream | ServerHttp2Stream);
  check: BodyCheck | undefined;
  wrong: boolean;
  /** Node was told to reset it, maybe with code 0. */
  reset: boolean;
  sent: number;
  finished: boolean;
  whole: boolean;
  closed: boolean;
  answered: boolean;
}

class Talk {
  readonly ours: SessionEnd;
  readonly nodeSides: NodeSide[] = [];
  private readonly role: 'client' | 'server';
  private readonly pair: NodePair;
  private readonly window: number;
  private session: ClientHttp2Session | ServerHttp2Session | undefined;
  private asClient: ClientHttp2Session | undefined;
  private failure: Error | undefined;
  private changes = 0;

  constructor(role: 'client' | 'server', input: Buffer) {
    const byte = (i: number): number => input[i] ?? 0;
    this.role = role;
    this.window = (byte(1) & 1) === 0 ? 65_535 : 300_000;
    this.ours = new SessionEnd(role, {
      settings: { initialStreamWindow: at(STREAM_WINDOWS, byte(0)), initialConnectionWindow: this.window },
      huffman: (byte(1) & 2) !== 0,
    });
    const settings = { initialWindowSize: at(STREAM_WINDOWS, byte(2)), headerTableSize: (byte(3) & 1) === 0 ? 4_096 : 100 };
    this.pair = new NodePair({ ours: this.ours, random: randomOf(input), settings, padded: (byte(3) & 2) !== 0 });
    if (role === 'server') {
      this.asClient = this.pair.client();
      this.adopt(this.asClient);
    } else {
      this.pair.server((session) => {
        this.adopt(session);
        session.on('stream', (stream) => this.add(stream));
      });
    }
  }

  private adopt(session: ClientHttp2Session | ServerHttp2Session): void {
    this.session = session;
    session.on('error', (error: Error) => (this.failure ??= error));
  }

  private add(stream: ClientHttp2Stream | ServerHttp2Stream): NodeSide {
    const side: NodeSide = {
      stream,
      check: undefined,
      wrong: false,
      reset: false,
      sent: 0,
      finished: false,
      whole: false,
      closed: false,
      answered: this.role === 'server',
    };
    this.nodeSides.push(side);
    stream.on('data', (part: Buffer) => {
      side.check ??= new BodyCheck(stream.id ?? 0);
      if (!side.check.take(part)) side.wrong = true;
    });
    stream.on('end', () => (side.whole = !stream.aborted && stream.rstCode === 0));
    stream.on('error', () => undefined);
    stream.on('close', () => (side.closed = true));
    return side;
  }

  step(what: number, how: number): void {
    const kind = what % 12;
    const side = this.ours.sides.at(-1 - ((how >> 1) % Math.max(1, Math.min(4, this.ours.sides.length))));
    const theirs = this.nodeSides.at(-1 - ((how >> 1) % Math.max(1, Math.min(4, this.nodeSides.length))));
    if (kind === 0) this.open(how);
    else if (kind === 1) this.ours.holds = (how & 1) === 0;
    else if (kind === 2 && side) this.ours.grant(side, how * 40);
    else if (kind === 3 && side) this.ours.informational(side);
    else if (kind === 4 && how > 180 && side) this.ours.resetStream(side, how & 7);
    else if (kind === 5 && how > 180 && theirs) this.resetNode(theirs, how & 7);
    else if (kind === 6) this.change(how);
    else if (kind === 7 && theirs) pauseOrResume(theirs, (how & 1) === 0);
    else if (kind === 8 && how > 250) this.ours.session.drain();
    else if ((how & 1) === 0 && side) this.writeOurs(side, at(SIZES, what >> 4), how > 100 && kind > 9, (how & 64) !== 0);
    else if (theirs) this.writeNode(theirs, at(SIZES, what >> 4), how > 100 && kind > 9);
  }

  private resetNode(side: NodeSide, code: number): void {
    side.reset = true;
    side.stream.close(code);
  }

  private open(how: number): void {
    if (this.ours.sides.length >= MOST_STREAMS || this.nodeSides.length >= MOST_STREAMS) return;
    if (this.role === 'client') this.ours.open((how & 8) === 0 ? [] : [['x-a', 'v'.repeat(how)]], (how & 16) !== 0);
    else if (this.asClient?.closed === false && !this.asClient.destroyed) {
      const ends = (how & 16) !== 0;
      const side = this.add(this.asClient.request({ ':method': ends ? 'GET' : 'POST', ':path': '/', 'x-a': 'v'.repeat(how) }, { endStream: ends }));
      side.finished = ends;
    }
  }

  /** Other settings, a ping or a larger window, in the middle of everything. */
  private change(how: number): void {
    if (this.session === undefined || this.session.destroyed || this.session.closed || ++this.changes > 20) return;
    if (how % 3 !== 1 && this.session.pendingSettingsAck) return;
    if (how % 3 === 0) this.session.settings({ initialWindowSize: at(STREAM_WINDOWS, how) });
    else if (how % 3 === 1) this.session.ping(Buffer.from('12345678'), () => undefined);
    else this.session.settings({ headerTableSize: how % 2 === 0 ? 0 : 4_096 });
  }

  private writeOurs(side: Side, size: number, ends: boolean, trailers: boolean): void {
    this.ours.answer(side, []);
    this.ours.write(side, side.sent + size > MOST_OCTETS ? 0 : size, ends, trailers);
  }

  private writeNode(side: NodeSide, size: number, ends: boolean): void {
    const { stream } = side;
    if (side.finished || side.closed || side.reset || stream.destroyed || stream.closed || stream.id === undefined || stream.id === 0) return;
    if ('respond' in stream && !side.answered) stream.respond({ ':status': 200 });
    side.answered = true;
    const bytes = side.sent + size > MOST_OCTETS ? 0 : size;
    if (bytes > 0) stream.write(octetsOf(stream.id, side.sent, bytes));
    side.sent += bytes;
    side.finished = ends;
    if (ends) stream.end();
  }

  /** Until both are silent. */
  async settle(): Promise<void> {
    let silent = 0;
    for (let turn = 0; silent < SILENT_TURNS; turn++) {
      hold(turn < MOST_TURNS, 'the two never fall silent');
      silent = this.pair.carry() ? 0 : silent + 1;
      await new Promise(setImmediate);
    }
  }

  async carry(turns: number): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      this.pair.carry();
      await new Promise(setImmediate);
    }
  }

  async finish(): Promise<void> {
    this.change(0);
    this.ours.holds = false;
    for (const side of this.ours.sides) this.ours.grant(side, side.held);
    for (const { stream } of this.nodeSides) stream.resume();
    await this.settle();
    for (const side of this.ours.sides) this.writeOurs(side, 0, true, side.stream.id % 4 === 1);
    for (const side of this.nodeSides) this.writeNode(side, 0, true);
    await this.settle();
  }

  check(): string {
    const { ours, nodeSides } = this;
    hold(this.failure === undefined, `Node's session fails: ${String(this.failure)}`);
    hold(ours.failure === undefined, `our session fails: ${ours.failure}`);
    hold(ours.session.openStreams === 0, `${ours.session.openStreams} streams are still open with us`);
    const byId = new Map(nodeSides.map((side) => [side.stream.id, side]));
    let resets = 0;
    for (const side of ours.sides) {
      const theirs = byId.get(side.stream.id);
      hold(theirs?.wrong !== true, `stream ${side.stream.id}: Node gets other octets`);
      if (side.reset || theirs === undefined || theirs.reset || theirs.stream.rstCode !== 0) {
        hold(theirs !== undefined || side.reset, 'a stream never arrives');
        resets++;
        continue;
      }
      hold(side.whole && theirs.whole, `stream ${side.stream.id} has no end: ${side.whole} ${theirs.whole}`);
      hold((theirs.check?.bytes ?? 0) === side.sent, `of ${side.sent} octets ${theirs.check?.bytes} come to Node`);
      hold(side.check.bytes === theirs.sent, `of ${theirs.sent} octets of Node ${side.check.bytes} come`);
    }
    const { receiveFlow, sendFlow } = ours.session['connection'];
    hold(
      receiveFlow['window'] + receiveFlow['credit'] === this.window,
      `of the window of ${this.window} ${receiveFlow['window'] + receiveFlow['credit']} are left`,
    );
    hold((sendFlow['held']?.size ?? 0) === 0 && (sendFlow['blocked']?.size ?? 0) === 0, 'something still waits to be sent');
    return `${Math.min(ours.sides.length, 5)} ${Math.min(resets, 2)} ${Math.min(this.changes, 2)}`;
  }

  close(): void {
    this.session?.destroy();
    this.pair.wire.destroy();
    this.ours.session.disconnected();
  }
}

function pauseOrResume({ stream }: NodeSide, pause: boolean): void {
  if (pause) stream.pause();
  else stream.resume();
}

function target(role: 'client' | 'server'): FuzzTarget {
  return {
    name: `http2-${role}-with-node`,
    tokens: ['\x00\x00', '\x00\x10', '\x0a\xfe', '\x4b\xff', '\x04\xff', '\x05\xff', '\x01\x00', '\x06\x03', '\x2b\xc0'].map((text) =>
      Buffer.from(text, 'latin1'),
    ),
    seeds: () =>
      [1, 2, 3, 4, 5].map((seed) => {
        const random = randomOf(Buffer.from([seed, 7]));
        return Buffer.from(Array.from({ length: HEAD_BYTES + 24 * seed }, () => Math.floor(random.next() * 256)));
      }),
    async run(input) {
      const talk = new Talk(role, input);
      try {
        await talk.carry(3);
        for (let i = HEAD_BYTES; i + 1 < input.length && i < 200; i += 2) {
          talk.step(input[i] ?? 0, input[i + 1] ?? 0);
          if (i % 3 === 0) await talk.carry(1);
        }
        await talk.finish();
        return talk.check();
      } finally {
        talk.close();
      }
    },
  };
}

export const nodeSessionTargets = [target('client'), target('server')];
