// What a peer may not send, and what it is answered: RFC 9113 §5.1, §5.4, §6, §8.
import { describe, expect, test } from 'vitest';
import {
  block,
  clientHello,
  data,
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
  uint32,
  windowUpdate,
} from '../../test/h2/frames.ts';
import { drainOutput, Lone } from '../../test/h2/sessions.ts';
import { FrameType, PREFACE } from './protocol.ts';

const [method, scheme, path, authority] = GET as unknown as [[string, string], [string, string], [string, string], [string, string]];
const PADDED = 0x8;
const END = 0x1;
const END_HEADERS = 0x4;

describe('a connection ends with', () => {
  const cases: [what: string, code: string, ...bytes: Buffer[]][] = [
    ['DATA on stream 0', 'protocolError', data(0, 'x')],
    ['DATA on an idle stream', 'protocolError', data(5, 'x')],
    ['HEADERS on stream 0', 'protocolError', headers(0, GET)],
    ['HEADERS on an even stream', 'protocolError', headers(2, GET)],
    ['HEADERS on a lower stream', 'protocolError', headers(5, GET, 5), headers(3, GET, 5)],
    ['PRIORITY on stream 0', 'protocolError', frame(FrameType.priority, 0, 0, '0000000000')],
    ['PRIORITY of a wrong length', 'frameSizeError', frame(FrameType.priority, 0, 1, '00')],
    ['RST_STREAM on stream 0', 'protocolError', rst(0, 8)],
    ['RST_STREAM on an idle stream', 'protocolError', rst(1, 8)],
    ['RST_STREAM of a wrong length', 'frameSizeError', frame(FrameType.rstStream, 0, 1, '0000')],
    ['SETTINGS on a stream', 'protocolError', frame(FrameType.settings, 0, 1)],
    ['SETTINGS of a wrong length', 'frameSizeError', frame(FrameType.settings, 0, 0, '00')],
    ['an acknowledgement with content', 'frameSizeError', frame(FrameType.settings, 1, 0, '000100000000')],
    ['ENABLE_PUSH 2', 'protocolError', settings([2, 2])],
    ['INITIAL_WINDOW_SIZE 2³¹', 'flowControlError', settings([4, 0x80000000])],
    ['MAX_FRAME_SIZE 16383', 'protocolError', settings([5, 16383])],
    ['MAX_FRAME_SIZE 2²⁴', 'protocolError', settings([5, 16777216])],
    ['ENABLE_CONNECT_PROTOCOL 2', 'protocolError', settings([8, 2])],
    ['ENABLE_CONNECT_PROTOCOL taken back', 'protocolError', settings([8, 1], [8, 0]), settings([8, 0])],
    ['a window that SETTINGS overflow', 'flowControlError', headers(1, GET), windowUpdate(1, 2147418112), settings([4, 65536])],
    ['PUSH_PROMISE', 'protocolError', headers(1, GET), frame(FrameType.pushPromise, 4, 1, '00000002')],
    ['PING on a stream', 'protocolError', frame(FrameType.ping, 0, 1, '0000000000000000')],
    ['PING of a wrong length', 'frameSizeError', frame(FrameType.ping, 0, 0, '00')],
    ['GOAWAY on a stream', 'protocolError', frame(FrameType.goaway, 0, 1, '0000000000000000')],
    ['GOAWAY of a wrong length', 'frameSizeError', frame(FrameType.goaway, 0, 0, '00')],
    ['WINDOW_UPDATE of a wrong length', 'frameSizeError', frame(FrameType.windowUpdate, 0, 0, '00')],
    ['WINDOW_UPDATE of 0', 'protocolError', windowUpdate(0, 0)],
    ['WINDOW_UPDATE on an idle stream', 'protocolError', windowUpdate(1, 1)],
    ['a connection window that overflows', 'flowControlError', windowUpdate(0, 2147483647)],
    ['CONTINUATION without HEADERS', 'protocolError', frame(FrameType.continuation, END_HEADERS, 1, '82')],
    ['CONTINUATION of another stream', 'protocolError', headers(1, GET, END), frame(FrameType.continuation, END_HEADERS, 3, '82')],
    ['a frame inside a header block', 'protocolError', headers(1, GET, END), ping('12345678')],
    ['DATA inside a header block', 'protocolError', headers(1, GET, END), data(1, 'x')],
    ['a frame that is too long', 'frameSizeError', frame(0x77, 0, 0, Buffer.alloc(16385))],
    ['padding longer than its DATA', 'protocolError', headers(1, POST, END_HEADERS), frame(FrameType.data, PADDED, 1, '0500')],
    ['padded DATA without pad length', 'frameSizeError', headers(1, POST, END_HEADERS), frame(FrameType.data, PADDED, 1)],
    ['padding longer than its HEADERS', 'protocolError', frame(FrameType.headers, PADDED | END_HEADERS, 1, '0582')],
    ['padded HEADERS without pad length', 'frameSizeError', frame(FrameType.headers, PADDED | END_HEADERS, 1)],
    ['HEADERS too short for its priority', 'protocolError', frame(FrameType.headers, 0x20 | END_HEADERS, 1, '0000')],
    ['a header block that cannot be decoded', 'compressionError', frame(FrameType.headers, 5, 1, '80')],
    ['trailers that cannot be decoded', 'compressionError', headers(1, POST, END_HEADERS), frame(FrameType.headers, 5, 1, 'be')],
  ];

  test.each(cases)('%s: %s', (_what, code, ...bytes) => {
    const lone = new Lone('server');
    const written = lone.give(...bytes);
    expect(written.at(-1)).toMatch(new RegExp(`^GOAWAY \\d+ ${code}$`));
    expect(lone.recorder.take().at(-1)).toMatch(/^failed /);
    expect(lone.give(ping('12345678'))).toEqual([]);
  });
});

