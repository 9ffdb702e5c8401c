// An HTTP/2 session against a peer that says anything (RFC 9113), as server and as client: it fails by GOAWAY or RST_STREAM and in no other
// way, what it says and writes does not depend on how the bytes were cut, and all that it keeps is bounded.
import { ErrorCode, PREFACE } from '../../../packages/http/src/h2/protocol.ts';
import type { Receiver } from '../../../packages/http/src/h2/receiver.ts';
import type { Http2Session } from '../../../packages/http/src/h2/session.ts';
import {
  clientHello,
  data,
  FrameLog,
  fieldsOf,
  frame,
  GET,
  goaway,
  headers,
  type Pairs,
  POST,
  ping,
  rst,
  settings,
  settingsAck,
  uint32,
  windowUpdate,
} from '../../../packages/http/test/h2/frames.ts';
import { Recorder, type Stream } from '../../../packages/http/test/h2/recorder.ts';
import { drainOutput, type Overrides, session as openSession } from '../../../packages/http/test/h2/sessions.ts';
import { lend, waysToCut } from '../cuts.ts';
import { frameMutator } from '../mutate-frames.ts';
import { type FuzzTarget, hold, raw } from '../target.ts';

const MAX_STREAMS = 6;
const LIMITS = {
  maxConcurrentStreams: MAX_STREAMS,
  maxHeaderListBytes: 1_500,
  maxHeaderFields: 24,
  maxContinuations: 4,
  resets: { burst: 8, perSecond: 0 },
  pings: { burst: 8, perSecond: 0 },
  settings: { burst: 6, perSecond: 0 },
  emptyData: { burst: 6, perSecond: 0 },
  windowUpdates: { burst: 12, perSecond: 0 },
  ignoredFrames: { burst: 8, perSecond: 0 },
} as const;
const OVERRIDES: Overrides = { limits: LIMITS };

/** Bodies that we send; the long ones do not fit into the windows that a peer has at first. */
const LONG = Buffer.alloc(66_000, 'a');
const SHORT_BYTES = 300;
/** Most that one frame of at least nine bytes may make us write, bodies apart. */
const MAX_OUT_PER_FRAME = 200;
/** GOAWAY, SETTINGS and the like. */
const MAX_OUT_BESIDES = 2_000;

const TRAILERS: Pairs = [['x-sum', '1']];

/** Answers each request: at its end a body, or trailers only, or a reset, as its number says. */
function answerRequests(to: Recorder): void {
  const { onHeaders, onData, onTrailers } = to;
  const answer = (stream: Stream): void => {
    const session = to.session as Http2Session<string>;
    if (stream.id % 8 === 7) session.resetStream(stream, ErrorCode.internalError);
    session.writeHeaders(stream, fieldsOf([[':status', '200'], ...TRAILERS]), false);
    session.writeData(stream, LONG, 0, stream.id % 8 === 3 ? LONG.length : SHORT_BYTES, stream.id % 8 !== 5);
    session.writeTrailers(stream, fieldsOf(TRAILERS));
  };
  to.onHeaders = (stream, fields, end) => {
    onHeaders(stream, fields, end);
    if (end) answer(stream);
  };
  to.onData = (stream, bytes, start, stop, end) => {
    onData(stream, bytes, start, stop, end);
    if (end) answer(stream);
  };
  to.onTrailers = (stream, fields) => {
    onTrailers(stream, fields);
    answer(stream);
  };
}

/** GET, HEAD, a body that waits for windows, and one with trailers behind it: streams 1, 3, 5, 7. */
function sendRequests(session: Http2Session<string>): number {
  const open = (pairs: Pairs, end: boolean): Stream | null => session.openStream(fieldsOf(pairs), end, 'x');
  open(GET, true);
  open([[':method', 'HEAD'], ...GET.slice(1)], true);
  for (const trailers of [false, true]) {
    const stream = open(POST, false);
    if (stream === null) continue;
    session.writeData(stream, LONG, 0, trailers ? SHORT_BYTES : LONG.length, !trailers);
    if (trailers) session.writeTrailers(stream, fieldsOf(TRAILERS));
  }
  return 4;
}

interface Said {
  readonly text: string;
  readonly written: readonly string[];
  readonly events: readonly string[];
}

