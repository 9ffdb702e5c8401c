import { describe, expect, test } from 'vitest';
import { PeakEwma } from './peak-ewma.ts';
import { PenaltyPeakEwma, penaltyOf } from './penalty-peak-ewma.ts';

const e1 = Math.exp(-1);

describe('peak-EWMA', () => {
  test('starts at 30 ms, and at no less than 1 ms', () => {
    expect(new PeakEwma({ now: 0 }).cost(0)).toBe(30);
    expect(new PeakEwma({ defaultRttMs: 0.1, now: 0 }).cost(0)).toBe(1);
  });

  test('jumps to a higher sample at once', () => {
    const load = new PeakEwma({ now: 0 });
    const dispatch = load.dispatch(0);
    dispatch.complete(200);
    expect(load.cost(200)).toBe(200);
  });

  test('decays toward a lower sample', () => {
    const load = new PeakEwma({ defaultRttMs: 100, decayMs: 10_000, now: 0 });
    load.dispatch(9_990).complete(10_000);
    // 100·e⁻¹ + 10·(1 − e⁻¹)
    expect(load.cost(10_000)).toBeCloseTo(100 * e1 + 10 * (1 - e1), 9);
  });

  test('stores the decay when asked', () => {
    const load = new PeakEwma({ defaultRttMs: 100, decayMs: 10_000, now: 0 });
    expect(load.cost(10_000)).toBeCloseTo(100 * e1, 9);
    // A sample of 50 is a peak now, because 36.8 was stored.
    load.dispatch(9_950).complete(10_000);
    expect(load.cost(10_000)).toBe(50);
  });

  test('multiplies by the requests in flight plus one', () => {
    const load = new PeakEwma({ defaultRttMs: 10, now: 0 });
    const [first] = [load.dispatch(0), load.dispatch(0)];
    expect([load.cost(0), load.inFlight]).toEqual([30, 2]);
    first.complete(0);
    first.complete(0);
    first.penalize(0, 99);
    expect([load.cost(0), load.inFlight]).toEqual([20, 1]);
  });

  test('treats a penalty as the elapsed time', () => {
    const load = new PeakEwma({ now: 0 });
    load.dispatch(0).penalize(40, 5000);
    expect(load.cost(40)).toBe(40);
  });

  test('survives a clock that stands still or steps back', () => {
    const load = new PeakEwma({ defaultRttMs: 10, now: 100 });
    load.dispatch(100).complete(50);
    expect([load.cost(50), load.cost(100)]).toEqual([10, 10]);
  });
});

describe('penalty peak-EWMA', () => {
  test('only projects the decay when asked', () => {
    const load = new PenaltyPeakEwma({ defaultRttMs: 100, decayMs: 10_000, now: 0 });
    expect(load.cost(10_000)).toBeCloseTo(100 * e1, 9);
    expect(load.cost(0)).toBe(100);
  });

  test('compares a peak with the projection', () => {
    const load = new PenaltyPeakEwma({ defaultRttMs: 100, decayMs: 10_000, now: 0 });
    load.dispatch(9_950).complete(10_000);
    expect(load.cost(10_000)).toBe(50);
    load.dispatch(19_990).complete(20_000);
    expect(load.cost(20_000)).toBeCloseTo(50 * e1 + 10 * (1 - e1), 9);
  });

  test('records a penalty in place of the elapsed time, never below the decayed estimate', () => {
    const load = new PenaltyPeakEwma({ defaultRttMs: 30, decayMs: 10_000, now: 0 });
    load.dispatch(0).penalize(1, 5000);
    expect([load.cost(1), load.inFlight]).toEqual([5000, 0]);
    load.dispatch(1).penalize(1, 100);
    expect(load.cost(1)).toBe(5000);
  });

  test.each([
    [{ status: 200 }, undefined],
    [{ status: 404 }, undefined],
    [{ status: 500 }, 5000],
    [{ status: 429 }, 5000],
    [{ status: 503, retryAfterMs: 20_000 }, 20_000],
    [{ status: 503, retryAfterMs: 1 }, 5000],
    [{ status: 429, retryAfterMs: 900_000 }, 300_000],
    [{ status: 500, retryAfterMs: 20_000 }, 5000],
    [{ status: 200, grpcStatus: 14, retryAfterMs: 6000 }, 6000],
    [{ status: 200, grpcStatus: 13 }, 5000],
    [{ status: 200, grpcStatus: 5 }, undefined],
  ])('a response %j earns %s', (response, penalty) => {
    expect(penaltyOf(response)).toBe(penalty);
  });
});