test('HEADERS after the end of a stream end the connection', () => {
  const lone = new Lone('server');
  lone.recorder.answer = (stream) => lone.session.writeHeaders(stream, fieldsOf([[':status', '204']]), true);
  expect(lone.give(headers(1, GET), headers(1, GET)).at(-1)).toBe('GOAWAY 1 streamClosed');
});

test('more data than the connection window ends the connection', () => {
  const lone = new Lone('server', { settings: { initialConnectionWindow: 65535, initialStreamWindow: 100_000 } });
  lone.recorder.holds = true;
  expect(lone.give(headers(1, POST, 4), ...Array.from({ length: 4 }, () => data(1, 'x'.repeat(16384)))).at(-1)).toBe('GOAWAY 1 flowControlError');
});

test.each([
  ['a wrong preface', Buffer.from('PRI * HTTP/1.1\r\n\r\n'), 'protocolError'],
  ['another first frame than SETTINGS', Buffer.concat([PREFACE, ping('12345678')]), 'protocolError'],
  ['an acknowledgement as first frame', Buffer.concat([PREFACE, frame(FrameType.settings, 1, 0)]), 'protocolError'],
])('a connection does not begin with %s', (_what, bytes, code) => {
  const lone = new Lone('server', {}, false);
  expect(lone.give(bytes).at(-1)).toBe(`GOAWAY 0 ${code}`);
});

