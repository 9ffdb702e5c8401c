import { expect, test } from 'vitest';
import type { HttpMatch } from '../domain/match.ts';
import { defaultMetadata } from '../domain/metadata.ts';
import type { Authorization, ServerPolicy } from '../domain/server-policy.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import { explainInbound } from './explain-inbound.ts';

const request = (path: string): RoutedRequest => ({ method: 'GET', path, authority: 'web.example', headers: [] });
const NETWORK = { net: { ip: '10.0.0.0', prefix: 8 }, except: [{ ip: '10.9.0.0', prefix: 16 }] } as const;
const authorization = (name: string, authentication: Authorization['authentication']): Authorization => ({
  metadata: defaultMetadata(name),
  networks: [NETWORK],
  authentication,
});

test('names the authorization that decides inbound, what the others lack, and the limits that count', () => {
  const identity = { kind: 'dns', name: 'web.ns.serviceaccount.identity.linkerd.cluster.local' } as const;
  const policy: ServerPolicy = {
    metadata: defaultMetadata('server'),
    protocol: {
      kind: 'http1',
      authorizations: [],
      rateLimit: { totalRps: 100, identityRps: 10, overrides: [{ identities: [identity.name], rps: 50 }] },
      routes: [
        {
          metadata: defaultMetadata('route'),
          hosts: [],
          authorizations: [
            authorization('others', { kind: 'clients', identities: ['other.id'], suffixes: [] }),
            authorization('meshed', { kind: 'tls' }),
            authorization('anybody', { kind: 'unauthenticated' }),
          ],
          rules: [{ matches: [], filters: [] }],
        },
      ],
    },
  };
  const meshed = explainInbound(policy, { client: { ip: '10.0.0.1', tls: { kind: 'mesh', identity } }, request: request('/') });
  expect(meshed).toMatchObject({
    verdict: { kind: 'forwarded' },
    authorizations: [
      { authorization: 'default/others', outcome: 'rejects', rejectedBy: 'identity' },
      { authorization: 'default/meshed', outcome: 'admits' },
      { authorization: 'default/anybody', outcome: 'not asked' },
    ],
    rateLimits: [
      { scope: 'total', requestsPerSecond: 100 },
      { scope: 'override', requestsPerSecond: 50 },
    ],
  });
  const excepted = explainInbound(policy, { client: { ip: '10.9.0.1', tls: { kind: 'none' } }, request: request('/') });
  expect(excepted.authorizations.map(({ rejectedBy }) => rejectedBy)).toEqual(['network-except', 'network-except', 'network-except']);
  expect(excepted.verdict).toMatchObject({ kind: 'refused', reason: { code: 'UNAUTHORIZED' } });
});

test('answers injected failures inbound as internal errors', () => {
  const policy: ServerPolicy = {
    metadata: defaultMetadata('server'),
    protocol: {
      kind: 'http2',
      authorizations: [],
      routes: [
        {
          metadata: defaultMetadata('route'),
          hosts: [],
          authorizations: [authorization('anybody', { kind: 'unauthenticated' })],
          rules: [{ matches: [], filters: [{ kind: 'http-failure', status: 418, message: 'tea' }] }],
        },
      ],
    },
  };
  const { verdict } = explainInbound(policy, { client: { ip: '10.0.0.1', tls: { kind: 'none' } }, request: request('/') });
  expect(verdict).toMatchObject({ kind: 'answered', status: 500 });
});

test('refuses inbound by a match that is not understood, after the authorizations of its route', () => {
  const unread = { headers: [], query: [], path: { kind: 'regex', regex: '/a(' } } as const;
  const route = (name: string, matches: readonly HttpMatch[]) => ({
    metadata: defaultMetadata(name),
    hosts: [],
    authorizations: [authorization('meshed', { kind: 'tls' })],
    rules: [{ matches, filters: [] }],
  });
  const policy: ServerPolicy = {
    metadata: defaultMetadata('server'),
    protocol: { kind: 'http1', authorizations: [], routes: [route('one', []), route('two', [unread])] },
  };
  const ask = (tls: 'mesh' | 'none') =>
    explainInbound(policy, {
      client: { ip: '10.0.0.1', tls: tls === 'mesh' ? { kind: 'mesh', identity: undefined } : { kind: 'none' } },
      request: request('/'),
    });
  expect(ask('none')).toMatchObject({ verdict: { status: 403, reason: { code: 'UNAUTHORIZED' } }, authorizations: [{ outcome: 'rejects' }] });
  expect(ask('mesh').verdict).toMatchObject({
    status: 500,
    reason: { code: 'POLICY_INVALID', text: expect.stringMatching(/"\/a\(".*; route default\/two of default\/server$/) },
  });
});
