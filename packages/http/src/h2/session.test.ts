import { expect, test } from 'vitest';
import { fieldsOf, GET, POST } from '../../test/h2/frames.ts';
import type { Stream } from '../../test/h2/recorder.ts';
import { drainOutput, Pair } from '../../test/h2/sessions.ts';

const OK = fieldsOf([[':status', '200']]);
const payload = (bytes: number): Buffer => Buffer.alloc(bytes, 'payload ');

function open(pair: Pair, pairs = GET, endStream = true): Stream {
  const stream = pair.client.openStream(fieldsOf(pairs), endStream, 'mine');
  if (stream === null) throw new Error('no stream');
  pair.pump();
  return stream;
}

function served(pair: Pair, id: number): Stream {
  const stream = pair.atServer.streams.get(id);
  if (stream === undefined) throw new Error(`no stream ${id}`);
  return stream;
}

test('carries a request and its response', () => {
  const pair = new Pair();
  const stream = open(pair);
  expect(stream.context).toBe('mine');
  expect(pair.atServer.take()).toEqual(['headers 1 :method=GET&:scheme=http&:path=/&:authority=a end']);
  pair.server.writeHeaders(served(pair, 1), OK, false);
  expect(pair.server.writeData(served(pair, 1), Buffer.from('..hello'), 2, 7, true)).toBe(5);
  pair.pump();
  expect(pair.atClient.take()).toEqual(['headers 1 :status=200', 'end 1', 'closed 1']);
  expect(pair.atClient.body(1)).toBe('hello');
  expect(pair.atServer.take()).toEqual(['closed 1']);
  expect([pair.client.openStreams, pair.server.openStreams]).toEqual([0, 0]);
});

test('carries bodies and trailers both ways, and interim responses', () => {
  const pair = new Pair();
  const stream = open(pair, POST, false);
  const peer = served(pair, 1);
  pair.server.writeHeaders(
    peer,
    fieldsOf([
      [':status', '103'],
      ['link', 'x'],
    ]),
    false,
  );
  pair.client.writeData(stream, payload(8), 0, 8, false);
  pair.client.writeTrailers(stream, fieldsOf([['x-sum', '1']]));
  pair.server.writeHeaders(peer, OK, false);
  pair.server.writeData(peer, payload(8), 0, 8, false);
  pair.server.writeTrailers(peer, fieldsOf([['grpc-status', '0']]));
  pair.pump();
  expect(pair.atServer.take().slice(1)).toEqual(['trailers 1 x-sum=1', 'closed 1']);
  expect(pair.atClient.take()).toEqual(['interim 1 103 :status=103&link=x', 'headers 1 :status=200', 'trailers 1 grpc-status=0', 'closed 1']);
  expect(pair.atServer.body(1)).toBe('payload ');
});

test('holds payload back at the window of the stream until the reader grants', () => {
  const pair = new Pair();
  pair.atServer.holds = true;
  const stream = open(pair, POST, false);
  const sent = pair.client.writeData(stream, payload(100_000), 0, 100_000, false);
  pair.client.writeTrailers(stream, fieldsOf([['x-sum', '1']]));
  pair.pump();
  expect(sent).toBe(65535);
  expect(pair.atServer.body(1).length).toBe(65535);
  expect(pair.atClient.take()).toEqual([]);
  pair.server.grantCredit(served(pair, 1), 30_000);
  pair.pump();
  expect(pair.atServer.body(1).length).toBe(65535);
  pair.server.grantCredit(served(pair, 1), 35_535);
  pair.pump();
  expect(pair.atClient.take()).toEqual(['sent 1 34465']);
  expect(pair.atServer.body(1)).toBe(payload(100_000).toString('latin1'));
  expect(pair.atServer.take().slice(1)).toEqual(['trailers 1 x-sum=1']);
});

test('shares the window of the connection among its streams in turns', () => {
  const pair = new Pair({}, { settings: { initialConnectionWindow: 65535, initialStreamWindow: 1_000_000 } });
  pair.atServer.holds = true;
  const streams = [open(pair, POST, false), open(pair, POST, false), open(pair, POST, false)];
  for (const stream of streams) pair.client.writeData(stream, payload(100_000), 0, 100_000, true);
  pair.pump();
  expect([1, 3, 5].map((id) => pair.atServer.body(id).length)).toEqual([65535, 0, 0]);
  pair.server.grantCredit(served(pair, 1), 65535);
  pair.pump();
  expect([1, 3, 5].map((id) => pair.atServer.body(id).length)).toEqual([65535 + 16384 + 16383, 16384, 16384]);
});

test('carries any amount with a reader that grants, whatever the windows', () => {
  const pair = new Pair({ settings: { initialStreamWindow: 1000 } }, { settings: { initialStreamWindow: 1, initialConnectionWindow: 65535 } });
  const up = open(pair, POST, false);
  pair.client.writeData(up, payload(5_000), 0, 5_000, true);
  pair.server.writeHeaders(served(pair, 1), OK, false);
  pair.server.writeData(served(pair, 1), payload(300_000), 0, 300_000, true);
  pair.pump();
  expect(pair.atServer.body(1)).toBe(payload(5_000).toString('latin1'));
  expect(pair.atClient.body(1)).toBe(payload(300_000).toString('latin1'));
  expect(pair.client.openStreams).toBe(0);
});