describe('a request is malformed with', () => {
  const cases: [what: string, ...pairs: Pairs][] = [
    ['no :method', scheme, path, authority],
    ['no :scheme', method, path],
    ['no :path', method, scheme],
    ['an empty :path', method, scheme, [':path', '']],
    ['a :path without slash', method, scheme, [':path', 'x']],
    ['* as :path of GET', method, scheme, [':path', '*']],
    ['white space in :path', method, scheme, [':path', '/a b']],
    [':method twice', method, method, scheme, path],
    [':path twice', method, scheme, path, path],
    [':authority twice', ...GET, authority],
    ['a pseudo-header field after a regular one', method, scheme, ['x-a', '1'], path],
    ['an unknown pseudo-header field', ...GET, [':x', '1']],
    [':status', ...GET, [':status', '200']],
    [':protocol where it was not allowed', [':method', 'CONNECT'], [':protocol', 'websocket'], scheme, path, authority],
    ['CONNECT with :path', [':method', 'CONNECT'], path, authority],
    ['CONNECT without :authority', [':method', 'CONNECT']],
    ['user information in :authority', method, scheme, path, [':authority', 'u@a']],
    ['another host than :authority', ...GET, ['host', 'b']],
    ['another host than :authority, as if HTTP/1 in origin form were carried', ...GET, ['host', 'b'], ['l5d-orig-proto', 'HTTP/1.1']],
    ['host twice', method, scheme, path, ['host', 'a'], ['host', 'a']],
    ['an uppercase name', ...GET, ['X-A', '1']],
    ['an empty name', ...GET, ['', '1']],
    ['white space in a name', ...GET, ['x a', '1']],
    ['a line feed in a value', ...GET, ['x-a', 'a\nb']],
    ['a zero in a value', ...GET, ['x-a', 'a\0b']],
    ['white space before a value', ...GET, ['x-a', ' b']],
    ['connection', ...GET, ['connection', 'close']],
    ['keep-alive', ...GET, ['keep-alive', '1']],
    ['proxy-connection', ...GET, ['proxy-connection', 'close']],
    ['transfer-encoding', ...GET, ['transfer-encoding', 'chunked']],
    ['upgrade', ...GET, ['upgrade', 'h2c']],
    ['te other than trailers', ...GET, ['te', 'gzip']],
    ['a signed content-length', ...GET, ['content-length', '+1']],
    ['content-length twice', ...POST, ['content-length', '0'], ['content-length', '0']],
    ['a content-length without content', ...POST, ['content-length', '1']],
  ];

  test.each(cases)('%s', (_what, ...pairs) => {
    const lone = new Lone('server');
    expect(lone.give(headers(1, pairs))).toEqual(['RST_STREAM 1 protocolError']);
    expect(lone.recorder.take()).toEqual([]);
    lone.give(headers(3, GET));
    expect(lone.recorder.take().length).toBe(1);
  });
});

test.each<[what: string, ...pairs: Pairs]>([
  ['host like :authority', ...GET, ['host', 'A']],
  ['another host beside an absolute target of HTTP/1', ...GET, ['host', 'b'], ['l5d-orig-proto', 'HTTP/1.1; absolute-form']],
  ['host without :authority', method, scheme, path, ['host', 'a']],
  ['neither host nor :authority', method, scheme, path],
  ['te: trailers', ...GET, ['te', 'trailers']],
  ['OPTIONS *', [':method', 'OPTIONS'], scheme, [':path', '*'], authority],
  ['CONNECT', [':method', 'CONNECT'], authority],
  ['content-length 0 without content', ...POST, ['content-length', '0']],
])('a request may have %s', (_what, ...pairs) => {
  const lone = new Lone('server');
  expect(lone.give(headers(1, pairs))).toEqual([]);
  expect(lone.recorder.take().length).toBe(1);
});

describe('a stream is reset for', () => {
  const sized: Pairs = [...POST, ['content-length', '3']];
  const cases: [what: string, code: string, ...bytes: Buffer[]][] = [
    ['more content than its content-length', 'protocolError', headers(1, sized, 4), data(1, 'abcd')],
    ['less content than its content-length', 'protocolError', headers(1, sized, 4), data(1, 'ab', 1)],
    ['less content before trailers', 'protocolError', headers(1, sized, 4), data(1, 'ab'), headers(1, [['x-a', '1']])],
    ['trailers without end', 'protocolError', headers(1, POST, 4), headers(1, [['x-a', '1']], 4)],
    ['pseudo-header fields in trailers', 'protocolError', headers(1, POST, 4), headers(1, [[':path', '/']])],
    ['connection in trailers', 'protocolError', headers(1, POST, 4), headers(1, [['connection', 'close']])],
    ['DATA after its end', 'streamClosed', headers(1, POST, 5), data(1, 'x')],
    ['HEADERS after its end', 'streamClosed', headers(1, POST, 5), headers(1, [['x-a', '1']])],
    ['WINDOW_UPDATE of 0', 'protocolError', headers(1, POST, 4), windowUpdate(1, 0)],
    ['a window that overflows', 'flowControlError', headers(1, POST, 4), windowUpdate(1, 2147483647)],
  ];

  test.each(cases)('%s', (_what, code, ...bytes) => {
    const lone = new Lone('server');
    expect(lone.give(...bytes)).toEqual([`RST_STREAM 1 ${code}`]);
    expect(lone.recorder.take().at(-2)).toMatch(/^reset 1 \d+ protocol$/);
  });

  test('more data than its window', () => {
    const lone = new Lone('server');
    lone.recorder.holds = true;
    const written = lone.give(headers(1, POST, 4), ...Array.from({ length: 4 }, () => data(1, 'x'.repeat(16384))));
    expect(written).toEqual(['RST_STREAM 1 flowControlError']);
  });
});

