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

interface Step {
  /** Since the step before. */
  readonly gap: number;
  /** So many requests at one time. */
  readonly attempts: number;
}

/**
 * How many of so many attempts at one time are admitted, and the bucket after them. Each moves the bucket by as much as the one before it (a property
 * below), so the last one that is admitted is found by halving: a burst can have thousands of millions.
 */
function atOnce(limit: Gcra, full: number, now: number, attempts: number): { readonly count: number; readonly full: number } {
  const first = limit.take(full, now);
  if (first === undefined) return { count: 0, full };
  const second = attempts > 1 ? limit.take(first, now) : undefined;
  if (second === undefined) return { count: 1, full: first };
  const after = (count: number): number => first + (count - 1) * (second - first);
  let [count, denied] = [2, attempts + 1];
  while (denied - count > 1) {
    const middle = Math.floor((count + denied) / 2);
    if (limit.take(after(middle - 1), now) === undefined) denied = middle;
    else count = middle;
  }
  return { count, full: after(count) };
}

/** Rates with intervals that divide a second, that do not, and that are less than the nanosecond they are rounded up to. */
const RATES = [1, 2, 3, 4, 6, 7, 9, 10, 11, 12, 100, 333, 1_000, 999_983, 1e9, 4_294_967_295];
const rates = fc.constantFrom(...RATES);

/** Emptied, then asked again about where a request or a few have come back, and after pauses that fill it in part, wholly and several times over. */
const steps = (rps: number): fc.Arbitrary<Step[]> => {
  const interval = Math.ceil(1e9 / rps);
  const few = fc.tuple(fc.nat(3), fc.integer({ min: -1, max: 1 })).map(([count, off]) => Math.max(0, count * interval + off));
  const gap = fc.oneof({ weight: 3, arbitrary: few }, fc.integer({ min: 0, max: 2e9 }), fc.constantFrom(0, 1e9, 5e9, 20e9));
  const attempts = fc.oneof(fc.constantFrom(1, 2, rps, rps + 1, 3 * rps), fc.integer({ min: 1, max: 2 * rps }));
  return fc.array(fc.record({ gap, attempts }), { minLength: 4, maxLength: 20 });
};

describe('a rate', () => {
  test('admits a burst of as many requests as it has per second, at the start and after any pause', () => {
    const limit = new Gcra(3);
    expect(admitted(limit, [0, 0, 0, 0])).toEqual([0, 0, 0]);
    expect(admitted(limit, [0, 0, 0, 0, 10e9, 0, 0, 0, 0])).toEqual([0, 0, 0, 10e9, 10e9, 10e9]);
  });

  test('admits one more as soon as an interval has passed, and not a nanosecond earlier', () => {
    const limit = new Gcra(4);
    expect(admitted(limit, [0, 0, 0, 0, 249_999_999, 1])).toEqual([0, 0, 0, 0, 250_000_000]);
    // A third of a second is no whole number of them: rounded down, the fourth would come before its time.
    expect(admitted(new Gcra(3), [0, 0, 0, 333_333_333, 1])).toEqual([0, 0, 0, 333_333_334]);
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
  test.each(RATES)('no window sees more than rate·t + burst (%d per second)', (rps) => {
    const scenarios = { all: 0, denied: 0, admittedLater: 0 };
    fc.assert(
      fc.property(steps(rps), (list) => {
        const limit = new Gcra(rps);
        const times: { readonly at: bigint; readonly count: bigint }[] = [];
        let [full, now, attempts, admissions] = [FULL, 0, 0, 0];
        for (const step of list) {
          now += step.gap;
          const { count, full: next } = atOnce(limit, full, now, step.attempts);
          full = next;
          attempts += step.attempts;
          admissions += count;
          if (count > 0) times.push({ at: BigInt(now), count: BigInt(count) });
        }
        scenarios.all += 1;
        if (admissions < attempts) scenarios.denied += 1;
        if (admissions > rps) scenarios.admittedLater += 1;
        // Nanoseconds times a rate of 32 bits are more than a double holds exactly.
        const excess = times.flatMap((first, from) => {
          let seen = 0n;
          return times.slice(from).map(({ at, count }) => (seen += count) - BigInt(rps) - ((at - first.at) * BigInt(rps)) / 1_000_000_000n);
        });
        expect(excess.filter((count) => count > 0n)).toEqual([]);
      }),
    );
    // A bound on what is never denied says nothing, nor one on a first burst alone.
    expect(scenarios.denied).toBeGreaterThan(0.8 * scenarios.all);
    expect(scenarios.admittedLater).toBeGreaterThan(0.5 * scenarios.all);
  });

  test('requests at one time each take as much as the one before', () => {
    fc.assert(
      fc.property(
        rates,
        fc.array(fc.record({ gap: fc.integer({ min: 0, max: 1e9 }), attempts: fc.integer({ min: 1, max: 400 }) }), { maxLength: 10 }),
        (rps, list) => {
          const limit = new Gcra(rps);
          let [full, now] = [FULL, 0];
          for (const { gap, attempts } of list) {
            now += gap;
            let [count, each] = [0, full];
            for (let n = 0; n < attempts; n++) {
              const next = limit.take(each, now);
              if (next === undefined) continue;
              each = next;
              count++;
            }
            const together = atOnce(limit, full, now, attempts);
            expect(together).toEqual({ count, full: each });
            ({ full } = together);
          }
        },
      ),
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
        for (let next = limit.take(full, now); next !== undefined && taken <= rps; next = limit.take(full, now)) {
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
