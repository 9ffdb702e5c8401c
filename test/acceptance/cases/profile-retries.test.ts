// Retries and timeouts of ServiceProfiles. spec/proxy.md §7.7, §10.3 (profiles.rs).
import type { Profile, ProfileRoute, RetryBudget } from '@weft/core';
import { expect } from 'vitest';
import { http2Session } from '../process/applications.ts';
import { NAME } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';
import { askHttp2, HTTP_VERSIONS, proxyBefore, request, type ScriptedApplication, scriptedApplication, type Turn, type Version } from './scripted.ts';

const BUDGET: RetryBudget = { ttlMs: 10_000, retryRatio: 0.1, minRetriesPerSecond: 1 };
const FAILURES = [{ condition: { kind: 'status', min: 500, max: 599 }, isFailure: true }] as const;

interface ProfileScript {
  readonly route?: Partial<ProfileRoute>;
  readonly budget?: RetryBudget | undefined;
}

function profile({ route = {}, budget }: ProfileScript): Profile {
  const any: ProfileRoute = { condition: { kind: 'path', regex: '/.*' }, responseClasses: FAILURES, labels: { route: 'any' }, isRetryable: true, ...route };
  return { fullyQualifiedName: NAME.replace(/:80$/, ''), opaqueProtocol: false, routes: [any], overrides: [], ...(budget && { retryBudget: budget }) };
}

/** Every other request fails, the first one among them, once it has been read. */
function everyOther(version: Version): Promise<ScriptedApplication> {
  return scriptedApplication(version, async (turn) => {
    await turn.body;
    turn.head(turn.index % 2 === 0 ? 533 : 200);
    turn.end(turn.index % 2 === 0 ? 'nope' : 'retried');
  });
}

/** With one request, its status and how often it was tried. */
function caseOf(
  name: string,
  script: ProfileScript,
  question: Parameters<typeof request>[2],
  expected: { readonly status: number; readonly tries: number },
): void {
  for (const version of HTTP_VERSIONS) {
    acceptanceCase(`${name} (${version})`, async () => {
      await using app = await everyOther(version);
      await using open = await proxyBefore(app, { profile: profile(script) });
      const { status } = await request(version, open.at, question);
      expect({ status, tries: app.turns.length }).toEqual(expected);
      const bodies = await Promise.all(app.turns.map((turn) => turn.body));
      expect(new Set(bodies).size).toBe(1);
    });
  }
}

const RETRIED = { status: 200, tries: 2 };
const ONCE = { status: 533, tries: 1 };
const small = 'req has a body';

caseOf('retry_if_profile_allows', { route: { responseClasses: [] }, budget: BUDGET }, {}, RETRIED);
caseOf('retry_with_small_post_body', { budget: BUDGET }, { method: 'POST', body: small, headers: { 'content-length': '14' } }, RETRIED);
caseOf('retry_with_small_put_body', { budget: BUDGET }, { method: 'PUT', body: small, headers: { 'content-length': '14' } }, RETRIED);
caseOf('retry_without_content_length', { budget: BUDGET }, { method: 'POST', body: ['hello', 'world'] }, RETRIED);
caseOf('does_not_retry_if_request_does_not_match', { route: { condition: { kind: 'path', regex: '/wont/match/anything' } }, budget: BUDGET }, {}, ONCE);
caseOf(
  'does_not_retry_if_earlier_response_class_is_success',
  { route: { responseClasses: [{ condition: { kind: 'status', min: 533, max: 533 }, isFailure: false }, ...FAILURES] }, budget: BUDGET },
  {},
  ONCE,
);
const long = 'x'.repeat(64 * 1024 + 1);
caseOf('does_not_retry_if_body_is_too_long', { budget: BUDGET }, { method: 'POST', body: long, headers: { 'content-length': String(long.length) } }, ONCE);
const chunk = 'x'.repeat(32 * 1024);
caseOf('does_not_retry_if_streaming_body_exceeds_max_length', { budget: BUDGET }, { method: 'POST', body: [chunk, chunk, chunk] }, ONCE);
caseOf('does_not_retry_if_missing_retry_budget', {}, {}, ONCE);
caseOf('ignores_invalid_retry_budget_ttl', { budget: { ...BUDGET, ttlMs: 1_000_000 } }, {}, ONCE);
caseOf('ignores_invalid_retry_budget_ratio', { budget: { ...BUDGET, retryRatio: 10_000 } }, {}, ONCE);
caseOf('ignores_invalid_retry_budget_negative_ratio', { budget: { ...BUDGET, retryRatio: -1 } }, {}, ONCE);