test('a window that the peer has not acknowledged does not bind it yet', () => {
  const lone = new Lone('server', { settings: { initialStreamWindow: 10 } }, false);
  lone.recorder.holds = true;
  expect(lone.give(PREFACE, settings(), headers(1, POST, 4), data(1, 'x'.repeat(100)))).not.toContain('RST_STREAM 1 flowControlError');
  const late = new Lone('server', { settings: { initialStreamWindow: 10 } });
  late.recorder.holds = true;
  expect(late.give(headers(1, POST, 4), data(1, 'x'.repeat(100)))).toEqual(['RST_STREAM 1 flowControlError']);
});

describe('a response is refused with', () => {
  const status = (code: string): [string, string] => [':status', code];
  const cases: [what: string, ...bytes: Buffer[]][] = [
    ['no :status', headers(1, [['x-a', '1']])],
    ['a bad :status', headers(1, [status('20')])],
    ['status 101', headers(1, [status('101')], 4)],
    [':path', headers(1, [status('200'), path])],
    ['connection', headers(1, [status('200'), ['connection', 'close']])],
    ['an interim response that ends the stream', headers(1, [status('100')])],
    ['DATA before its head', data(1, 'x')],
    ['DATA after an interim head', headers(1, [status('100')], 4), data(1, 'x')],
    ['content that was announced and does not come', headers(1, [status('200'), ['content-length', '1']])],
    ['content with status 204', headers(1, [status('204')], 4), data(1, 'x')],
  ];

  test.each(cases)('%s', (_what, ...bytes) => {
    const lone = new Lone('client');
    lone.session.openStream(fieldsOf(GET), true, 'x');
    lone.frames();
    expect(lone.give(...bytes)).toEqual(['RST_STREAM 1 protocolError']);
    expect(lone.recorder.take().slice(-2)).toEqual(['reset 1 1 protocol', 'closed 1']);
  });
});

test('a response to HEAD declares content and has none', () => {
  const lone = new Lone('client');
  lone.session.openStream(fieldsOf([[':method', 'HEAD'], ...GET.slice(1)]), true, 'x');
  lone.give(
    headers(1, [
      [':status', '200'],
      ['content-length', '5'],
    ]),
  );
  expect(lone.recorder.take()).toEqual(['headers 1 :status=200&content-length=5 end', 'closed 1']);
});

test.each([
  ['HEADERS on a stream that nobody opened', headers(2, [[':status', '200']])],
  ['HEADERS on a stream yet to come', headers(1, [[':status', '200']])],
  ['PUSH_PROMISE', frame(FrameType.pushPromise, 4, 1, '0000000288')],
  ['ENABLE_PUSH', settings([2, 1])],
])('a client ends the connection for %s', (_what, bytes) => {
  expect(new Lone('client').give(bytes).at(-1)).toBe('GOAWAY 0 protocolError');
});

test('a GOAWAY tells which requests may be tried again', () => {
  const lone = new Lone('client');
  for (let i = 0; i < 3; i++) lone.session.openStream(fieldsOf(GET), true, 'x');
  lone.give(goaway(3, 0));
  expect(lone.recorder.take()).toEqual(['reset 5 7 refused', 'closed 5', 'goaway 3 0 ']);
  expect(lone.session.canOpen).toBe(false);
  lone.give(headers(1, [[':status', '200']]), headers(3, [[':status', '200']]));
  expect(lone.recorder.take().at(-1)).toBe('finished');
});

test('frames of closed streams are told apart from errors', () => {
  const lone = new Lone('server');
  lone.give(headers(1, POST, 4), rst(1, 8));
  expect(lone.give(windowUpdate(1, 1), rst(1, 8), data(1, 'x'), headers(1, [['x-a', '1']]))).toEqual([]);
});

test('DATA on a stream that ended is refused without ending the connection', () => {
  const lone = new Lone('server');
  lone.recorder.answer = (stream) => lone.session.writeHeaders(stream, fieldsOf([[':status', '204']]), true);
  expect(lone.give(headers(1, GET), data(1, 'x')).at(-1)).toBe('RST_STREAM 1 streamClosed');
});

