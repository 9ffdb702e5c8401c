// The HTTP/1 parsers without any I/O: what they say does not depend on how the bytes were cut nor on pauses, they throw nothing, and they
// keep no more than their limits allow (RFC 9112).
import { FieldTable } from '../../../packages/http/src/field/table.ts';
import type { H1Limits } from '../../../packages/http/src/h1/limits.ts';
import { LineCache } from '../../../packages/http/src/h1/line-cache.ts';
import type { MessageParser } from '../../../packages/http/src/h1/message-parser.ts';
import { RequestParser } from '../../../packages/http/src/h1/request-parser.ts';
import { ResponseParser } from '../../../packages/http/src/h1/response-parser.ts';
import { Recorder } from '../../../packages/http/test/h1/recorder.ts';
import { lend, waysToCut } from '../cuts.ts';
import { type FuzzTarget, hold, raw } from '../target.ts';

const LIMITS: H1Limits = { maxHeadBytes: 600, maxFields: 12, maxChunkLineBytes: 48, maxExtensionBytes: 96 };
const START_LINES = 64;
/** A line in parts grows its buffer by doubling, and a piece without an end of line is taken whole before it is judged. */
const MAX_KEPT_BYTES = 4 * LIMITS.maxHeadBytes;

/** Pauses at every head and every end, as an engine does that waits for its turn. */
class Pausing extends Recorder {
  parser: MessageParser | undefined;

  override onMessageEnd(...trailers: Parameters<Recorder['onMessageEnd']>): void {
    super.onMessageEnd(...trailers);
    if (this.parser) this.parser.paused = true;
  }

  override onRequestHead(...head: Parameters<Recorder['onRequestHead']>): void {
    super.onRequestHead(...head);
    if (this.parser) this.parser.paused = true;
  }
}

type Make = (recorder: Recorder) => MessageParser;

/** What the parser says of these pieces, whether the last message is whole, and how many bytes are a tunnel's. */
function listen(make: Make, pieces: readonly Buffer[], pauses: boolean): readonly string[] {
  const recorder = new Pausing();
  const parser = make(recorder);
  if (pauses) recorder.parser = parser;
  let tunnelled = 0;
  for (const piece of pieces) {
    lend(piece, (bytes) => {
      let taken = parser.receive(bytes);
      while (parser.paused) {
        parser.paused = false;
        taken += parser.receive(bytes.subarray(taken));
      }
      hold(taken <= bytes.length, 'more bytes are taken than there were');
      if (recorder.events.at(-1)?.startsWith('error') !== true) {
        tunnelled += bytes.length - taken;
        checkBounds(parser);
      }
    });
  }
  recorder.finish();
  const whole = parser.end();
  // A line in parts is judged when it ends.
  recorder.parser = undefined;
  if (!whole) parser.receive(Buffer.from('\r\n'));
  const events = recorder.finish();
  const errors = events.filter((event) => event.startsWith('error')).length;
  hold(errors === 0 || (errors === 1 && events.at(-1)?.startsWith('error') === true), 'it goes on after an error');
  return errors > 0 ? events : [...events, `whole ${whole}`, `tunnelled ${tunnelled}`];
}

/** Of several faults in one line the cut decides which is found first. */
const comparable = (events: readonly string[]): string => events.map((event) => (event.startsWith('error') ? 'error' : event)).join('\n');

function checkBounds(parser: MessageParser): void {
  const partial = parser['partial'];
  if (partial !== null) {
    hold(partial.length <= LIMITS.maxHeadBytes, `${partial.length} bytes of a line are kept`);
    hold(partial.bytes.length <= MAX_KEPT_BYTES, `a line is kept in ${partial.bytes.length} bytes`);
  }
  hold(parser['fields'].length <= LIMITS.maxFields, `${parser['fields'].length} fields are kept`);
}

