// Retries by the policy of a route, and by what requests ask for. spec/proxy.md §7.6, §10.6 (outbound logical: basic/headers, retries).
import type { GrpcRetryConditions, HttpRetryConditions, Retry } from '@weft/core';
import { expect } from 'vitest';
import { acceptanceCase } from './case.ts';
import { HTTP_VERSIONS, proxyBefore, request, rulePolicy, type ScriptedApplication, scriptedApplication, type Version } from './scripted.ts';

const http = (more: Partial<Retry<HttpRetryConditions>> = {}): Retry<HttpRetryConditions> => ({
  maxRetries: 1,
  maxRequestBytes: 1_000,
  conditions: { statusRanges: [{ start: 500, end: 599 }] },
  ...more,
});
const grpc = (more: Partial<Retry<GrpcRetryConditions>> = {}): Retry<GrpcRetryConditions> => ({
  maxRetries: 1,
  maxRequestBytes: 1_000,
  conditions: { codes: [13] },
  ...more,
});

/** Answers with these statuses in turn; 0 never answers. */
function statuses(version: Version, ...list: number[]): Promise<ScriptedApplication> {
  return scriptedApplication(version, async (turn) => {
    const status = list[turn.index] ?? 200;
    await turn.body;
    if (status === 0) return;
    turn.head(status);
    turn.end(`answer ${turn.index + 1}`);
  });
}

/** The same in gRPC, as trailers; `undefined` never answers. */
function codes(...list: (string | undefined)[]): Promise<ScriptedApplication> {
  return scriptedApplication('http2', async (turn) => {
    const code = turn.index < list.length ? list[turn.index] : '0';
    await turn.body;
    if (code === undefined) return;
    turn.head(200, { 'content-type': 'application/grpc' });
    turn.trailers({ 'grpc-status': code });
  });
}

const grpcQuestion = (headers: Readonly<Record<string, string>> = {}) => ({
  method: 'POST',
  path: '/svc/Method',
  body: 'message',
  headers: { 'content-type': 'application/grpc', te: 'trailers', ...headers },
});

