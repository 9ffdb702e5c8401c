import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LoadEstimate, RowEstimate } from './load.ts';
import { PeakEwma } from './peak-ewma.ts';
import { PenaltyPeakEwma } from './penalty-peak-ewma.ts';

const e1 = Math.exp(-1);

describe('peak-EWMA', () => {
  test('starts at 30 ms, and at no less than 1 ms', () => {
    expect(new RowEstimate(new PeakEwma(), 0).cost(0)).toBe(30);
    expect(new RowEstimate(new PeakEwma({ defaultRttMs: 0.1 }), 0).cost(0)).toBe(1);
  });

  test('jumps to a higher sample at once', () => {
    const load = new RowEstimate(new PeakEwma(), 0);
    const dispatch = load.dispatch(0);
    dispatch.complete(200);
    expect(load.cost(200)).toBe(200);
  });

  test('decays toward a lower sample', () => {
    const load = new RowEstimate(new PeakEwma({ defaultRttMs: 100, decayMs: 10_000 }), 0);
    load.dispatch(9_990).complete(10_000);
    // 100·e⁻¹ + 10·(1 − e⁻¹)
    expect(load.cost(10_000)).toBeCloseTo(100 * e1 + 10 * (1 - e1), 9);
  });

  test('stores the decay when asked', () => {
    const load = new RowEstimate(new PeakEwma({ defaultRttMs: 100, decayMs: 10_000 }), 0);
    expect(load.cost(10_000)).toBeCloseTo(100 * e1, 9);
    // A sample of 50 is a peak now, because 36.8 was stored.
    load.dispatch(9_950).complete(10_000);
    expect(load.cost(10_000)).toBe(50);
  });

  test('multiplies by the requests in flight plus one', () => {
    const load = new RowEstimate(new PeakEwma({ defaultRttMs: 10 }), 0);
    const [first] = [load.dispatch(0), load.dispatch(0)];
    expect([load.cost(0), load.inFlight]).toEqual([30, 2]);
    first.complete(0);
    first.complete(0);
    first.penalize(0, 99);
    expect([load.cost(0), load.inFlight]).toEqual([20, 1]);
  });

  test('treats a penalty as the elapsed time', () => {
    const load = new RowEstimate(new PeakEwma(), 0);
    load.dispatch(0).penalize(40, 5000);
    expect(load.cost(40)).toBe(40);
  });

  test('survives a clock that stands still or steps back', () => {
    const load = new RowEstimate(new PeakEwma({ defaultRttMs: 10 }), 100);
    load.dispatch(100).complete(50);
    expect([load.cost(50), load.cost(100)]).toEqual([10, 10]);
  });
});

describe('penalty peak-EWMA', () => {
  test('only projects the decay when asked', () => {
    const load = new RowEstimate(new PenaltyPeakEwma({ defaultRttMs: 100, decayMs: 10_000 }), 0);
    expect(load.cost(10_000)).toBeCloseTo(100 * e1, 9);
    expect(load.cost(0)).toBe(100);
  });

  test('compares a peak with the projection', () => {
    const load = new RowEstimate(new PenaltyPeakEwma({ defaultRttMs: 100, decayMs: 10_000 }), 0);
    load.dispatch(9_950).complete(10_000);
    expect(load.cost(10_000)).toBe(50);
    load.dispatch(19_990).complete(20_000);
    expect(load.cost(20_000)).toBeCloseTo(50 * e1 + 10 * (1 - e1), 9);
  });

  test('decays over no less than 1 ms', () => {
    const load = new RowEstimate(new PenaltyPeakEwma({ defaultRttMs: 100, decayMs: 0.1 }), 0);
    expect(load.cost(1)).toBeCloseTo(100 * e1, 9);
    load.dispatch(1).penalize(1, 5000);
    expect(load.cost(2)).toBeCloseTo(5000 * e1, 9);
  });

  test('records a penalty in place of the elapsed time, never below the decayed estimate', () => {
    const load = new RowEstimate(new PenaltyPeakEwma({ defaultRttMs: 30, decayMs: 10_000 }), 0);
    load.dispatch(0).penalize(1, 5000);
    expect([load.cost(1), load.inFlight]).toEqual([5000, 0]);
    load.dispatch(1).penalize(1, 100);
    expect(load.cost(1)).toBe(5000);
  });
});

describe.each([
  ['peak-EWMA', (now: number): LoadEstimate => new RowEstimate(new PeakEwma({ decayMs: 1_000 }), now)],
  ['penalty peak-EWMA', (now: number): LoadEstimate => new RowEstimate(new PenaltyPeakEwma({ decayMs: 1_000 }), now)],
])('%s, whatever happens', (_name, make) => {
  const events = fc.array(
    fc.record({ after: fc.double({ min: 0, max: 500, noNaN: true }), what: fc.constantFrom('dispatch', 'complete', 'ask'), which: fc.nat(9) }),
    { maxLength: 80 },
  );

  test('never is below the sample it just took, nor above the largest, and counts what is in flight', () => {
    fc.assert(
      fc.property(events, (steps) => {
        let now = 0;
        const load = make(now);
        const open: { readonly since: number; readonly dispatch: ReturnType<LoadEstimate['dispatch']> }[] = [];
        let largest = 30;
        for (const { after, what, which } of steps) {
          now += after;
          if (what === 'dispatch') open.push({ since: now, dispatch: load.dispatch(now) });
          else if (what === 'ask') load.cost(now);
          else {
            const [done] = open.splice(which % Math.max(1, open.length), 1);
            if (!done) continue;
            done.dispatch.complete(now);
            largest = Math.max(largest, now - done.since);
            // One that decays toward r stays above it; one that jumps to it is it.
            if (load.peek(now) / (load.inFlight + 1) < (now - done.since) * (1 - 1e-9)) throw new Error(`below a sample of ${now - done.since} ms`);
          }
          expect(load.inFlight).toBe(open.length);
          expect(load.peek(now) / (load.inFlight + 1)).toBeLessThanOrEqual(largest * (1 + 1e-9));
        }
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  test('looking at it changes nothing', () => {
    const [looked, alone] = [make(0), make(0)];
    const dispatches = [looked.dispatch(0), alone.dispatch(0)];
    for (let now = 1; now < 100; now++) looked.peek(now);
    for (const dispatch of dispatches) dispatch.complete(100);
    expect(looked.cost(250)).toBe(alone.cost(250));
  });
});
