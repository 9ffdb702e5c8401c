import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../time/manual-clock.ts';
import { memoryBuckets } from './buckets.ts';
import { Gcra } from './gcra.ts';

const ONE = new Gcra(1);

describe('buckets', () => {
  test('are one per key', () => {
    const buckets = memoryBuckets({ clock: manualClock() });
    expect(['a', 'a', 'b', 'b'].map((key) => buckets.take(key, ONE))).toEqual([true, false, true, false]);
  });

  test('fill up as time passes', () => {
    const clock = manualClock();
    const buckets = memoryBuckets({ clock });
    const limit = new Gcra(2);
    expect([buckets.available('a', limit), buckets.take('a', limit), buckets.take('a', limit), buckets.take('a', limit)]).toEqual([2, true, true, false]);
    clock.advance(500);
    expect([buckets.available('a', limit), buckets.take('a', limit), buckets.available('a', limit)]).toEqual([1, true, 0]);
  });

  test('keys for which there is no room share one bucket', () => {
    const buckets = memoryBuckets({ clock: manualClock(), max: 2 });
    expect(['a', 'b', 'c', 'd', 'c'].map((key) => buckets.take(key, ONE))).toEqual([true, true, true, false, false]);
    expect([buckets.available('d', ONE), buckets.available('a', ONE)]).toEqual([0, 0]);
  });

  test('a full one makes room, and who gets it keeps what it took from the shared one', () => {
    const clock = manualClock();
    const buckets = memoryBuckets({ clock, max: 1 });
    const two = new Gcra(2);
    expect([buckets.take('a', ONE), buckets.take('b', two), buckets.take('b', two), buckets.take('b', two)]).toEqual([true, true, true, false]);
    clock.advance(999);
    // `a` has no room to give yet; the shared bucket has filled by one.
    expect([buckets.take('b', two), buckets.take('b', two)]).toEqual([true, false]);
    clock.advance(1);
    expect([buckets.take('b', two), buckets.take('b', two)]).toEqual([true, false]);
  });
});

test('no key is ever admitted more than its limit allows, whatever the number of keys and the room', () => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 9 }), gap: fc.constantFrom(0, 0, 0, 1, 40, 250, 1_000) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 200 }), (max, steps) => {
      const clock = manualClock();
      const buckets = memoryBuckets({ clock, max });
      const limits = Array.from({ length: 10 }, (_, key) => new Gcra(1 + (key % 4)));
      const times = limits.map((): number[] => []);
      for (const { key, gap } of steps) {
        clock.advance(gap);
        if (buckets.take(String(key), limits[key] as Gcra)) times[key]?.push(clock.now());
      }
      for (const [key, admitted] of times.entries()) {
        const { rps } = limits[key] as Gcra;
        for (let i = 0; i < admitted.length; i++) {
          for (let j = i; j < admitted.length; j++) {
            expect(j - i + 1).toBeLessThanOrEqual(rps + Math.floor((((admitted[j] as number) - (admitted[i] as number)) * rps) / 1_000));
          }
        }
      }
    }),
  );
});

test('with room for all, each key is admitted exactly what its own bucket would admit', () => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 5 }), gap: fc.constantFrom(0, 0, 100, 333, 1_000, 5_000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const clock = manualClock();
      const together = memoryBuckets({ clock });
      const limits = Array.from({ length: 6 }, (_, key) => new Gcra(1 + key));
      const alone = limits.map(() => 0);
      for (const { key, gap } of steps) {
        clock.advance(gap);
        const limit = limits[key] as Gcra;
        const next = limit.take(alone[key] as number, Math.round(clock.now() * 1e6));
        expect(together.take(String(key), limit)).toBe(next !== undefined);
        alone[key] = next ?? (alone[key] as number);
      }
    }),
  );
});
