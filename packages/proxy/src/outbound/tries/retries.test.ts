import { assertNever, createRegistry, DEFAULT_CLASSIFIERS, defaultMetadata, manualClock, type RetryPolicy, RetryWindow, seeded } from '@weft/core';
import type { ResponseHead } from '@weft/http';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BudgetRetries, PolicyRetries, type Retries } from './retries.ts';
import { retryMetrics } from './retry-metrics.ts';

const head = (status: number, version: ResponseHead['version'] = '1.1', ...headers: string[]): ResponseHead => ({ status, version, headers });

const BASE: RetryPolicy = { maxRetries: 2, maxBodyBytes: 10, statuses: [{ start: 500, end: 599 }], codes: [14], timeoutMs: 50, backoff: undefined };

function policy(more: Partial<RetryPolicy> = {}) {
  const meter = retryMetrics(createRegistry()).policy('http', defaultMetadata('parent'), defaultMetadata('route'));
  const retries = new PolicyRetries({ ...BASE, ...more }, meter, seeded(1));
  return { retries, counts: () => [meter.requests.value, meter.successes.value, meter.limitExceeded.value, meter.overflow.value] };
}

test('judges a status at once, and a gRPC code when it comes', () => {
  const { retries } = policy();
  expect(retries.judge(head(503))).toBe('retry');
  expect(retries.judge(head(200, '2', 'grpc-status', '14'))).toBe('retry');
  expect(retries.judge(head(200, '2', 'grpc-status', '0'))).toBe('relay');
  expect(retries.judge(head(200, '2'))).toBe('peek');
  expect(retries.judgeTrailers(head(200, '2'), ['grpc-status', '14'])).toBe('retry');
  expect(retries.judgeTrailers(head(200, '2'), undefined)).toBe('relay');
});

test('does not wait for trailers of HTTP/1, nor where no code counts', () => {
  expect(policy().retries.judge(head(200, '1.1'))).toBe('relay');
  expect(policy({ codes: undefined }).retries.judge(head(200, '2'))).toBe('relay');
});

test('counts tries, the success of the last, or that there were too many', () => {
  const good = policy();
  good.retries.judge(head(503));
  good.retries.started();
  good.retries.judge(head(200));
  expect(good.counts()).toEqual([1, 1, 0, 0]);
  const bad = policy({ maxRetries: 1 });
  bad.retries.judge(head(503));
  bad.retries.started();
  expect(bad.retries.judge(head(503))).toBe('relay');
  expect(bad.counts()).toEqual([1, 0, 1, 0]);
});

test('times the head of every try but the last, and of the only one', () => {
  const { retries } = policy();
  const seen = [];
  for (let i = 0; i < 3; i += 1) {
    seen.push(retries.headMs);
    retries.started();
  }
  expect(seen).toEqual([50, 50, undefined]);
  expect(policy({ maxRetries: 0 }).retries.headMs).toBe(50);
});

test('retries errors that another try may mend', () => {
  const { retries } = policy();
  expect([retries.retriesError(true), retries.retriesError(false)]).toEqual([true, false]);
  expect([retries.retriesAnswer(502, []), retries.retriesAnswer(404, []), retries.retriesAnswer(200, ['grpc-status', '14'])]).toEqual([true, false, true]);
});

test('every request deposits to the budget, also one that had no answer or could not have been sent again', () => {
  for (const ends of [
    (retries: Retries) => retries.retriesError(true),
    (retries: Retries) => retries.retriesError(false),
    (retries: Retries) => retries.unasked(),
    (retries: Retries) => retries.judge(head(200)),
  ]) {
    const tokens = new RetryWindow({ retryRatio: 1, minRetriesPerSecond: 0, ttlMs: 10_000 }, manualClock());
    const meter = retryMetrics(createRegistry()).budget('web', {});
    const of = (): Retries => new BudgetRetries(tokens, DEFAULT_CLASSIFIERS.http, meter);
    expect(of().judge(head(503))).toBe('relay');
    expect(ends(of())).not.toBe(true);
    expect([of().judge(head(503)), of().judge(head(503))]).toEqual(['retry', 'relay']);
  }
});

/** What came of a try: a status, a code in the head or in trailers, an answer of the proxy, an error; or it could not be repeated. */
type Result =
  | { readonly kind: 'head'; readonly status: number }
  | { readonly kind: 'code' | 'trailers'; readonly code: string }
  | { readonly kind: 'answer'; readonly status: number; readonly headers: string[] }
  | { readonly kind: 'error'; readonly transient: boolean }
  | { readonly kind: 'unasked' };

const result = fc.oneof(
  fc.record({ kind: fc.constant('head' as const), status: fc.constantFrom(200, 404, 500, 503) }),
  fc.record({ kind: fc.constantFrom('code' as const, 'trailers' as const), code: fc.constantFrom('0', '5', '14') }),
  fc.record({ kind: fc.constant('answer' as const), status: fc.constantFrom(502, 504), headers: fc.constant<string[]>([]) }),
  fc.record({ kind: fc.constant('error' as const), transient: fc.boolean() }),
);

/** Mostly what may be tried again, so that it is for the limit to end it. */
const failing = fc.oneof(
  fc.record({ kind: fc.constant('head' as const), status: fc.constantFrom(500, 503) }),
  fc.record({ kind: fc.constantFrom('code' as const, 'trailers' as const), code: fc.constant('14') }),
  fc.record({ kind: fc.constant('error' as const), transient: fc.constant(true) }),
);
const mostlyFailing = fc.oneof({ weight: 1, arbitrary: result }, { weight: 9, arbitrary: failing });

