import { expect, test } from 'vitest';
import type { Dispatcher, Distribution } from '../domain/client-policy.ts';
import { plainEndpoint } from '../domain/endpoint.ts';
import type { Filter } from '../domain/match.ts';
import { defaultMetadata } from '../domain/metadata.ts';
import { reason } from '../reasons/reason.ts';
import { type BackendState, type Surroundings, verdictOfDistribution } from './distribution-verdict.ts';
import type { Verdict } from './explanation.ts';

const LOAD = { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 } as const;
const balancer: Dispatcher = { kind: 'balancer', path: 'web:80', load: LOAD };
const fail: Dispatcher = { kind: 'fail', message: 'gone' };
const to = (dispatcher: Dispatcher, weight = 1, filters: readonly Filter[] = []) => ({
  backend: { metadata: defaultMetadata('b'), dispatcher, queue: { capacity: 0, failfastTimeoutMs: 0 } },
  filters,
  weight,
});
const first = (...backends: ReturnType<typeof to>[]): Distribution => ({ kind: 'first-available', backends });
const random = (...backends: ReturnType<typeof to>[]): Distribution => ({ kind: 'random-available', backends });
const OPEN: BackendState = { available: true, refusal: undefined };
const shut = (detail: string): BackendState => ({ available: false, refusal: reason('GATE_SHUT', detail) });

function verdict(distribution: Distribution, surroundings: Surroundings = {}): string | undefined {
  const shown = (one: Verdict | undefined) => (one?.kind === 'refused' ? one.reason.text.replace(/^.*: /, '') : one?.kind);
  return shown(
    verdictOfDistribution(distribution, {
      surroundings,
      ofFilters: (filters) => (filters.length > 0 ? { kind: 'answered', status: 301, reason: { code: 'REDIRECTED', text: '' } } : undefined),
      ofReason: (why) => ({ kind: 'refused', reason: { code: why.code, text: why.detail ?? '' } }),
      mismatch: () => undefined,
    }),
  );
}

test('takes the first backend that is available, a broken one included, and the first where none is', () => {
  expect(verdict(first(to(fail), to(balancer)))).toBe('gone');
  expect(verdict(first(to(balancer), to(fail)))).toBe('forwarded');
  expect(verdict(first(to(balancer), to(fail)), { backends: [shut('a'), OPEN] })).toBe('gone');
  expect(verdict(first(to(balancer), to(balancer)), { backends: [shut('a'), OPEN] })).toBe('forwarded');
  expect(verdict(first(to(balancer), to(balancer)), { backends: [shut('a'), shut('b')] })).toBe('a');
  expect([verdict(first()), verdict({ kind: 'empty' })]).toEqual([undefined, undefined]);
});

test('forwards where one of the backends with weight would', () => {
  expect(verdict(random(to(fail), to(balancer)))).toBe('forwarded');
  expect(verdict(random(to(fail), to(balancer, 0)))).toBe('gone');
  expect(verdict(random(to(balancer, 0), to(balancer), to(balancer)), { backends: [OPEN, shut('b'), shut('c')] })).toBe('b');
  expect(verdict(random(to(balancer), to(balancer)), { backends: [shut('a'), OPEN] })).toBe('forwarded');
});

test('asks the filters of a backend before the backend', () => {
  expect(verdict(first(to(balancer, 1, [{ kind: 'forbidden' }])), { backends: [shut('a')] })).toBe('answered');
});

test('refuses what waits for nothing though it is available, and endpoints that are never connected to', () => {
  expect(verdict(first(to(balancer)), { backends: [{ available: true, refusal: reason('TLS_PEER_UNTRUSTED', 'who') }] })).toBe('who');
  const loopback: Dispatcher = { kind: 'forward', endpoint: plainEndpoint({ ip: '127.0.0.1', port: 4140 }) };
  expect(verdict(first(to(loopback)), { refuses: ({ address }) => reason('CONNECT_LOOPBACK_REFUSED', address.ip) })).toBe('127.0.0.1');
});
