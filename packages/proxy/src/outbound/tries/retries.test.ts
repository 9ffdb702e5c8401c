import { createRegistry, DEFAULT_CLASSIFIERS, defaultMetadata, manualClock, type RetryPolicy, RetryWindow, seeded } from '@weft/core';
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

/** What came of a try: a status, one with a code, an answer of the proxy, an error. */
const result = fc.oneof(
  fc.record({ kind: fc.constant('head' as const), status: fc.constantFrom(200, 404, 500, 503) }),
  fc.record({ kind: fc.constant('trailers' as const), code: fc.constantFrom('0', '5', '14') }),
  fc.record({ kind: fc.constant('answer' as const), status: fc.constantFrom(502, 504) }),
  fc.record({ kind: fc.constant('error' as const), transient: fc.boolean() }),
);
type Result = typeof result extends fc.Arbitrary<infer R> ? R : never;

function again(retries: Retries, one: Result): boolean {
  if (one.kind === 'error') return retries.retriesError(one.transient);
  if (one.kind === 'answer') return retries.retriesAnswer(one.status, []);
  if (one.kind === 'head') return retries.judge(head(one.status)) === 'retry';
  const response = head(200, '2');
  const verdict = retries.judge(response);
  return (verdict === 'peek' ? retries.judgeTrailers(response, ['grpc-status', one.code]) : verdict) === 'retry';
}

test('no sequence of results is tried more often than the policy says', () => {
  fc.assert(
    fc.property(fc.array(result, { minLength: 20, maxLength: 20 }), fc.integer({ min: 0, max: 8 }), (results, maxRetries) => {
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
    }),
    { seed: 17 },
  );
});

test('requests of a profile are amplified by no more than its budget, whatever comes of them', () => {
  const request = fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), results: fc.array(result, { minLength: 1, maxLength: 40 }) });
  const settings = fc.record({ retryRatio: fc.constantFrom(0, 0.1, 0.2, 0.5, 1, 3), minRetriesPerSecond: fc.integer({ min: 0, max: 3 }) });
  fc.assert(
    fc.property(settings, fc.array(request, { maxLength: 60 }), (budget, requests) => {
      const ttlMs = 10_000;
      const clock = manualClock();
      const tokens = new RetryWindow({ ...budget, ttlMs }, clock);
      const meter = retryMetrics(createRegistry()).budget('web', {});
      let sent = 0;
      let retried = 0;
      for (const { afterMs, results } of requests) {
        clock.advance(afterMs);
        sent += 1;
        const retries = new BudgetRetries(tokens, DEFAULT_CLASSIFIERS.grpc, meter);
        for (const one of results) {
          if (!again(retries, one)) break;
          retried += 1;
        }
      }
      // The reserve comes back as time goes on.
      const periods = 1 + clock.now() / (ttlMs * 0.9);
      expect(retried).toBeLessThanOrEqual(budget.retryRatio * sent + budget.minRetriesPerSecond * (ttlMs / 1_000) * periods + 1e-6);
      expect(meter.retryable.value - meter.noBudget.value).toBe(retried);
    }),
    { seed: 23 },
  );
});
