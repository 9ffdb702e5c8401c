// What costs us work and the peer nothing is bounded: each flood ends its connection with ENHANCE_YOUR_CALM, and a slow trickle of the same does
// not.
import { describe, expect, test } from 'vitest';
import { data, fieldsOf, frame, GET, headers, POST, ping, rst, settings, windowUpdate } from '../../test/h2/frames.ts';
import { Lone } from '../../test/h2/sessions.ts';
import { FrameType } from './protocol.ts';

const rate = { burst: 10, perSecond: 10 };
const limits = { resets: rate, pings: rate, settings: rate, emptyData: rate, windowUpdates: rate, ignoredFrames: rate };

describe('a flood ends the connection, a trickle does not:', () => {
  const cases: [what: string, prepare: Buffer[], each: (i: number) => Buffer][] = [
    ['rapid reset', [], (i) => Buffer.concat([headers(1 + 2 * i, GET), rst(1 + 2 * i, 8)])],
    ['RST_STREAM of closed streams', [headers(1, GET), rst(1, 8)], () => rst(1, 8)],
    ['malformed requests', [], (i) => headers(1 + 2 * i, [[':method', 'GET']])],
    ['streams that break their windows', [], (i) => Buffer.concat([headers(1 + 2 * i, POST, 4), windowUpdate(1 + 2 * i, 0)])],
    ['PING', [], () => ping('12345678')],
    ['SETTINGS', [], () => settings()],
    ['PRIORITY', [], () => frame(FrameType.priority, 0, 1, '0000000000')],
    ['unknown frames', [], () => frame(0x77, 0, 0)],
    ['empty DATA', [headers(1, POST, 4)], () => data(1, '')],
    ['DATA of nothing but padding', [headers(1, POST, 4)], () => frame(FrameType.data, 8, 1, '020000')],
    ['WINDOW_UPDATE of a connection', [], () => windowUpdate(0, 1)],
    ['WINDOW_UPDATE of a stream', [headers(1, POST, 4)], () => windowUpdate(1, 1)],
  ];

  test.each(cases)('%s', (_what, prepare, each) => {
    const flooded = new Lone('server', { limits });
    flooded.give(...prepare);
    const flood = Array.from({ length: 20 }, (_, i) => each(i));
    expect(flooded.give(...flood).at(-1)).toMatch(/^GOAWAY \d+ enhanceYourCalm$/);
    expect(flooded.session.openStreams).toBe(0);

    const trickled = new Lone('server', { limits });
    trickled.give(...prepare);
    for (const bytes of flood) {
      trickled.time.advance(200);
      trickled.give(bytes);
    }
    expect(trickled.recorder.take().join()).not.toContain('failed');
  });
});

test('window updates that follow our data are not a flood', () => {
  const lone = new Lone('server', { limits });
  lone.give(headers(1, POST, 4));
  const stream = lone.recorder.streams.get(1);
  if (stream === undefined) throw new Error('no stream');
  for (let i = 0; i < 100; i++) {
    lone.session.writeData(stream, Buffer.from('x'), 0, 1, false);
    lone.give(windowUpdate(1, 1), windowUpdate(0, 1));
  }
  expect(lone.session.openStreams).toBe(1);
});

test('resets of streams that were answered are not a flood', () => {
  const lone = new Lone('server', { limits });
  for (let i = 0; i < 100; i++) {
    const id = 1 + 2 * i;
    lone.give(headers(id, GET));
    const stream = lone.recorder.streams.get(id);
    if (stream === undefined) throw new Error('no stream');
    lone.session.writeHeaders(stream, fieldsOf([[':status', '200']]), false);
    lone.give(rst(id, 8));
  }
  expect(lone.recorder.take().join()).not.toContain('failed');
});

test('small CONTINUATION frames without end', () => {
  const lone = new Lone('server', { limits: { maxContinuations: 10 } });
  const part = frame(FrameType.continuation, 0, 1, '82');
  expect(lone.give(headers(1, [], 0), ...Array.from({ length: 10 }, () => part))).toEqual([]);
  expect(lone.give(part)).toEqual(['GOAWAY 0 enhanceYourCalm']);
});

test('a header block without end', () => {
  const lone = new Lone('server', { limits: { maxHeaderListBytes: 20_000 } });
  const part = frame(FrameType.continuation, 0, 1, Buffer.alloc(16384, 0x82));
  expect(lone.give(headers(1, [], 0), part, part)).toEqual([]);
  expect(lone.give(part)).toEqual(['GOAWAY 0 enhanceYourCalm']);
});

test('too many fields, and a bomb of indexed fields', () => {
  const lone = new Lone('server', { limits: { maxHeaderFields: 10 } });
  lone.give(headers(1, [...GET, ...Array.from({ length: 10 }, (_, i) => [`x-${i}`, ''] as const)]));
  expect(lone.recorder.take()).toEqual(['too-large 1 :scheme 43 of 516 in 14 end']);
  const bomb = new Lone('server');
  bomb.give(headers(1, [...GET, ['x-a', 'v'.repeat(3000)]]));
  bomb.give(
    frame(FrameType.headers, 5, 3, Buffer.concat([Buffer.from('82868441016140037a7a7a7f821e', 'hex'), Buffer.alloc(3969, 'v'), Buffer.alloc(10_000, 0xbe)])),
  );
  expect(bomb.recorder.take().at(-1)).toMatch(/^too-large 3 zzz 4004 of \d{8} in 10005 end$/);
});

test('more streams than a client may have are refused', () => {
  const lone = new Lone('server', { limits: { maxConcurrentStreams: 2 } });
  expect(lone.give(headers(1, POST, 4), headers(3, POST, 4), headers(5, POST, 4))).toEqual(['RST_STREAM 5 refusedStream']);
  lone.give(rst(1, 8));
  expect(lone.give(headers(7, POST, 4))).toEqual([]);
  expect(lone.recorder.take().at(-1)).toContain('headers 7');
});

test('what is remembered of closed streams is bounded, and forgotten streams are no errors', () => {
  const lone = new Lone('server');
  for (let i = 0; i < 500; i++) lone.give(headers(1 + 2 * i, POST, 4), rst(1 + 2 * i, 8));
  expect(lone.give(data(1, 'x'), headers(1, [['x-a', '1']]))).toEqual([]);
  expect(lone.give(headers(1001, GET))).toEqual([]);
});

test('SETTINGS that are never acknowledged', () => {
  const lone = new Lone('client', {}, false);
  lone.frames();
  lone.give(settings());
  lone.time.advance(9_999);
  lone.session.tick();
  expect(lone.frames()).toEqual([]);
  lone.time.advance(1);
  lone.session.tick();
  expect(lone.frames()).toEqual(['GOAWAY 0 settingsTimeout']);
});

test('a server that resets streams is not a flood', () => {
  const lone = new Lone('client', { limits });
  for (let i = 0; i < 50; i++) {
    const stream = lone.session.openStream(fieldsOf(GET), true, 'x');
    lone.give(rst(stream?.id ?? 0, 2));
  }
  expect(lone.session.usable).toBe(true);
});