function converse(role: 'client' | 'server', pieces: readonly Buffer[]): Said {
  const recorder = new Recorder();
  const session = openSession(role, recorder, OVERRIDES);
  let opened = 0;
  if (role === 'server') answerRequests(recorder);
  else opened = sendRequests(session);
  const log = new FrameLog(role === 'client');
  const written = log.read(drainOutput(session));
  let bytesIn = 0;
  for (const piece of pieces) {
    lend(piece, (bytes) => {
      session.receive(bytes);
      // Before the bytes are overwritten: what is passed on is referred to.
      const out = drainOutput(session);
      bytesIn += bytes.length;
      const bodies = LONG.length * (recorder.streams.size + 1);
      const most = MAX_OUT_BESIDES + bodies + (1 + bytesIn / 9) * MAX_OUT_PER_FRAME;
      hold(out.length <= most, `${out.length} bytes are written for ${bytesIn}`);
      written.push(...log.read(out));
    });
    checkBounds(session);
  }
  hold(session.outputBytes === 0, 'output is left');
  const open = session.openStreams;
  const events = [...recorder.events];
  session.disconnected();
  hold(session.openStreams === 0, 'streams are left after the end');
  const closed = recorder.events.filter((event) => event.startsWith('closed'));
  hold(new Set(closed).size === closed.length, 'a stream is closed twice');
  hold(closed.length === (role === 'client' ? opened : recorder.streams.size), 'a stream is never closed');
  const failures = recorder.events.filter((event) => event.startsWith('failed')).length;
  hold(failures <= 1 && (failures === 0 || written.some((line) => line.startsWith('GOAWAY'))), 'a failure is not told to the peer');
  const bodies = [...recorder.bodies].map(([id, parts]) => `${id}: ${Buffer.concat(parts).toString('latin1')}`);
  return { text: JSON.stringify([written, events, bodies, open]), written, events };
}

function checkBounds(session: Http2Session<string>): void {
  const connection = session['connection'];
  const { streams, closedStreams, decoder, sendFlow, limits } = connection;
  const parts = (session['reader']['sink'] as Receiver<string>)['heads'].block['parts'];
  hold(streams.size <= MAX_STREAMS && streams['slots'].length <= 32, `${streams.size} streams are open`);
  hold(closedStreams['resets']['ids'].length <= 128 && closedStreams['ends']['ids'].length <= 128, 'closed streams are remembered without end');
  hold(decoder['table'].size <= 4_096 && decoder['table']['ring'].length <= 256, 'the table of the decoder grows');
  hold(connection['encoder']['table']['size'] <= 4_096 && connection['encoder']['table']['ring'].length <= 256, 'the table of the encoder grows');
  hold((sendFlow['held']?.size ?? 0) <= streams.size && (sendFlow['blocked']?.size ?? 0) <= streams.size, 'streams that are over wait for windows');
  hold((session['reader']['partial']?.length ?? 0) <= 16_384, 'a frame over the limit is kept');
  // Of a connection that has failed nothing is read on.
  hold(connection.ended || parts.length <= limits.maxContinuations + 1, `${parts.length} parts of a header block are kept`);
}

function checkCuts(role: 'client' | 'server', input: Buffer): string {
  const whole = converse(role, [input]);
  for (const pieces of waysToCut(input)) {
    const cut = converse(role, pieces);
    hold(cut.text === whole.text, `cut bytes have other effects:\n${cut.text}\ninstead of\n${whole.text}`);
  }
  const first = (lines: readonly string[], words: number): string => [...new Set(lines.map((line) => line.split(' ', words).join(' ')))].slice(-4).join();
  const codes = whole.written.filter((line) => /^(RST|GOAWAY)/.test(line)).map((line) => line.split(' ').at(-1) ?? '');
  return `${first(whole.events, 1)} ${[...new Set(codes)].slice(0, 3).join()} ${first(whole.written, 1)}`;
}

