import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FULL, Gcra } from './gcra.ts';

/** When each of these attempts is made, and which are admitted. */
function admitted(limit: Gcra, gaps: readonly number[]): number[] {
  let full = FULL;
  let now = 0;
  const times: number[] = [];
  for (const gap of gaps) {
    now += gap;
    const next = limit.take(full, now);
    if (next === undefined) continue;
    full = next;
    times.push(now);
  }
  return times;
}

/** Rates with intervals that divide a second and that do not. */
const rates = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom(100, 333, 1_000, 999_983, 4_294_967_295));
const gaps = (rps: number): fc.Arbitrary<number[]> => {
  const interval = Math.ceil(1e9 / rps);
  const gap = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 2 * interval }), fc.constantFrom(interval - 1, interval, 1e9, 5e9));
  return fc.array(gap, { maxLength: 80 });
};
const scenarios = rates.chain((rps) => gaps(rps).map((list) => [rps, list] as const));

describe('a rate', () => {
  test('admits a burst of as many requests as it has per second, at the start and after any pause', () => {
    const limit = new Gcra(3);
    expect(admitted(limit, [0, 0, 0, 0])).toEqual([0, 0, 0]);
    expect(admitted(limit, [0, 0, 0, 0, 10e9, 0, 0, 0, 0])).toEqual([0, 0, 0, 10e9, 10e9, 10e9]);
  });

  test('admits one more as soon as an interval has passed, and not a nanosecond earlier', () => {
    const limit = new Gcra(4);
    expect(admitted(limit, [0, 0, 0, 0, 249_999_999, 1])).toEqual([0, 0, 0, 0, 250_000_000]);
  });

  test('counts no request that it denies', () => {
    const limit = new Gcra(1);
    expect(admitted(limit, [0, 500_000_000, 499_999_999, 1])).toEqual([0, 1e9]);
  });

  test('says how much is left', () => {
    const limit = new Gcra(2);
    const afterOne = limit.take(FULL, 0) ?? Number.NaN;
    const afterTwo = limit.take(afterOne, 0) ?? Number.NaN;
    expect([limit.available(FULL, 0), limit.available(afterOne, 0), limit.available(afterTwo, 0)]).toEqual([2, 1, 0]);
    expect([limit.available(afterTwo, 499_999_999), limit.available(afterTwo, 500_000_000), limit.available(afterTwo, 1e9)]).toEqual([0, 1, 2]);
  });

  test.each([0, -1, 1.5, Number.NaN])('of %s is refused', (rps) => {
    expect(() => new Gcra(rps)).toThrow(RangeError);
  });
});

describe('property', () => {
  test('no window sees more than rate·t + burst', () => {
    fc.assert(
      fc.property(scenarios, ([rps, list]) => {
        const times = admitted(new Gcra(rps), list);
        for (let i = 0; i < times.length; i++) {
          for (let j = i; j < times.length; j++) {
            const seconds = ((times[j] as number) - (times[i] as number)) / 1e9;
            expect(j - i + 1).toBeLessThanOrEqual(rps + Math.floor(seconds * rps));
          }
        }
      }),
    );
  });

  test('what is left is what is admitted next at once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.integer({ min: 0, max: 6e8 }), { maxLength: 30 }), (rps, list) => {
        const limit = new Gcra(rps);
        let full = FULL;
        let now = 0;
        for (const gap of list) full = limit.take(full, (now += gap)) ?? full;
        const left = limit.available(full, now);
        let taken = 0;
        for (let next = limit.take(full, now); next !== undefined; next = limit.take(full, now)) {
          full = next;
          taken++;
        }
        expect(taken).toBe(left);
      }),
    );
  });

  test('a client that keeps to the rate is never denied', () => {
    fc.assert(
      fc.property(rates, fc.integer({ min: 1, max: 50 }), (rps, count) => {
        expect(
          admitted(
            new Gcra(rps),
            Array.from({ length: count }, () => Math.ceil(1e9 / rps)),
          ),
        ).toHaveLength(count);
      }),
    );
  });
});