test('gives the connection back what a reset stream held', () => {
  const pair = new Pair({}, { settings: { initialConnectionWindow: 65535 } });
  pair.atServer.holds = true;
  for (let i = 0; i < 5; i++) {
    const stream = open(pair, POST, false);
    pair.client.writeData(stream, payload(60_000), 0, 60_000, false);
    pair.pump();
    expect(pair.atServer.body(stream.id).length).toBe(60_000);
    if (i % 2 === 0) pair.server.resetStream(served(pair, stream.id), 8);
    else pair.client.resetStream(stream, 8);
    pair.pump();
  }
});

test('gives the connection back what a finished stream held, when it is granted or given up', () => {
  const pair = new Pair({}, { settings: { initialConnectionWindow: 65535 } });
  pair.atServer.holds = true;
  for (let i = 0; i < 4; i++) {
    const stream = open(pair, POST, false);
    pair.client.writeData(stream, payload(60_000), 0, 60_000, true);
    pair.pump();
    expect(pair.atServer.body(stream.id).length).toBe(60_000);
    const peer = served(pair, stream.id);
    pair.server.writeHeaders(peer, OK, true);
    if (i % 2 === 0) pair.server.grantCredit(peer, 60_000);
    else pair.server.resetStream(peer, 8);
    pair.pump();
  }
});

test('resets carry their code, either way', () => {
  const pair = new Pair();
  const first = open(pair);
  pair.client.resetStream(first, 8);
  pair.pump();
  expect(pair.atServer.take().slice(1)).toEqual(['reset 1 8 peer', 'closed 1']);
  expect(pair.atClient.take()).toEqual(['closed 1']);
  open(pair);
  pair.server.resetStream(served(pair, 3), 11);
  pair.pump();
  expect(pair.atClient.take()).toEqual(['reset 3 11 peer', 'closed 3']);
  pair.server.writeHeaders(served(pair, 3), OK, true);
  pair.server.writeData(served(pair, 3), payload(1), 0, 1, true);
  pair.server.writeTrailers(served(pair, 3), OK);
  expect(drainOutput(pair.server).length).toBe(0);
});

test('what was under way to a stream that was reset is ignored', () => {
  const pair = new Pair();
  const stream = open(pair, POST, false);
  pair.client.writeData(stream, payload(100), 0, 100, false);
  pair.client.writeTrailers(stream, fieldsOf([['x-a', '1']]));
  pair.server.resetStream(served(pair, 1), 7);
  pair.pump();
  expect(pair.atClient.take()).toEqual(['reset 1 7 peer', 'closed 1']);
  expect(pair.atServer.take().slice(1)).toEqual(['closed 1']);
  open(pair);
  expect(pair.atServer.take().length).toBe(1);
});

test('a client opens as many streams as the server allows', () => {
  const pair = new Pair({}, { settings: { maxConcurrentStreams: 2 } });
  open(pair);
  expect(pair.client.canOpen).toBe(true);
  const second = open(pair);
  expect(pair.client.canOpen).toBe(false);
  expect(pair.client.openStream(fieldsOf(GET), true, 'x')).toBe(null);
  pair.client.resetStream(second, 8);
  expect(pair.client.canOpen).toBe(true);
});

test('a server drains: what is under way is finished, what comes later is not accepted', () => {
  const pair = new Pair();
  open(pair);
  pair.server.drain();
  pair.server.drain();
  const early = pair.client.openStream(fieldsOf(GET), true, 'under way');
  expect(early?.id).toBe(3);
  pair.pump();
  expect(pair.atClient.take()).toEqual(['goaway 2147483647 0 ', 'goaway 3 0 ']);
  expect([pair.client.canOpen, pair.client.usable]).toEqual([false, false]);
  pair.server.writeHeaders(served(pair, 1), OK, true);
  pair.server.writeHeaders(served(pair, 3), OK, true);
  expect(pair.atServer.take().slice(-2)).toEqual(['closed 3', 'finished']);
  pair.pump();
  expect(pair.atClient.take().slice(-2)).toEqual(['closed 3', 'finished']);
});

test('a drain that the peer does not answer ends by time', () => {
  const pair = new Pair();
  pair.server.drain();
  drainOutput(pair.server);
  pair.time.advance(9_999);
  pair.server.tick();
  expect(pair.atServer.take()).toEqual([]);
  pair.time.advance(1);
  pair.server.tick();
  expect(pair.atServer.take()).toEqual(['finished']);
});

test('a client drains by opening nothing more', () => {
  const pair = new Pair();
  open(pair);
  pair.client.drain();
  expect(pair.client.canOpen).toBe(false);
  pair.pump();
  expect(pair.atServer.take().slice(1)).toEqual(['goaway 0 0 ']);
  pair.server.writeHeaders(served(pair, 1), OK, true);
  pair.pump();
  expect(pair.atClient.take().slice(-1)).toEqual(['finished']);
});

