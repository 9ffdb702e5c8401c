// The way back through the engine: an upstream that answers anything. A client sees the same answer or a failure: never a part of it as the
// whole, never bytes of another exchange, and it never waits without end. RFC 9112 §6.3, §8; RFC 9113 §8.1.
import { Duplex } from 'node:stream';
import { type Exchange, type ForwardRules, type Upstream, weftEngine } from '@weft/http';
import { FieldTable } from '../../../packages/http/src/field/table.ts';
import { H1_LIMITS } from '../../../packages/http/src/h1/limits.ts';
import { LineCache } from '../../../packages/http/src/h1/line-cache.ts';
import { type H1ResponseHead, ResponseParser } from '../../../packages/http/src/h1/response-parser.ts';
import { data, fieldsOf, frame, GET, goaway, headers, rst, settings, settingsAck, windowUpdate } from '../../../packages/http/test/h2/frames.ts';
import { Recorder } from '../../../packages/http/test/h2/recorder.ts';
import { session } from '../../../packages/http/test/h2/sessions.ts';
import { randomOf, randomPieces } from '../cuts.ts';
import { askHttp1, askHttp2, type Client, LOCAL, type Seen } from '../exchange-clients.ts';
import { frameMutator } from '../mutate-frames.ts';
import { type FuzzTarget, hold, raw } from '../target.ts';

const GOOD = 'the answer of another exchange';
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

/** Far more turns of the loop than anything here takes. */
const MOST_TURNS = 200;
const until = async (condition: () => boolean): Promise<void> => {
  for (let turn = 0; turn < MOST_TURNS && !condition(); turn++) await turns(1);
};
const over = ({ seen }: Client): boolean => seen.end !== 'open';

/** An upstream's connection: hears bytes, says bytes when told to. */
class Peer extends Duplex {
  heard = '';
  private readonly onHeard: (peer: Peer) => void;

  constructor(onHeard: (peer: Peer) => void) {
    super();
    this.onHeard = onHeard;
    this.on('error', () => undefined);
  }
  override _read(): void {
    // All is pushed.
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.heard += chunk.toString('latin1');
    done();
    this.onHeard(this);
  }
  say(bytes: Buffer | null): void {
    if (!this.destroyed && !this.readableEnded) this.push(bytes);
  }
}

const engine = weftEngine();
const rules: ForwardRules = {
  origProto: 'none',
  failed: (exchange) => exchange.respond({ status: 502, headers: [LOCAL, '1'], body: Buffer.from('failed') }),
};

function ask(version: 'http/1' | 'http/2', method: string, upstream: Upstream): Client {
  const forward = (exchange: Exchange): void => exchange.forward(upstream, rules, null);
  const serve = (link: Duplex): void => void engine.serve(link, { version }, forward);
  return version === 'http/1' ? askHttp1(method, serve) : askHttp2(method, serve);
}

/** What the first byte of an input chooses. */
function choicesOf(input: Buffer): { readonly version: 'http/1' | 'http/2'; readonly method: string; readonly ends: boolean } {
  const bits = input[0] ?? 0;
  return { version: (bits & 1) === 0 ? 'http/1' : 'http/2', method: (bits & 2) === 0 ? 'GET' : 'HEAD', ends: (bits & 4) === 0 };
}

/** The answer as it is to be understood; undefined where it is none or not whole. */
interface Expected {
  readonly status: number;
  readonly body: string;
}

function check(seen: Seen, expected: Expected | undefined, what: string): string {
  hold(seen.end !== 'open', `${what} has no end`);
  if (seen.end === 'broken') return 'broken';
  if (seen.local) return 'local';
  const got = JSON.stringify([seen.status, seen.body]);
  hold(expected !== undefined, `${what} is taken for whole: ${got}`);
  hold(seen.status === expected.status && seen.body === expected.body, `${what} is ${got} instead of ${JSON.stringify(expected)}`);
  return 'whole';
}