for (const version of HTTP_VERSIONS) {
  acceptanceCase(`retry_uses_budget (${version})`, async () => {
    // Two good requests pay for one retry.
    const script = [200, 200, 533, 200, 533, 200];
    await using app = await scriptedApplication(version, (turn) => {
      turn.head(script[turn.index] ?? 200);
      turn.end();
    });
    await using open = await proxyBefore(app, { profile: profile({ budget: { ttlMs: 60_000, retryRatio: 0.5, minRetriesPerSecond: 0 } }) });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await request(version, open.at)).status);
    expect(statuses).toEqual([200, 200, 200, 533, 200]);
    const labels = { direction: 'outbound', dst: NAME, rt_route: 'any' };
    expect(await open.proxy.metric('route_retryable_total', { ...labels, skipped: 'no_budget' })).toBe(1);
    const all = await open.proxy.samples('route_retryable_total');
    expect(all.filter((sample) => sample.labels['skipped'] === undefined).map((sample) => sample.value)).toEqual([2]);
  });

  acceptanceCase(`timeout (${version})`, async () => {
    await using app = await scriptedApplication(version, () => undefined);
    await using open = await proxyBefore(app, { profile: profile({ route: { isRetryable: false, timeoutMs: 100 } }) });
    expect((await request(version, open.at)).status).toBe(504);
  });

  acceptanceCase(`timeout: route_response_total (${version})`, async () => {
    await using app = await scriptedApplication(version, () => undefined);
    await using open = await proxyBefore(app, { profile: profile({ route: { isRetryable: false, timeoutMs: 100 } }) });
    await request(version, open.at);
    const labels = { direction: 'outbound', dst: NAME, classification: 'failure', error: 'timeout' };
    expect(await open.proxy.metric('route_response_total', labels)).toBe(1);
  });
}

acceptanceCase('http2_failures_dont_leak_connection_window', async () => {
  await using app = await scriptedApplication('http2', (turn) => {
    turn.head(turn.index % 2 === 0 ? 533 : 200);
    turn.end(turn.index % 2 === 0 ? Buffer.alloc(100 * 1024, 'x') : 'retried');
  });
  await using open = await proxyBefore(app, { profile: profile({ budget: { ttlMs: 10_000, retryRatio: 10, minRetriesPerSecond: 10 } }) });
  using session = http2Session(open.at);
  // Three megabytes that nobody takes are more than the window of the connection.
  for (let i = 0; i < 30; i += 1) expect(await askHttp2(session)).toMatchObject({ status: 200, body: 'retried' });
});

const grpc = { path: '/retry', headers: { 'content-type': 'application/grpc' } } as const;

interface GrpcResult {
  readonly inHead: unknown;
  readonly inTrailers: unknown;
  readonly body: string;
  readonly tries: number;
}

/** The first answer is UNAVAILABLE where `serve` says so, the others are OK. */
function grpcCase(name: string, serve: (turn: Turn, status: '14' | '0') => void, expected: GrpcResult): void {
  acceptanceCase(`grpc_retry: ${name}`, async () => {
    await using app = await scriptedApplication('http2', (turn) => serve(turn, turn.index === 0 ? '14' : '0'));
    await using open = await proxyBefore(app, { profile: profile({ route: { responseClasses: [] }, budget: BUDGET }) });
    const { status, headers, trailers, body } = await request('http2', open.at, grpc);
    const result = { inHead: headers['grpc-status'], inTrailers: trailers['grpc-status'], body, tries: app.turns.length };
    expect({ status, ...result }).toEqual({ status: 200, ...expected });
  });
}

grpcCase(
  'retries_failure_in_headers',
  (turn, status) => {
    turn.head(200, { 'grpc-status': status });
    turn.end();
  },
  { inHead: '0', inTrailers: undefined, body: '', tries: 2 },
);

grpcCase(
  'retries_failure_in_trailers',
  (turn, status) => {
    turn.head(200);
    turn.trailers({ 'grpc-status': status });
  },
  { inHead: undefined, inTrailers: '0', body: '', tries: 2 },
);

grpcCase(
  'does_not_retry_success_in_trailers',
  (turn) => {
    turn.head(200);
    turn.write('hello world');
    turn.trailers({ 'grpc-status': '0' });
  },
  { inHead: undefined, inTrailers: '0', body: 'hello world', tries: 1 },
);

grpcCase(
  'does_not_eat_multiple_data_frame_body',
  (turn) => {
    turn.head(200);
    turn.write('hello');
    turn.write('world');
    turn.trailers({ 'grpc-status': '0' });
  },
  { inHead: undefined, inTrailers: '0', body: 'helloworld', tries: 1 },
);
