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

/** Requests in one instant: so many of each of some neighbouring keys. Then time passes, often just too little. */
const bursts = fc.array(
  fc.record({
    from: fc.integer({ min: 0, max: 9 }),
    keys: fc.integer({ min: 1, max: 6 }),
    times: fc.integer({ min: 1, max: 3 }),
    gap: fc.constantFrom(0, 1, 40, 250, 333, 500, 910, 960, 999, 1_000, 5_000),
  }),
  // Without `size` a list has ten at most.
  { maxLength: 60, size: 'max' },
);

/** How many more than `rps·t + rps` the worst of all windows admitted: none where it is not above 0. */
function excess(times: readonly number[], rps: number): number {
  let worst = 0;
  for (const [i, begin] of times.entries()) {
    for (let j = i; j < times.length; j++) worst = Math.max(worst, j - i + 1 - rps - Math.floor((((times[j] as number) - begin) * rps) / 1_000));
  }
  return worst;
}

test('no key is ever admitted more than its limit allows, whatever the number of keys and the room', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), bursts, (max, list) => {
      const clock = manualClock();
      const buckets = memoryBuckets({ clock, max });
      const limits = Array.from({ length: 10 }, (_, key) => new Gcra(1 + (key % 3)));
      const admitted = limits.map((): number[] => []);
      for (const { from, keys, times, gap } of list) {
        for (let i = 0; i < keys * times; i++) {
          const key = (from + (i % keys)) % limits.length;
          if (buckets.take(String(key), limits[key] as Gcra)) admitted[key]?.push(clock.now());
        }
        clock.advance(gap);
      }
      expect(limits.map(({ rps }, key) => excess(admitted[key] ?? [], rps))).toEqual(limits.map(() => 0));
    }),
  );
});

test('with room for all, each key is admitted exactly what its own bucket would admit', () => {
  fc.assert(
    fc.property(bursts, (list) => {
      const clock = manualClock();
      const together = memoryBuckets({ clock });
      const limits = Array.from({ length: 10 }, (_, key) => new Gcra(1 + (key % 6)));
      const alone = limits.map(() => 0);
      const differing: number[] = [];
      for (const { from, keys, times, gap } of list) {
        for (let i = 0; i < keys * times; i++) {
          const key = (from + (i % keys)) % limits.length;
          const limit = limits[key] as Gcra;
          const next = limit.take(alone[key] as number, Math.round(clock.now() * 1e6));
          if (together.take(String(key), limit) !== (next !== undefined)) differing.push(key);
          alone[key] = next ?? (alone[key] as number);
        }
        clock.advance(gap);
      }
      expect(differing).toEqual([]);
    }),
  );
});
