import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { manualClock } from '../time/manual-clock.ts';
import { type RetryTokens, RetryWindow, retryTokens } from './retry-tokens.ts';

const withdrawals = (tokens: RetryTokens, tries: number): number => {
  let granted = 0;
  for (let i = 0; i < tries; i += 1) if (tokens.withdraw()) granted += 1;
  return granted;
};

const make = (retryRatio: number, minRetriesPerSecond: number, ttlMs = 10_000, clock = manualClock()): { tokens: RetryTokens; clock: typeof clock } => ({
  tokens: new RetryWindow({ ttlMs, retryRatio, minRetriesPerSecond }, clock),
  clock,
});

test('grants a share of the requests', () => {
  const { tokens } = make(0.1, 0);
  for (let i = 0; i < 95; i += 1) tokens.deposit();
  expect(withdrawals(tokens, 100)).toBe(9);
  for (let i = 0; i < 5; i += 1) tokens.deposit();
  expect(withdrawals(tokens, 100)).toBe(1);
});

test('grants several retries a request where the ratio is above one', () => {
  const { tokens } = make(3, 0);
  for (let i = 0; i < 4; i += 1) tokens.deposit();
  expect(withdrawals(tokens, 100)).toBe(12);
});

test('has a reserve for services with few requests, which comes back with time', () => {
  const { tokens, clock } = make(0.5, 2);
  expect(withdrawals(tokens, 100)).toBe(20);
  clock.advance(9_999);
  expect(withdrawals(tokens, 100)).toBe(0);
  clock.advance(1);
  expect(withdrawals(tokens, 100)).toBe(20);
});

test('grants nothing but the reserve without a share', () => {
  const { tokens } = make(0, 1);
  for (let i = 0; i < 100; i += 1) tokens.deposit();
  expect(withdrawals(tokens, 100)).toBe(10);
});

test('forgets requests after their time', () => {
  const { tokens, clock } = make(1, 0);
  for (let i = 0; i < 10; i += 1) tokens.deposit();
  clock.advance(9_000);
  tokens.deposit();
  clock.advance(1_000);
  expect(withdrawals(tokens, 100)).toBe(1);
  clock.advance(60_000);
  expect(withdrawals(tokens, 100)).toBe(0);
});

describe('validity', () => {
  const valid = { ttlMs: 10_000, retryRatio: 0.2, minRetriesPerSecond: 10 };
  test.each([
    [{ ttlMs: 999 }, false],
    [{ ttlMs: 1_000 }, true],
    [{ ttlMs: 60_000 }, true],
    [{ ttlMs: 60_001 }, false],
    [{ retryRatio: -0.1 }, false],
    [{ retryRatio: 0 }, true],
    [{ retryRatio: 1_000 }, true],
    [{ retryRatio: 1_000.5 }, false],
    [{ retryRatio: Number.NaN }, false],
    [{ ttlMs: Number.NaN }, false],
    [{ minRetriesPerSecond: -1 }, false],
  ])('of %o is %s', (change, expected) => {
    expect(retryTokens({ ...valid, ...change }, manualClock()) !== undefined).toBe(expected);
  });
});

/** Nine slots are surely alive together, and no more than ten: what was spent over nine, whenever more is, was paid in over ten. */
test('never grants more than its share of the requests and its reserve, however they arrive', () => {
  const event = fc.record({
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })),
    deposit: fc.boolean(),
    times: fc.integer({ min: 1, max: 30 }),
  });
  const budget = fc.record({
    ttlMs: fc.integer({ min: 1_000, max: 60_000 }),
    retryRatio: fc.oneof(fc.constantFrom(0, 0.2, 0.3, 1, 2, 1_000), fc.double({ min: 0, max: 10, noNaN: true })),
    minRetriesPerSecond: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(budget, fc.array(event, { minLength: 1, maxLength: 80 }), (settings, events) => {
      const clock = manualClock();
      const tokens = new RetryWindow(settings, clock);
      const deposits: number[] = [];
      const granted: number[] = [];
      const { ttlMs, retryRatio, minRetriesPerSecond } = settings;
      for (const { afterMs, deposit, times } of events) {
        clock.advance(afterMs);
        const now = clock.now();
        for (let i = 0; i < times; i += 1) {
          if (deposit) {
            tokens.deposit();
            deposits.push(now);
          } else if (tokens.withdraw()) granted.push(now);
        }
        if (granted.at(-1) !== now) continue;
        const paid = deposits.filter((at) => now - at < ttlMs).length;
        const spent = granted.filter((at) => now - at < ttlMs * 0.9).length;
        expect(spent).toBeLessThanOrEqual(retryRatio * paid + minRetriesPerSecond * (ttlMs / 1000) + 1e-6);
      }
    }),
    { seed: 5, numRuns: 1_000 },
  );
});