function expectHttp1(bytes: Buffer, method: string): Expected | undefined {
  let [status, body, done] = [0, '', false];
  const parser: ResponseParser = new ResponseParser(
    {
      onInformational: () => undefined,
      onUpgrade: () => undefined,
      onResponseHead: (head: H1ResponseHead) => {
        if (!done) ({ status } = head.line);
      },
      onBody: (chunk) => {
        if (!done) body += chunk.toString('latin1');
      },
      onMessageEnd: () => {
        done = true;
        parser.stop();
      },
      onError: () => undefined,
    },
    new FieldTable({ maxFields: 16 }),
    new LineCache(16),
    H1_LIMITS,
  );
  parser.expect(method, false);
  parser.receive(bytes);
  parser.end();
  return done ? { status, body } : undefined;
}

const http1: FuzzTarget = {
  name: 'http1-relayed-answer',
  tokens: [
    '\r\n',
    '\n',
    '\r',
    ' ',
    ':',
    '\0',
    '0\r\n\r\n',
    '0\r\nx: y\r\n\r\n',
    '5\r\nhello\r\n',
    'hello',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 204\r\n',
    'HTTP/1.1 304 X\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 101 X\r\n',
    'HTTP/1.0 200 \r\n',
    'Content-Length: 5\r\n',
    'Content-Length: 0\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
    'Connection: keep-alive\r\n',
    'Upgrade: x\r\n',
    'Trailer: x\r\n',
  ],
  seeds: () =>
    ['\0', '\x01', '\x02', '\x04', '\x05', '\x07'].flatMap((first) =>
      raw(
        `${first}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello`,
        `${first}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n`,
        `${first}HTTP/1.0 404 Not Found\r\n\r\nhello`,
        `${first}HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen`,
      ),
    ),
  async run(input) {
    const { version, method, ends } = choicesOf(input);
    const answer = input.subarray(1);
    const peers: Peer[] = [];
    let first: Peer | undefined;
    let saying = Promise.resolve();
    const speak = async (peer: Peer): Promise<void> => {
      const pieces = randomPieces(answer, randomOf(input));
      for (const [index, piece] of pieces.entries()) {
        peer.say(Buffer.from(piece));
        if (index < 4) await turns(1);
      }
    };
    const onHeard = (peer: Peer): void => {
      if (!peer.heard.endsWith('\r\n\r\n')) return;
      peer.heard = '';
      if (first === undefined) {
        first = peer;
        saying = speak(peer);
      } else peer.say(Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${GOOD.length}\r\n\r\n${GOOD}`));
    };
    const dial = async (): Promise<Peer> => {
      const peer = new Peer(onHeard);
      peers.push(peer);
      return peer;
    };
    const upstream = engine.upstream({ version: 'http/1', dial });
    const one = ask(version, method, upstream);
    await until(() => first !== undefined);
    await saying;
    await turns(3);
    if (ends) for (const peer of peers) peer.say(null);
    const other = ask(version, 'GET', upstream);
    await until(() => over(other));
    for (const peer of peers) peer.say(null);
    await until(() => over(one));
    for (const client of [one, other]) client.close();
    upstream.destroy();
    for (const peer of peers) peer.destroy();
    const outcome = check(one.seen, expectHttp1(answer, method), 'the answer');
    hold(check(other.seen, { status: 200, body: GOOD }, 'the next answer') === 'whole', 'the next exchange fails');
    return `${version} ${method} ${outcome} ${one.seen.status} ${Math.min(one.seen.body.length, 2)} ${peers.length}`;
  },
};

/** How our own session, checked elsewhere, understands the answers on streams 1 and 3. */
function expectHttp2(bytes: Buffer, method: string, version: 'http/1' | 'http/2'): readonly (Expected | undefined)[] {
  const recorder = new Recorder();
  const status = new Map<number, number>();
  recorder.answer = (stream, fields) => status.set(stream.id, Number(fields.find(({ name }) => name === ':status')?.value));
  const client = session('client', recorder, {});
  const streams = [method, 'GET'].map((one) => client.openStream(fieldsOf([[':method', one], ...GET.slice(1)]), true, 'x'));
  client.receive(Buffer.from(bytes));
  client.disconnected();
  return streams.map((stream) => {
    if (stream === null) return undefined;
    const code = status.get(stream.id);
    // Nothing that could be missing follows a head that has no body, or the last of as many bytes as an HTTP/1 client was promised.
    const bodiless = stream.bodyless || code === 204 || code === 304;
    const promised = version === 'http/1' && stream.expectedBytes >= 0 && stream.receivedBytes >= stream.expectedBytes;
    if (code === undefined || !(stream.remoteEnded || bodiless || promised)) return undefined;
    return { status: code, body: recorder.body(stream.id) };
  });
}

const OK = [[':status', '200']] as const;
const ANSWER_FRAMES: readonly Buffer[] = [
  ...[1, 3].flatMap((id) => [headers(id, OK, 4), headers(id, OK), data(id, `body of ${id}`), data(id, 'end', 1), data(id, '', 1), rst(id, 8), rst(id, 0)]),
  headers(1, [...OK, ['content-length', '9']], 4),
  headers(
    3,
    [
      [':status', '103'],
      ['link', 'a'],
    ],
    4,
  ),
  headers(1, [['x-sum', '1']]),
  headers(3, [[':status', '204']]),
  headers(1, [[':status', '101']], 4),
  rst(3, 7),
  goaway(1, 0),
  goaway(0, 0),
  goaway(3, 2),
  settings([3, 1]),
  settings([4, 0]),
  windowUpdate(0, 1_000),
  frame(0x77, 0, 1, 'abcd'),
];

const http2: FuzzTarget = {
  name: 'http2-relayed-answer',
  tokens: ANSWER_FRAMES,
  mutator: (input, random) => {
    const changed = frameMutator(Buffer.alloc(0), ANSWER_FRAMES)(input.subarray(1), random);
    return changed && Buffer.concat([input.subarray(0, 1), changed]);
  },
  seeds: () =>
    [0, 1, 2, 3].flatMap((first) => {
      const begin = [Buffer.from([first]), settings(), settingsAck];
      return [
        Buffer.concat([...begin, headers(1, OK, 4), headers(3, OK, 4), data(3, 'hello'), data(1, 'world', 1), data(3, '!', 1)]),
        Buffer.concat([...begin, headers(1, [...OK, ['content-length', '5']], 4), data(1, 'hello'), headers(1, [['x-sum', '1']]), goaway(1, 0)]),
        Buffer.concat([...begin, headers(3, OK, 4), data(3, 'hello'), rst(3, 2), headers(1, OK)]),
      ];
    }),
  async run(input) {
    const { version, method } = choicesOf(input);
    const answer = input.subarray(1);
    const peers: Peer[] = [];
    const dial = async (): Promise<Peer> => {
      const peer = new Peer(() => undefined);
      peers.push(peer);
      return peer;
    };
    const upstream = engine.upstream({ version: 'http/2', dial });
    const clients = [ask(version, method, upstream)];
    await until(() => upstream.inFlight === 1);
    clients.push(ask(version, 'GET', upstream));
    await until(() => upstream.inFlight === 2 && peers[0]?.heard.includes('\0\0\0\x03') === true);
    const [first] = peers;
    for (const [index, piece] of randomPieces(answer, randomOf(input)).entries()) {
      first?.say(Buffer.from(piece));
      if (index < 4) await turns(1);
    }
    await turns(4);
    // A second session is only there for what the first did not take; it closes without a word, and so does the first.
    for (let turn = 0; turn < MOST_TURNS && !clients.every(over); turn++) {
      for (const peer of peers) peer.say(null);
      await turns(1);
    }
    upstream.destroy();
    for (const peer of peers) peer.destroy();
    const expected = expectHttp2(answer, method, version);
    for (const client of clients) client.close();
    const outcomes = clients.map(({ seen }, index) => {
      return `${check(seen, expected[index], `answer ${index}`)} ${seen.status}`;
    });
    return `${version} ${method} ${outcomes.join()} ${peers.length}`;
  },
};

export const answerTargets = [http1, http2];
