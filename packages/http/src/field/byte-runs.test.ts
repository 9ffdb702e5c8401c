import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf, sameBytes } from './byte-runs.ts';

const run = fc.uint8Array({ maxLength: 40 });

test('the digest is that of the run, wherever it stands', () => {
  fc.assert(
    fc.property(run, run, run, fc.integer(), (before, bytes, after, seed) => {
      const within = Uint8Array.of(...before, ...bytes, ...after);
      expect(digestOf(within, before.length, before.length + bytes.length, seed)).toBe(digestOf(bytes, 0, bytes.length, seed));
    }),
  );
});

test('it is a polynomial of the bytes', () => {
  fc.assert(
    fc.property(run, fc.integer(), (bytes, seed) => {
      let expected = seed | 0;
      for (const byte of bytes) expected = (Math.imul(expected, 31) + byte) | 0;
      expect(digestOf(bytes, 0, bytes.length, seed)).toBe(expected ^ (expected >>> 15));
    }),
  );
});

test('runs are the same when every byte is', () => {
  fc.assert(
    fc.property(run, run, fc.nat(), (before, bytes, place) => {
      const within = Uint8Array.of(...before, ...bytes);
      expect(sameBytes(within, before.length, bytes, 0, bytes.length)).toBe(true);
      if (bytes.length === 0) return;
      within[before.length + (place % bytes.length)] = ((bytes[place % bytes.length] as number) + 1) & 0xff;
      expect(sameBytes(within, before.length, bytes, 0, bytes.length)).toBe(false);
    }),
  );
});
