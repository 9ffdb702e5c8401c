import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seeded } from '../ports/random.ts';
import { exponentialBackoff } from './exponential-backoff.ts';

test('doubles from the minimum to the maximum and starts again after a reset', () => {
  const backoff = exponentialBackoff({ minMs: 100, maxMs: 1000, jitter: 0 });
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1000, 1000]);
  backoff.reset();
  expect(backoff.next()).toBe(100);
});

test('adds up to the jitter share of the base, capped at the maximum', () => {
  const half = exponentialBackoff({ minMs: 100, maxMs: 500, jitter: 0.5, random: { next: () => 0.5 } });
  expect([1, 2, 3, 4].map(() => half.next())).toEqual([125, 250, 500, 500]);
});

test('stays inside its bounds for any parameters', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 3, noNaN: true }), fc.nat(), (min, span, jitter, seed) => {
      const max = min + span;
      const backoff = exponentialBackoff({ minMs: min, maxMs: max, jitter, random: seeded(seed) });
      for (let n = 0; n < 40; n++) {
        const base = Math.min(min * 2 ** n, max);
        const wait = backoff.next();
        expect(wait).toBeGreaterThanOrEqual(base);
        expect(wait).toBeLessThanOrEqual(Math.min(base * (1 + jitter), max) + 1e-6);
      }
    }),
  );
});

test.each([
  [-1, 10, 0],
  [10, 5, 0],
  [0, 0, 0],
  [1, Number.POSITIVE_INFINITY, 0],
  [1, 2, -0.1],
  [1, 2, Number.NaN],
])('refuses min %d, max %d, jitter %d', (minMs, maxMs, jitter) => {
  expect(() => exponentialBackoff({ minMs, maxMs, jitter })).toThrow(RangeError);
});