test('a session closed with an error resets its streams on both sides', () => {
  const pair = new Pair();
  open(pair);
  pair.server.close(2, 'broken');
  expect(pair.atServer.take().slice(1)).toEqual(['reset 1 2 connection', 'closed 1', 'failed 2']);
  pair.pump();
  expect(pair.atClient.take()).toEqual(['goaway 1 2 broken']);
  pair.client.disconnected();
  expect(pair.atClient.take()).toEqual(['reset 1 8 connection', 'closed 1']);
});

test('large payloads are passed on without a copy, small ones are not', () => {
  const pair = new Pair();
  const stream = open(pair, POST, false);
  const large = payload(9 + 5000);
  pair.client.writeData(stream, large, 9, 5009, false);
  pair.client.writeData(stream, payload(10), 0, 10, false);
  const pieces = [];
  for (let piece = pair.client.takeOutput(); piece !== null; piece = pair.client.takeOutput()) pieces.push(piece);
  expect(pieces.map((piece) => piece.length)).toEqual([9, 5000, 19]);
  expect(pieces[1]?.buffer === large.buffer && pieces[1]?.byteOffset === large.byteOffset + 9).toBe(true);
});

test('with headroom a large payload takes its frame header in front of it', () => {
  const pair = new Pair();
  const stream = open(pair, POST, false);
  const large = payload(9 + 5000);
  const before = large.toString('latin1', 9);
  pair.client.writeData(stream, large, 9, 5009, true, true);
  expect(pair.client.outputBytes).toBe(5009);
  pair.pump();
  expect(pair.atServer.body(1)).toBe(before);
});

test('heads longer than a frame are continued', () => {
  const pair = new Pair();
  const value = 'v'.repeat(40_000);
  open(pair, [...GET, ['x-large', value]]);
  expect(pair.atServer.take()).toEqual([`headers 1 :method=GET&:scheme=http&:path=/&:authority=a&x-large=${value} end`]);
});

test('a head over the limit can be answered, and the connection goes on', () => {
  const pair = new Pair({}, { limits: { maxHeaderListBytes: 1000 } });
  open(pair, [...GET, ['x-large', 'v'.repeat(1000)]]);
  expect(pair.atServer.take()).toEqual(['too-large 1 x-large 1039 of 1205 in 5 end']);
  pair.server.writeHeaders(served(pair, 1), fieldsOf([[':status', '431']]), true);
  pair.pump();
  expect(pair.atClient.take()).toEqual(['headers 1 :status=431 end', 'closed 1']);
  open(pair);
  expect(pair.atServer.take().slice(-1)).toEqual(['headers 3 :method=GET&:scheme=http&:path=/&:authority=a end']);
});

test('extended CONNECT is known to the client and accepted where it was allowed', () => {
  const pair = new Pair({}, { settings: { enableConnectProtocol: true } });
  expect(pair.client.peerSettings.enableConnectProtocol).toBe(true);
  open(pair, [[':method', 'CONNECT'], [':protocol', 'websocket'], ...GET.slice(1)], false);
  expect(pair.atServer.take()[0]).toContain(':protocol=websocket');
});

test('keeps alive by PING after silence, and gives a dead peer up', () => {
  const keepAlive = { intervalMs: 1000, timeoutMs: 500, whileIdle: false };
  const pair = new Pair({ keepAlive });
  const tick = (ms: number): void => {
    pair.time.advance(ms);
    pair.client.tick();
  };
  tick(0);
  tick(5000);
  expect(pair.client.outputBytes).toBe(0);
  open(pair);
  tick(0);
  expect(pair.client.outputBytes).toBe(17);
  pair.pump();
  tick(500);
  tick(999);
  expect(pair.client.outputBytes).toBe(0);
  tick(1);
  expect(drainOutput(pair.client).length).toBe(17);
  tick(499);
  expect(pair.atClient.take()).toEqual([]);
  tick(1);
  expect(pair.atClient.take()).toEqual(['reset 1 0 connection', 'closed 1', 'failed 0']);
});

test('payload that never moves is reset after a time', () => {
  const pair = new Pair({ limits: { stallMs: 1000 } });
  pair.atServer.holds = true;
  const stream = open(pair, POST, false);
  pair.client.writeData(stream, payload(100_000), 0, 100_000, true);
  pair.pump();
  pair.client.tick();
  pair.time.advance(999);
  pair.server.grantCredit(served(pair, 1), 33_000);
  pair.pump();
  pair.client.tick();
  pair.time.advance(999);
  pair.client.tick();
  expect(pair.atClient.take()).toEqual(['sent 1 33000']);
  pair.time.advance(1);
  pair.client.tick();
  pair.pump();
  expect(pair.atClient.take()).toEqual(['reset 1 8 protocol', 'closed 1']);
  expect(pair.atServer.take().slice(1)).toEqual(['reset 1 8 peer', 'closed 1']);
});
