import { expect, test } from 'vitest';
import type { ClientPolicy, HttpRetryConditions, HttpRule } from '../domain/client-policy.ts';
import { plainEndpoint } from '../domain/endpoint.ts';
import type { HttpMatch } from '../domain/match.ts';
import { defaultMetadata } from '../domain/metadata.ts';
import { explainOutbound } from './explain-outbound.ts';

const ID = 'web.ns.serviceaccount.identity.linkerd.cluster.local';
const meshed = { ...plainEndpoint({ ip: '10.0.0.1', port: 80 }), identity: { id: { kind: 'dns', name: ID }, serverName: ID } } as const;
const rule: HttpRule<HttpMatch, HttpRetryConditions> = {
  matches: [],
  filters: [],
  distribution: {
    kind: 'first-available',
    backends: [
      {
        backend: { metadata: defaultMetadata('a'), dispatcher: { kind: 'forward', endpoint: meshed }, queue: { capacity: 0, failfastTimeoutMs: 0 } },
        filters: [],
      },
    ],
  },
  timeouts: { requestMs: 1_000, idleMs: 9 },
  allowL5dHeaders: true,
};

function ask(headers: readonly string[], extra: Partial<typeof rule> = {}) {
  const policy: ClientPolicy = {
    parent: defaultMetadata('svc'),
    protocol: { kind: 'http1', routes: [{ metadata: defaultMetadata('r'), hosts: [], rules: [{ ...rule, ...extra }] }] },
  };
  return explainOutbound({ policy }, { protocol: 'http/1', request: { method: 'GET', path: '/', authority: 'web', headers } });
}

test('applies the timeouts and retries that a request asks for, where its route allows that', () => {
  const headers = ['l5d-timeout', '5ms', 'l5d-retry-http', '5xx,429', 'l5d-retry-timeout', '7ms'];
  expect(ask(headers)).toMatchObject({
    timeouts: { requestMs: 5, idleMs: 9 },
    retry: 'up to 1 more times: status 500-599, status 429, no response head within 7 ms, no endpoint ready',
  });
  const plain = ask(headers, { allowL5dHeaders: false });
  expect([plain.timeouts, plain.retry]).toEqual([{ requestMs: 1_000, idleMs: 9 }, undefined]);
});

test('changes the retries of the route, and says nothing of those that do not happen', () => {
  const retry = { maxRetries: 2, maxRequestBytes: 1, conditions: { statusRanges: [{ start: 503, end: 503 }] } };
  expect(ask([], { retry }).retry).toBe('up to 2 more times: status 503, no endpoint ready');
  expect(ask(['l5d-retry-limit', '4', 'l5d-retry-grpc', 'internal'], { retry }).retry).toBe(
    'up to 4 more times: status 503, gRPC status 13, no endpoint ready',
  );
  expect(ask(['l5d-retry-limit', '0'], { retry }).retry).toBeUndefined();
});

test('states the identity that a request demands, which routes do not see, and refuses the only endpoint where it has another', () => {
  expect(ask(['l5d-require-id', ID.toUpperCase()])).toMatchObject({ requiredIdentity: ID.toUpperCase(), verdict: { kind: 'forwarded' } });
  expect(ask(['l5d-require-id', 'other.id'])).toMatchObject({
    requiredIdentity: 'other.id',
    verdict: { kind: 'refused', status: 502, reason: { code: 'IDENTITY_REQUIRED', text: expect.stringContaining('10.0.0.1:80: other.id is required') } },
  });
  const matches = [{ headers: [{ name: 'l5d-require-id', value: { kind: 'exact', value: ID } }], query: [] }] as const;
  expect(ask(['x', '1', 'l5d-require-id', ID, 'y', '2'], { matches }).verdict).toMatchObject({ reason: { code: 'ROUTE_NOT_FOUND' } });
});