function checkCuts(make: Make, input: Buffer): readonly string[] {
  const events = listen(make, [input], false);
  const expected = comparable(events);
  for (const pauses of [false, true]) {
    for (const pieces of waysToCut(input)) {
      const got = comparable(listen(make, pieces, pauses));
      hold(got === expected, `cut bytes give other calls:\n${got}\ninstead of\n${expected}`);
    }
  }
  return events;
}

/** Numbers and words of the input itself do not make another kind. */
const kindOfEvents = (events: readonly string[]): string =>
  events
    .slice(-6)
    .map((event) => event.split(' ', 2).join(' ').slice(0, 24))
    .map((event) => (event.startsWith('body') || event.startsWith('end') ? event.slice(0, 4) : event.replace(/[0-9]+/g, '0')))
    .join();

const WORDS: readonly (string | Buffer)[] = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  ':',
  '\0',
  ',',
  ';',
  '0\r\n\r\n',
  '0\r\nx: y\r\n\r\n',
  '5\r\nhello\r\n',
  '5;a="b"\r\nhello\r\n',
  'A',
  'fffff',
  'HTTP/1.0',
  'HTTP/1.1',
  'Host: a\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 05\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, Upgrade\r\n',
  'Upgrade: websocket\r\n',
  'Upgrade: h2c\r\n',
  'Expect: 100-continue\r\n',
  'Trailer: x\r\n',
  ' folded\r\n',
  ...raw('x\xe9: \xff\r\n', '\x7f', '\x0b'),
];

/** Kept over all inputs, as engines keep them over all connections. */
const fields = new FieldTable({ maxFields: 64 });
const requestLines = new LineCache<never>(START_LINES);
const statusLines = new LineCache<never>(START_LINES);

const requests: FuzzTarget = {
  name: 'http1-request-parser',
  tokens: [...WORDS, 'GET / HTTP/1.1\r\n', 'POST http://b/c?d HTTP/1.1\r\n', 'CONNECT a:1 HTTP/1.1\r\n', 'OPTIONS * HTTP/1.1\r\n'],
  seeds: () =>
    raw(
      'GET /a?b HTTP/1.1\r\nHost: a.test\r\nX: \xe9  \r\n\r\nPOST http://b/c HTTP/1.1\r\nhost: b\r\ncontent-length: 11\r\n\r\nhello world',
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nx-end: 1\r\n\r\nGET / HTTP/1.0\r\n\r\n',
      'GET / HTTP/1.1\r\nconnection: Upgrade\r\nupgrade: x\r\n\r\nrest',
      'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\nrest',
      '\r\n\r\nPUT / HTTP/1.0\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\nOPTIONS * HTTP/1.1\r\nhost:\r\n\r\n',
    ),
  run: (input) => kindOfEvents(checkCuts((recorder) => new RequestParser(recorder, fields, requestLines, LIMITS), input)),
};

/** What the answers in an input answer, chosen by its first byte. */
const ASKED = [
  ['GET', false],
  ['HEAD', false],
  ['GET', true],
  ['CONNECT', true],
] as const;

const responses: FuzzTarget = {
  name: 'http1-response-parser',
  tokens: [
    ...WORDS,
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 204\r\n',
    'HTTP/1.1 304 X\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 101 X\r\n',
    'HTTP/1.0 500 \r\n',
  ],
  seeds: () =>
    raw(
      '\0HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n',
      '\0HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200\r\ncontent-length: 0\r\n\r\nHTTP/1.0 200 OK\r\n\r\nall of it',
      '\x01HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 204 X\r\ntransfer-encoding: chunked\r\n\r\n',
      '\x02HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\nrest',
      '\x03HTTP/1.1 200 OK\r\n\r\nrest',
    ),
  run(input) {
    const [method, upgrade] = ASKED[(input[0] ?? 0) % ASKED.length] ?? ASKED[0];
    const make: Make = (recorder) => {
      const parser = new ResponseParser(recorder, fields, statusLines, LIMITS);
      parser.expect(method, upgrade);
      return parser;
    };
    return `${method} ${upgrade} ${kindOfEvents(checkCuts(make, input.subarray(1)))}`;
  },
};

export const h1ParserTargets = [requests, responses];
