import { describe, expect, test } from 'vitest';
import { type RequestOption, takeRetryOptions, takeTimeoutOptions } from './request-options.ts';
import { grpcRetryPolicy, httpRetryPolicy, isRetryable } from './retry-policy.ts';

const from = (headers: Partial<Record<RequestOption, string>>) => (name: RequestOption) => headers[name];
const policy = httpRetryPolicy({ maxRetries: 3, maxRequestBytes: 1_000, conditions: { statusRanges: [{ start: 500, end: 500 }] }, timeoutMs: 7 });
const statuses = (text: string) => takeRetryOptions(undefined, from({ 'l5d-retry-http': text }))?.statuses?.map(({ start, end }) => `${start}-${end}`);
const codes = (text: string) => takeRetryOptions(undefined, from({ 'l5d-retry-grpc': text }))?.codes;

describe('l5d-retry-http', () => {
  test.each([
    ['5xx', ['500-599']],
    ['5XX,GATEWAY-error', ['500-599', '502-504']],
    ['503', ['503-503']],
    ['500-502,404', ['500-502', '404-404']],
    ['+503', ['503-503']],
    ['99,600,1-200,100,599', ['100-100', '599-599']],
    ['503-500', []],
    ['5xx, 404', ['500-599']],
    [' 503', []],
    ['503-', []],
    ['500-501-502', []],
    ['', []],
    ['4xx,nonsense,500', ['500-500']],
  ])('%j is %j', (text, expected) => {
    expect(statuses(text)).toEqual(expected);
  });
});

describe('l5d-retry-grpc', () => {
  test.each([
    ['cancelled,deadline-exceeded,internal,resource-exhausted,unavailable', [1, 4, 13, 8, 14]],
    ['INTERNAL', [13]],
    ['unavailable, internal', [14]],
    ['14', []],
    ['unknown,data-loss', []],
  ])('%j is %j', (text, expected) => {
    expect(codes(text)).toEqual(expected);
  });
});

test('each header replaces one field of the policy of the route', () => {
  expect(takeRetryOptions(policy, from({}))).toBe(policy);
  expect(takeRetryOptions(policy, from({ 'l5d-retry-http': '404' }))).toEqual({ ...policy, statuses: [{ start: 404, end: 404 }] });
  expect(takeRetryOptions(policy, from({ 'l5d-retry-limit': '9' }))).toEqual({ ...policy, maxRetries: 9 });
  expect(takeRetryOptions(policy, from({ 'l5d-retry-timeout': '2s' }))).toEqual({ ...policy, timeoutMs: 2_000 });
  expect(takeRetryOptions(policy, from({ 'l5d-retry-grpc': 'internal' }))).toEqual({ ...policy, codes: [13] });
});

test('any one of them makes a policy where the route has none', () => {
  const rest = {
    maxRetries: 1,
    maxBodyBytes: 65_536,
    backoff: { minMs: 25, maxMs: 250, jitter: 1 },
    statuses: undefined,
    codes: undefined,
    timeoutMs: undefined,
  };
  expect(takeRetryOptions(undefined, from({}))).toBeUndefined();
  expect(takeRetryOptions(undefined, from({ 'l5d-retry-limit': '2' }))).toEqual({ ...rest, maxRetries: 2 });
  expect(takeRetryOptions(undefined, from({ 'l5d-retry-timeout': '1m' }))).toEqual({ ...rest, timeoutMs: 60_000 });
  expect(takeRetryOptions(undefined, from({ 'l5d-retry-http': '503' }))).toEqual({ ...rest, statuses: [{ start: 503, end: 503 }] });
});

test('what cannot be read changes nothing', () => {
  const bad = from({ 'l5d-retry-limit': 'many', 'l5d-retry-timeout': '1.5s' });
  expect(takeRetryOptions(policy, bad)).toBe(policy);
  expect(takeRetryOptions(undefined, bad)).toBeUndefined();
  for (const limit of ['-1', '1.0', '', ' 1', '99999999999999999999']) expect(takeRetryOptions(undefined, from({ 'l5d-retry-limit': limit }))).toBeUndefined();
});

test('all headers are taken out, the useless ones too', () => {
  const taken: string[] = [];
  const take = (name: RequestOption): undefined => void taken.push(name);
  takeRetryOptions(policy, take);
  takeTimeoutOptions({}, take);
  expect(taken.toSorted()).toEqual([
    'l5d-request-timeout',
    'l5d-response-timeout',
    'l5d-retry-grpc',
    'l5d-retry-http',
    'l5d-retry-limit',
    'l5d-retry-timeout',
    'l5d-timeout',
  ]);
});

test('the longer name of the request timeout goes before the shorter', () => {
  const given = { requestMs: 1, responseMs: 2, idleMs: 3 };
  expect(takeTimeoutOptions(given, from({}))).toBe(given);
  expect(takeTimeoutOptions(given, from({ 'l5d-timeout': '10ms' }))).toEqual({ ...given, requestMs: 10 });
  expect(takeTimeoutOptions(given, from({ 'l5d-timeout': '10ms', 'l5d-request-timeout': '20ms' }))).toEqual({ ...given, requestMs: 20 });
  expect(takeTimeoutOptions(given, from({ 'l5d-timeout': '10ms', 'l5d-request-timeout': 'soon' }))).toEqual({ ...given, requestMs: 10 });
  expect(takeTimeoutOptions({}, from({ 'l5d-response-timeout': '1s' }))).toEqual({ requestMs: undefined, responseMs: 1_000 });
});

test('a policy of HTTP goes by status alone, one of gRPC by code alone', () => {
  const grpc = grpcRetryPolicy({ maxRetries: 1, maxRequestBytes: 1, conditions: { codes: [14] } });
  expect([isRetryable(policy, 500, undefined), isRetryable(policy, 501, undefined), isRetryable(policy, 200, 14)]).toEqual([true, false, false]);
  expect([isRetryable(grpc, 200, 14), isRetryable(grpc, 500, undefined), isRetryable(grpc, 200, undefined), isRetryable(grpc, 200, 0)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
