// The server side of the engine: what is understood does not depend on how the bytes were cut, and a connection always ends.
import { duplexPair } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { weftEngine } from '@weft/http';
import { FrameType, PREFACE } from '../../../packages/http/src/h2/protocol.ts';
import { frame as rawFrame } from '../../../packages/http/test/h2/frames.ts';
import { frameMutator, framesOf } from '../mutate-frames.ts';
import { sameData } from '../same-data.ts';
import { type FuzzTarget, hold, raw, texts } from '../target.ts';

const engine = weftEngine();

/** Far more than a connection of a few kilobytes needs. */
const STUCK_MS = 5_000;

interface Served {
  /** One text per request: its head. */
  readonly requests: readonly string[];
  readonly answer: string;
}

async function serve(version: 'http/1' | 'http/2', chunks: readonly Buffer[]): Promise<Served> {
  const [link, client] = duplexPair();
  const requests: string[] = [];
  let answer = '';
  for (const end of [link, client]) end.on('error', () => undefined);
  client.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
  const connection = engine.serve(link, { version, maxHeaderBytes: 4_096 }, (exchange) => {
    const { method, path, authority, headers } = exchange.request;
    requests.push(JSON.stringify([method, path, authority, headers]));
    exchange.respond({ status: 200, headers: [] });
  });
  for (const chunk of chunks) {
    client.write(chunk);
    await new Promise(setImmediate);
  }
  client.end();
  const stuck = new AbortController();
  const ended = await Promise.race([connection.closed.then(() => true), delay(STUCK_MS, false, { signal: stuck.signal })]);
  stuck.abort();
  connection.destroy();
  client.destroy();
  hold(ended, 'the connection does not end');
  return { requests, answer };
}

/** Serves the bytes whole and cut into three; the requests must be the same ones. */
async function serveTwice(version: 'http/1' | 'http/2', input: Buffer): Promise<Served> {
  const whole = await serve(version, [input]);
  const half = Math.floor(input.length / 2);
  const cut = await serve(version, [input.subarray(0, half), input.subarray(half, half + 1), input.subarray(half + 1)]);
  // Bytes that are refused may take with them a request before them that still waits for its turn; how many depends on the cut.
  const shared = Math.min(whole.requests.length, cut.requests.length);
  const difference = `cut bytes give other requests: ${cut.requests.join()} instead of ${whole.requests.join()}`;
  hold(sameData(cut.requests.slice(0, shared), whole.requests.slice(0, shared)), difference);
  return whole;
}

const http1: FuzzTarget = {
  name: 'http1-server',
  tokens: [
    '\r\n',
    '\n',
    '\r',
    ' ',
    '\t',
    ':',
    '\0',
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    'GET / HTTP/1.1\r\n',
    'HTTP/1.0',
    'Host: a\r\n',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Content-Length: 5\r\n',
    'Content-Length: +5\r\n',
    'Connection: close\r\n',
    'Upgrade: websocket\r\n',
    'Expect: 100-continue\r\n',
  ],
  seeds: () =>
    texts(
      'GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\nGET /c HTTP/1.0\r\n\r\n',
      'PUT http://a:80/x?y HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhello',
      'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    ),
  async run(input) {
    const { requests, answer } = await serveTwice('http/1', input);
    const statuses = [...answer.matchAll(/^HTTP\/1\.[01] ([0-9]{3})/gm)].map((match) => match[1]);
    return `${Math.min(requests.length, 4)} ${statuses.slice(0, 4).join(' ')}`;
  },
};

const frame = (type: number, flags: number, stream: number, payload: string): Buffer => rawFrame(type, flags, stream, Buffer.from(payload, 'latin1'));

const { data, headers, rstStream, settings, ping, goaway, windowUpdate, continuation } = FrameType;
const END_STREAM = 1;
const END_HEADERS = 4;

const HELLO = Buffer.concat([PREFACE, frame(settings, 0, 0, '')]);
/** GET, http, /, and `:authority: a` put into the table (RFC 7541 §6). */
const GET = '\x82\x86\x84\x41\x01a';
const POST = '\x83\x86\x44\x02/x\xbe';

const FRAMES: readonly Buffer[] = [
  frame(headers, END_STREAM | END_HEADERS, 1, GET),
  frame(headers, END_HEADERS, 3, POST),
  frame(headers, END_HEADERS, 3, `${GET}\x40\x01x\x01y`),
  frame(data, 0, 3, 'hello'),
  frame(data, END_STREAM, 3, ''),
  frame(headers, END_STREAM, 5, '\x82'),
  frame(continuation, END_HEADERS, 5, '\x86\x84\x41\x01b'),
  frame(rstStream, 0, 1, '\0\0\0\x08'),
  frame(ping, 0, 0, '12345678'),
  frame(goaway, 0, 0, '\0\0\0\0\0\0\0\0'),
  frame(windowUpdate, 0, 0, '\0\x01\0\0'),
  frame(settings, 0, 0, '\0\x04\0\0\0\x01'),
];

const http2: FuzzTarget = {
  name: 'http2-server',
  tokens: [...FRAMES, ...raw('\0\0\x01', '\x7f\xff\xff\xff', '\xbf', '\x3f\xe1\x1f', '\x20')],
  mutator: frameMutator(PREFACE, FRAMES),
  seeds: () => [
    Buffer.concat([HELLO, ...FRAMES.slice(0, 5)]),
    Buffer.concat([HELLO, ...FRAMES]),
    Buffer.concat([HELLO, ...FRAMES.slice(2, 5), ...FRAMES.slice(5, 7)]),
  ],
  async run(input) {
    const { requests, answer } = await serveTwice('http/2', input);
    const kinds = framesOf(Buffer.from(answer, 'latin1')).map((bytes) => bytes[3]);
    return `${Math.min(requests.length, 4)} ${kinds.slice(0, 6).join(' ')}`;
  },
};

export const httpTargets = [http1, http2];