test('unknown frames, flags and settings are ignored, and PING is answered', () => {
  const lone = new Lone('server');
  const written = lone.give(
    frame(0x77, 0xff, 9, 'abcdef'),
    settings([0x77, 1]),
    ping('12345678'),
    frame(FrameType.headers, 0xc5, 1, block(GET)),
    ping('87654321', 1),
  );
  expect(written).toEqual(['SETTINGS ack', 'PING 12345678 ack']);
  expect(lone.recorder.take()).toEqual(['settings', 'headers 1 :method=GET&:scheme=http&:path=/&:authority=a end']);
});

test('padding and priority are taken off', () => {
  const lone = new Lone('server', { settings: { initialStreamWindow: 65535, initialConnectionWindow: 65535 } });
  const padded = Buffer.concat([Buffer.from([3]), Buffer.from('8000000005', 'hex'), block(POST), Buffer.alloc(3)]);
  lone.give(frame(FrameType.headers, 0x8 | 0x20 | 4, 1, padded));
  const payload = Buffer.concat([Buffer.from([200]), Buffer.from('abc'), Buffer.alloc(200)]);
  const written = [];
  for (let i = 0; i < 1000; i++) written.push(...lone.give(frame(FrameType.data, PADDED, 1, payload)));
  lone.give(frame(FrameType.data, PADDED | END, 1, Buffer.from('0100', 'hex')));
  expect(lone.recorder.body(1)).toBe('abc'.repeat(1000));
  expect(lone.recorder.take().slice(-1)).toEqual(['end 1']);
  expect(new Set(written.map((line) => line.split(' ')[0]))).toEqual(new Set(['WINDOW_UPDATE']));
});

test('a smaller table is demanded once it was acknowledged', () => {
  const lone = new Lone('server', { settings: { headerTableSize: 100 } }, false);
  lone.give(PREFACE, settings(), headers(1, GET));
  expect(lone.recorder.take().length).toBe(2);
  lone.give(frame(FrameType.settings, 1, 0));
  expect(lone.give(headers(3, GET)).at(-1)).toBe('GOAWAY 1 compressionError');
});

test('settings count in their order: a table that was nothing for a moment is announced as emptied', () => {
  const lone = new Lone('server', {}, false);
  lone.give(PREFACE, settings([1, 0], [1, 65_536]), headers(1, GET));
  const stream = lone.recorder.streams.get(1);
  if (stream === undefined) throw new Error('no stream');
  lone.session.writeHeaders(stream, fieldsOf([[':status', '200']]), true);
  // RFC 7541 §4.2: the smallest size since the last block, then the one that is used from here on; then `:status: 200`.
  expect(drainOutput(lone.session).subarray(9).toString('hex')).toBe('20' + '3fe11f' + '88');
});

test('what the peer allows binds what is written', () => {
  const lone = new Lone('server', {}, false);
  lone.give(PREFACE, settings([1, 0], [4, 5], [5, 16384]), headers(1, POST, 4));
  const stream = lone.recorder.streams.get(1);
  if (stream === undefined) throw new Error('no stream');
  lone.session.writeHeaders(stream, fieldsOf([[':status', '200']]), false);
  expect(lone.session.writeData(stream, Buffer.from('0123456789'), 0, 10, true)).toBe(5);
  expect(lone.frames()).toEqual(['HEADERS 1 :status=200', 'DATA 1 5']);
  expect(lone.give(settings([4, 0]), windowUpdate(1, 2))).toEqual(['SETTINGS ack']);
  expect(lone.give(windowUpdate(1, 5))).toEqual(['DATA 1 2']);
  expect(lone.give(settings([4, 100]))).toEqual(['DATA 1 3 end', 'SETTINGS ack']);
});

test('a preface and its answer', () => {
  const lone = new Lone('server', { settings: { initialConnectionWindow: 65545, maxConcurrentStreams: 7 } }, false);
  expect(lone.give(clientHello)).toEqual(['SETTINGS', 'WINDOW_UPDATE 0 10', 'SETTINGS ack']);
  const client = new Lone('client', { settings: { initialConnectionWindow: 65535 } }, false);
  expect(client.frames()).toEqual(['SETTINGS']);
  expect(client.give(Buffer.concat([settings(), uint32(0)]))).toEqual(['SETTINGS ack']);
});