for (const version of HTTP_VERSIONS) {
  acceptanceCase(`http_5xx (${version})`, async () => {
    await using app = await statuses(version, 503);
    await using open = await proxyBefore(app, { policy: rulePolicy(version, { http: http() }) });
    expect(await request(version, open.at, { method: 'POST', body: 'body', headers: { 'content-length': '4' } })).toMatchObject({
      status: 200,
      body: 'answer 2',
    });
    expect(await Promise.all(app.turns.map((turn) => turn.body))).toEqual(['body', 'body']);
    const labels = { route_name: 'tried', route_namespace: 'ns', route_kind: 'HTTPRoute' };
    expect(await open.proxy.metric('outbound_http_route_retry_requests_total', labels)).toBe(1);
    expect(await open.proxy.metric('outbound_http_route_retry_successes_total', labels)).toBe(1);
  });

  acceptanceCase(`http_5xx_limited (${version})`, async () => {
    await using app = await statuses(version, 500, 501, 502, 200);
    await using open = await proxyBefore(app, { policy: rulePolicy(version, { http: http({ maxRetries: 2 }) }) });
    expect(await request(version, open.at)).toMatchObject({ status: 502, body: 'answer 3' });
    expect(app.turns).toHaveLength(3);
    expect(await open.proxy.metric('outbound_http_route_retry_limit_exceeded_total', { route_name: 'tried' })).toBe(1);
    expect(await open.proxy.metric('outbound_http_route_retry_successes_total', { route_name: 'tried' })).toBe(0);
  });

  acceptanceCase(`http_timeout (${version})`, async () => {
    await using app = await statuses(version, 0, 200);
    await using open = await proxyBefore(app, { policy: rulePolicy(version, { http: http({ timeoutMs: 100 }) }) });
    expect(await request(version, open.at)).toMatchObject({ status: 200, body: 'answer 2' });
  });

  acceptanceCase(`http_timeout_on_limit (${version})`, async () => {
    await using app = await scriptedApplication(version, (turn) => {
      if (turn.index === 0) return;
      // Later than the time that a try has which is not the last.
      setTimeout(() => {
        turn.head(200);
        turn.end('late');
      }, 300);
    });
    await using open = await proxyBefore(app, { policy: rulePolicy(version, { http: http({ timeoutMs: 100 }) }) });
    expect(await request(version, open.at)).toMatchObject({ status: 200, body: 'late' });
    expect(app.turns).toHaveLength(2);
  });

  acceptanceCase(`http_timeout_with_request_timeout (${version})`, async () => {
    await using app = await statuses(version, ...Array.from({ length: 50 }, () => 0));
    await using open = await proxyBefore(app, {
      policy: rulePolicy(version, { http: http({ maxRetries: 50, timeoutMs: 100 }), timeouts: { requestMs: 450 } }),
    });
    expect((await request(version, open.at)).status).toBe(504);
    // Five at most have begun by then; a slow machine has fewer.
    expect(app.turns.length).toBeGreaterThan(1);
    expect(app.turns.length).toBeLessThanOrEqual(5);
  });

  acceptanceCase(`http_requires_allow (${version})`, async () => {
    const asked = { headers: { 'l5d-retry-http': '5xx', 'l5d-retry-limit': '1' } };
    await using app = await statuses(version, 503, 503, 200);
    const statusOf = async (allowL5dHeaders: boolean): Promise<number> => {
      await using open = await proxyBefore(app, { policy: rulePolicy(version, { allowL5dHeaders }) });
      return (await request(version, open.at, asked)).status;
    };
    expect(await statusOf(false)).toBe(503);
    expect(app.turns[0]?.headers).toMatchObject(asked.headers);
    expect(await statusOf(true)).toBe(200);
    expect(Object.keys(app.turns[2]?.headers ?? {}).filter((name) => name.startsWith('l5d-retry'))).toEqual([]);
  });

  acceptanceCase(`header configured HTTP retries (${version})`, async () => {
    await using app = await statuses(version, 404, 503, 404, 503, 200);
    await using open = await proxyBefore(app, { policy: rulePolicy(version, { http: http(), allowL5dHeaders: true }) });
    // 404 is none of the policy's statuses, and 503 none of the request's.
    expect((await request(version, open.at, { headers: { 'l5d-retry-http': '404' } })).status).toBe(503);
    expect((await request(version, open.at, { headers: { 'l5d-retry-http': '404,gateway-error', 'l5d-retry-limit': '2' } })).status).toBe(200);
    expect(app.turns).toHaveLength(5);
  });

  acceptanceCase(`header configured timeouts (${version})`, async () => {
    await using app = await statuses(version, 0, 0, 0);
    await using open = await proxyBefore(app, { policy: rulePolicy(version, { timeouts: { requestMs: 60_000 }, allowL5dHeaders: true }) });
    for (const name of ['l5d-timeout', 'l5d-request-timeout', 'l5d-response-timeout']) {
      expect((await request(version, open.at, { headers: { [name]: '100ms' } })).status).toBe(504);
    }
  });
}

acceptanceCase('grpc_internal', async () => {
  await using app = await codes('13');
  await using open = await proxyBefore(app, { policy: rulePolicy('http2', { grpc: grpc() }) });
  expect((await request('http2', open.at, grpcQuestion())).trailers['grpc-status']).toBe('0');
  expect(await Promise.all(app.turns.map((turn) => turn.body))).toEqual(['message', 'message']);
  expect(await open.proxy.metric('outbound_grpc_route_retry_successes_total', { route_name: 'tried' })).toBe(1);
});

acceptanceCase('grpc_timeout', async () => {
  await using app = await codes(undefined, '0');
  await using open = await proxyBefore(app, { policy: rulePolicy('http2', { grpc: grpc({ timeoutMs: 100 }) }) });
  expect((await request('http2', open.at, grpcQuestion())).trailers['grpc-status']).toBe('0');
  expect(app.turns).toHaveLength(2);
});

acceptanceCase('grpc_requires_allow', async () => {
  const asked = grpcQuestion({ 'l5d-retry-grpc': 'unavailable', 'l5d-retry-limit': '1' });
  await using app = await codes('14', '14', '0');
  const codeOf = async (allowL5dHeaders: boolean): Promise<unknown> => {
    await using open = await proxyBefore(app, { policy: rulePolicy('http2', { grpc: grpc(), allowL5dHeaders }) });
    return (await request('http2', open.at, asked)).trailers['grpc-status'];
  };
  expect(await codeOf(false)).toBe('14');
  expect(await codeOf(true)).toBe('0');
});

acceptanceCase('header configured gRPC retries', async () => {
  await using app = await codes('14', '8', '0');
  await using open = await proxyBefore(app, { policy: rulePolicy('http2', { allowL5dHeaders: true }) });
  const asked = grpcQuestion({ 'l5d-retry-grpc': 'unavailable,resource-exhausted', 'l5d-retry-limit': '3' });
  expect((await request('http2', open.at, asked)).trailers['grpc-status']).toBe('0');
  expect(app.turns).toHaveLength(3);
});