const OK: Pairs = [[':status', '200']];
const COMMON: readonly Buffer[] = [
  settings(),
  settingsAck,
  settings([4, 0], [1, 0]),
  settings([4, 70_000], [1, 100], [5, 20_000]),
  settings([3, 1], [6, 10], [2, 0]),
  ping('12345678'),
  ping('weftgone', 1),
  goaway(3, 0),
  goaway(0x7fffffff, 2),
  windowUpdate(0, 50_000),
  windowUpdate(1, 1),
  windowUpdate(5, 30_000),
  windowUpdate(7, 0x7fffffff),
  rst(1, 8),
  rst(5, 0),
  data(1, 'hello'),
  data(5, '', 1),
  data(3, 'x'.repeat(300), 1),
  frame(2, 0, 3, '0000000110'),
  frame(0x77, 0, 1, 'abcd'),
  frame(1, 0, 5, '82'),
  frame(9, 4, 5, '86844101'),
];

const REQUEST_FRAMES: readonly Buffer[] = [
  ...[1, 3, 5, 7, 9, 11].map((id) => headers(id, GET)),
  ...[1, 3, 5, 7, 9, 11, 13, 15].map((id) => headers(id, POST, 4)),
  headers(3, [...POST, ['content-length', '5']], 4),
  headers(5, [...GET, ['x-large', 'y'.repeat(1_600)]]),
  headers(7, [[':method', 'CONNECT'], GET[3] ?? ['', '']], 4),
  headers(1, TRAILERS, 5),
  headers(3, [...GET, ['connection', 'close'], ['X-Upper', '1']]),
];

const ANSWER_FRAMES: readonly Buffer[] = [
  ...[1, 3, 5, 7].map((id) => headers(id, OK, 4)),
  ...[1, 3].map((id) => headers(id, OK)),
  headers(1, [...OK, ['content-length', '5']], 4),
  headers(
    1,
    [
      [':status', '103'],
      ['link', 'a'],
    ],
    4,
  ),
  headers(5, [[':status', '204']], 5),
  headers(5, [[':status', '101']], 4),
  headers(1, TRAILERS, 5),
  headers(7, [...OK, ['x-large', 'y'.repeat(1_600)]], 4),
  frame(5, 4, 1, Buffer.concat([uint32(2), Buffer.from('82868441', 'hex')])),
];

const TOKENS = raw('\0\0\x01', '\x7f\xff\xff\xff', '\xbf', '\x3f\xe1\x1f', '\x20', '\0\0\0\0\0');

const server: FuzzTarget = {
  name: 'http2-session-server',
  tokens: [...TOKENS, ...REQUEST_FRAMES, ...COMMON],
  mutator: frameMutator(PREFACE, [...REQUEST_FRAMES, ...COMMON]),
  seeds: () => [
    Buffer.concat([clientHello, ...REQUEST_FRAMES.slice(0, 4), ...COMMON.slice(9, 12)]),
    Buffer.concat([clientHello, ...REQUEST_FRAMES.slice(6, 14)]),
    Buffer.concat([clientHello, headers(1, POST, 4), data(1, 'hello'), headers(1, TRAILERS, 5), ping('abcdefgh'), rst(1, 8)]),
    Buffer.concat([clientHello, ...COMMON.slice(2, 6), headers(1, GET), windowUpdate(1, 40_000), goaway(0, 0)]),
  ],
  run: (input) => checkCuts('server', input),
};

const client: FuzzTarget = {
  name: 'http2-session-client',
  tokens: [...TOKENS, ...ANSWER_FRAMES, ...COMMON],
  mutator: frameMutator(Buffer.alloc(0), [...ANSWER_FRAMES, ...COMMON]),
  seeds: () => [
    Buffer.concat([
      settings(),
      settingsAck,
      ...ANSWER_FRAMES.slice(0, 2),
      data(1, 'hello', 1),
      data(3, '', 1),
      windowUpdate(0, 50_000),
      windowUpdate(5, 50_000),
    ]),
    Buffer.concat([settings([4, 100]), settingsAck, headers(1, [[':status', '103']], 4), headers(1, OK, 4), headers(1, TRAILERS), goaway(5, 0)]),
    Buffer.concat([settings(), headers(3, [...OK, ['content-length', '5']]), rst(5, 8), ...COMMON.slice(9, 13)]),
  ],
  run: (input) => checkCuts('client', input),
};

export const sessionTargets = [server, client];
