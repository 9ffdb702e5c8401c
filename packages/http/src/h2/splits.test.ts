// However octets are cut on their way, a session says and writes the same.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientHello, data, frame, GET, headers, type Pairs, POST, ping, rst, settings, windowUpdate } from '../../test/h2/frames.ts';
import { Lone } from '../../test/h2/sessions.ts';
import { FrameType } from './protocol.ts';

const id = fc.constantFrom(1, 3, 5, 7);
const text = fc.string({ maxLength: 40, unit: fc.constantFrom('a', 'b', '1') });
const extra = fc.array(fc.tuple(fc.constantFrom('x-a', 'x-b', 'cookie'), text), { maxLength: 4 });
const padded = (stream: number, body: string, padding: number, flags: number): Buffer =>
  frame(FrameType.data, 8 | flags, stream, Buffer.concat([Buffer.from([padding]), Buffer.from(body), Buffer.alloc(padding)]));
const split = (stream: number, pairs: Pairs, at: number): Buffer => {
  const whole = headers(stream, pairs, 4);
  const cut = 9 + (at % (whole.length - 9));
  return Buffer.concat([frame(FrameType.headers, 0, stream, whole.subarray(9, cut)), frame(FrameType.continuation, 4, stream, whole.subarray(cut))]);
};

const anyFrame = fc.oneof(
  fc.tuple(id, extra, fc.boolean()).map(([stream, more, end]) => headers(stream, [...(end ? GET : POST), ...more], end ? 5 : 4)),
  fc.tuple(id, extra, fc.nat()).map(([stream, more, at]) => split(stream, [...POST, ...more], at)),
  fc.tuple(id, text, fc.boolean()).map(([stream, body, end]) => data(stream, body, end ? 1 : 0)),
  fc.tuple(id, text, fc.nat({ max: 9 }), fc.boolean()).map(([stream, body, padding, end]) => padded(stream, body, padding, end ? 1 : 0)),
  fc.tuple(id, extra).map(([stream, more]) => headers(stream, more)),
  fc.tuple(id, fc.nat({ max: 5 })).map(([stream, code]) => rst(stream, code)),
  fc.tuple(fc.constantFrom(0, 1, 3), fc.nat({ max: 100 })).map(([stream, n]) => windowUpdate(stream, n)),
  fc.constantFrom(ping('12345678'), settings([4, 100]), frame(0x77, 0, 1, 'abcd'), data(1, ''), frame(FrameType.goaway, 0, 0, '0000000000000000616263')),
  fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)),
);

function run(bytes: Buffer, cuts: readonly number[]): unknown {
  const lone = new Lone('server', { limits: { resets: { burst: 3, perSecond: 0 } } }, false);
  const written: string[] = [];
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    written.push(...lone.give(Buffer.from(bytes.subarray(from, cut))));
    from = cut;
  }
  return { written, events: lone.recorder.events, bodies: [1, 3, 5, 7].map((stream) => lone.recorder.body(stream)), open: lone.session.openStreams };
}

const input = fc.array(anyFrame, { maxLength: 12 }).map((frames) => Buffer.concat([clientHello, ...frames]));

test('octet by octet', () => {
  fc.assert(
    fc.property(input, (bytes) => {
      expect(
        run(
          bytes,
          Array.from({ length: bytes.length }, (_, i) => i),
        ),
      ).toEqual(run(bytes, []));
    }),
    { numRuns: 300 },
  );
});

test('cut anywhere', () => {
  const cuts = fc.array(fc.nat({ max: 1000 }), { maxLength: 10 });
  fc.assert(
    fc.property(input, cuts, (bytes, at) => {
      const sorted = at.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
      expect(run(bytes, sorted)).toEqual(run(bytes, []));
    }),
    { numRuns: 300 },
  );
});