function again(retries: Retries, one: Result): boolean {
  switch (one.kind) {
    case 'head':
      return retries.judge(head(one.status)) === 'retry';
    case 'code':
      return retries.judge(head(200, '2', 'grpc-status', one.code)) === 'retry';
    case 'trailers': {
      const response = head(200, '2');
      const verdict = retries.judge(response);
      return (verdict === 'peek' ? retries.judgeTrailers(response, ['grpc-status', one.code]) : verdict) === 'retry';
    }
    case 'answer':
      return retries.retriesAnswer(one.status, one.headers);
    case 'error':
      return retries.retriesError(one.transient);
    case 'unasked':
      retries.unasked();
      return false;
    default:
      return assertNever(one);
  }
}

test('no sequence of results is tried more often than the policy says', () => {
  const seen = { retried: 0, exceeded: 0 };
  fc.assert(
    fc.property(fc.array(mostlyFailing, { minLength: 20, maxLength: 20 }), fc.integer({ min: 0, max: 8 }), (results, maxRetries) => {
      const { retries, counts } = policy({ maxRetries });
      let tries = 1;
      for (const one of results) {
        if (!again(retries, one)) break;
        retries.started();
        tries += 1;
      }
      expect(tries).toBeLessThanOrEqual(maxRetries + 1);
      const [requests = 0, successes = 0, exceeded = 0] = counts();
      expect(requests).toBe(tries - 1);
      expect(successes + exceeded).toBeLessThanOrEqual(1);
      seen.retried += requests;
      seen.exceeded += exceeded;
    }),
    { seed: 17 },
  );
  expect(seen.retried).toBeGreaterThan(100);
  expect(seen.exceeded).toBeGreaterThan(50);
});

/** What fails, and what ends a request without another try, as each kind of request is judged. */
const ARMS: Readonly<Record<'http' | 'grpc', { readonly failure: fc.Arbitrary<Result>; readonly success: fc.Arbitrary<Result> }>> = {
  http: {
    failure: fc.oneof(
      fc.record({ kind: fc.constant('head' as const), status: fc.constantFrom(500, 503, 599) }),
      fc.record({ kind: fc.constant('answer' as const), status: fc.constantFrom(502, 504), headers: fc.constant<string[]>([]) }),
    ),
    success: fc.record({ kind: fc.constant('head' as const), status: fc.constantFrom(200, 404, 429, 499) }),
  },
  grpc: {
    failure: fc.oneof(
      fc.record({ kind: fc.constantFrom('code' as const, 'trailers' as const), code: fc.constantFrom('2', '4', '13', '14') }),
      fc.record({ kind: fc.constant('answer' as const), status: fc.constant(200), headers: fc.constant<string[]>(['grpc-status', '14']) }),
    ),
    success: fc.record({ kind: fc.constantFrom('code' as const, 'trailers' as const), code: fc.constantFrom('0', '1', '5', '8') }),
  },
};
const spared = fc.constantFrom<Result>({ kind: 'error', transient: true }, { kind: 'error', transient: false }, { kind: 'unasked' });

test.each(['http', 'grpc'] as const)('requests of a profile are amplified by no more than its budget, whatever comes of them (%s)', (arm) => {
  const { failure, success } = ARMS[arm];
  const request = fc.record({
    afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 400 })),
    failures: fc.oneof(fc.constant<Result[]>([]), fc.array(failure, { minLength: 1, maxLength: 20 })),
    end: fc.oneof(success, spared),
  });
  const settings = fc.record({ retryRatio: fc.constantFrom(0, 0.1, 0.2, 0.5, 1, 3), minRetriesPerSecond: fc.integer({ min: 0, max: 3 }) });
  const seen = { retried: 0, denied: 0, scenariosDenied: 0 };
  fc.assert(
    fc.property(settings, fc.array(request, { minLength: 10, maxLength: 60 }), (budget, requests) => {
      const ttlMs = 10_000;
      const clock = manualClock();
      const tokens = new RetryWindow({ ...budget, ttlMs }, clock);
      const meter = retryMetrics(createRegistry()).budget('web', {});
      let [ended, retried, denied] = [0, 0, 0];
      for (const { afterMs, failures, end } of requests) {
        clock.advance(afterMs);
        const retries = new BudgetRetries(tokens, DEFAULT_CLASSIFIERS[arm], meter);
        const stopped = failures.some((one) => {
          if (!again(retries, one)) return true;
          retried += 1;
          return false;
        });
        // What was taken from the reserve is forgotten a time to live later: it is there once for each that has begun.
        const periods = 1 + Math.floor(clock.now() / ttlMs);
        expect(retried).toBeLessThanOrEqual(budget.retryRatio * ended + budget.minRetriesPerSecond * (ttlMs / 1_000) * periods + 1e-6);
        // A request that fails for good pays nothing in.
        if (stopped) denied += 1;
        else ended += 1;
        expect(!stopped && again(retries, end)).toBe(false);
      }
      expect([meter.retryable.value, meter.noBudget.value]).toEqual([retried + denied, denied]);
      seen.retried += retried;
      seen.denied += denied;
      seen.scenariosDenied += Math.min(1, denied);
    }),
    { seed: 23 },
  );
  // The bound says something only where it is reached.
  expect(seen.retried).toBeGreaterThan(1_500);
  expect(seen.denied).toBeGreaterThan(400);
  expect(seen.scenariosDenied).toBeGreaterThan(50);
});
