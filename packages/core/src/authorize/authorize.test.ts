import { describe, expect, test } from 'vitest';
import { parseNetwork } from '../address/network.ts';
import { defaultMetadata, type Metadata } from '../domain/metadata.ts';
import type { Authentication, Authorization } from '../domain/server-policy.ts';
import { parseIdentityId } from '../names/identity-name.ts';
import type { InboundClient } from './authorization-rule.ts';
import { createAuthorizer, explainAuthorization } from './authorizer.ts';
import { DEFAULT_POLICY_NAMES, defaultServerPolicy, isDefaultPolicyName, LOCALHOST_AUTHORIZATION } from './default-policy.ts';

const net = (text: string): { ip: string; prefix: number } => {
  const network = parseNetwork(text);
  if (!network) throw new Error(text);
  return network;
};
const server: Metadata = { kind: 'resource', group: 'policy.linkerd.io', resource: 'Server', name: 'web', namespace: 'ns', section: '', port: 0 };
const allow = (authentication: Authentication, networks: readonly string[] = ['0.0.0.0/0', '::/0'], except: readonly string[] = []): Authorization => ({
  metadata: defaultMetadata('test'),
  networks: networks.map((text) => ({ net: net(text), except: except.map(net) })),
  authentication,
});
const plain = (ip: string): InboundClient => ({ ip, tls: { kind: 'none' } });
const meshed = (identity?: string, ip = '10.0.0.1'): InboundClient => ({
  ip,
  tls: { kind: 'mesh', identity: identity === undefined ? undefined : parseIdentityId(identity) },
});
const admits = (authorization: Authorization, client: InboundClient): boolean =>
  createAuthorizer({ authorizations: [authorization], server }).authorize(client).kind === 'allowed';

describe('networks', () => {
  test('admit what is inside and not excepted', () => {
    const authorization = allow({ kind: 'unauthenticated' }, ['10.0.0.0/8', 'fd00::/8'], ['10.9.0.0/16']);
    expect(['10.1.1.1', '10.9.1.1', '11.0.0.1', 'fd00::1', 'fe80::1'].map((ip) => admits(authorization, plain(ip)))).toEqual([true, false, false, true, false]);
  });

  test('admit by another network what the first one excepts', () => {
    const authorization: Authorization = {
      ...allow({ kind: 'unauthenticated' }),
      networks: [
        { net: net('10.0.0.0/8'), except: [net('10.9.0.0/16')] },
        { net: net('10.9.9.0/24'), except: [] },
      ],
    };
    expect(['10.9.1.1', '10.9.9.1'].map((ip) => admits(authorization, plain(ip)))).toEqual([false, true]);
  });

  test('admit nobody when there are none', () => {
    expect(admits(allow({ kind: 'unauthenticated' }, []), plain('10.0.0.1'))).toBe(false);
  });
});

describe('authentication', () => {
  test('by TLS asks for mesh TLS and not for an identity', () => {
    const authorization = allow({ kind: 'tls' });
    expect([admits(authorization, plain('10.0.0.1')), admits(authorization, meshed()), admits(authorization, meshed('a.b'))]).toEqual([false, true, true]);
  });

  test('by identity is exact and ignores the case of DNS names', () => {
    const authorization = allow({ kind: 'clients', identities: ['Web.ns.example', 'spiffe://root/Web', 'not a name'], suffixes: [] });
    expect(
      [meshed('web.NS.example'), meshed('x.web.ns.example'), meshed('spiffe://root/Web'), meshed('spiffe://root/web'), meshed(), plain('10.0.0.1')].map((c) =>
        admits(authorization, c),
      ),
    ).toEqual([true, false, true, false, false, false]);
  });

  test('by suffix admits names under it, and never URIs', () => {
    const authorization = allow({ kind: 'clients', identities: [], suffixes: [['ns', 'example']] });
    expect(
      [meshed('web.ns.example'), meshed('ns.example'), meshed('webns.example'), meshed('spiffe://x.ns.example')].map((c) => admits(authorization, c)),
    ).toEqual([true, false, false, false]);
  });

  test('by the empty suffix admits every DNS identity and nothing else', () => {
    const authorization = allow({ kind: 'clients', identities: [], suffixes: [[]] });
    expect([meshed('a.b'), meshed('spiffe://a/b'), meshed(), plain('10.0.0.1')].map((c) => admits(authorization, c))).toEqual([true, false, false, false]);
  });
});

describe('verdicts', () => {
  test('name the first authorization that admits', () => {
    const [first, second] = [allow({ kind: 'tls' }), allow({ kind: 'unauthenticated' })];
    const authorizer = createAuthorizer({ authorizations: [first, second], server });
    expect(authorizer.authorize(meshed())).toEqual({ kind: 'allowed', authorization: first });
    expect(authorizer.authorize(plain('1.2.3.4'))).toEqual({ kind: 'allowed', authorization: second });
  });

  test('of refusal name client, server and route', () => {
    const authorizer = createAuthorizer({ authorizations: [], server, route: defaultMetadata('default') });
    expect(authorizer.authorize(meshed('web.ns.example'))).toEqual({
      kind: 'denied',
      reason: {
        code: 'UNAUTHORIZED',
        detail: 'client 10.0.0.1 (web.ns.example), server policy.linkerd.io/Server ns/web, route default/default: there are no authorizations',
      },
    });
  });

  test('of refusal say what each authorization wants', () => {
    const authorizations = [
      allow({ kind: 'unauthenticated' }, ['192.0.2.0/24', '198.51.100.0/24']),
      allow({ kind: 'unauthenticated' }, ['10.0.0.0/8'], ['10.0.0.0/24']),
      allow({ kind: 'clients', identities: ['a.b'], suffixes: [['ns', 'example'], []] }),
      allow({ kind: 'tls' }),
      allow({ kind: 'tls' }),
    ];
    const verdict = createAuthorizer({ authorizations, server }).authorize(plain('10.0.0.1'));
    expect(verdict).toEqual({
      kind: 'denied',
      reason: {
        code: 'UNAUTHORIZED',
        detail: [
          'client 10.0.0.1 (no mesh TLS), server policy.linkerd.io/Server ns/web: default/test wants an address in 192.0.2.0/24 or 198.51.100.0/24',
          'default/test wants an address outside of 10.0.0.0/24',
          'default/test wants mesh TLS',
          'default/test wants mesh TLS',
          'and 1 more',
        ].join('; '),
      },
    });
  });

  test('are remembered per connection', () => {
    const authorizer = createAuthorizer({ authorizations: [], server });
    const client = plain('1.2.3.4');
    expect(authorizer.authorize(client)).toBe(authorizer.authorize(client));
  });
});

describe('an explanation', () => {
  const clients = allow({ kind: 'clients', identities: ['a.b', 'c.d', 'e.f', 'g.h', 'i.j'], suffixes: [] });
  const everything = [allow({ kind: 'tls' }), clients, allow({ kind: 'unauthenticated' }), allow({ kind: 'unauthenticated' }, ['192.0.2.0/24'])];
  const rejections = (client: InboundClient) =>
    explainAuthorization({ authorizations: everything, server }, client).trials.map(({ rejected }) => rejected?.by ?? 'admits');

  test('tells of each authorization which part rejected the client, also after the one that decides', () => {
    expect(rejections(plain('10.0.0.1'))).toEqual(['tls', 'tls', 'admits', 'network']);
    expect(rejections(meshed())).toEqual(['admits', 'no-identity', 'admits', 'network']);
    expect(rejections(meshed('x.y'))).toEqual(['admits', 'identity', 'admits', 'network']);
    expect(explainAuthorization({ authorizations: everything, server }, meshed('x.y'))).toMatchObject({
      verdict: { kind: 'allowed', authorization: everything[0] },
      trials: [{}, { authorization: clients, rejected: { sentence: 'default/test wants the identity a.b or c.d or e.f or 2 others' } }, {}, {}],
    });
  });

  test('tells an address that is excepted from one that is outside', () => {
    const authorizations = [allow({ kind: 'unauthenticated' }, ['10.0.0.0/8'], ['10.9.0.0/16'])];
    const by = (ip: string) => explainAuthorization({ authorizations, server }, plain(ip)).trials[0]?.rejected?.by;
    expect([by('10.9.1.1'), by('11.0.0.1'), by('10.1.1.1')]).toEqual(['network-except', 'network', undefined]);
  });
});

describe('default policies', () => {
  const clusterNetworks = [net('10.0.0.0/8')];
  const inside = plain('10.0.0.1');
  const outside = plain('192.0.2.1');
  const clients = [inside, outside, meshed('a.b', '10.0.0.1'), meshed('a.b', '192.0.2.1'), meshed(undefined, '10.0.0.1')];

  test.each([
    ['all-unauthenticated', [true, true, true, true, true]],
    ['all-authenticated', [false, false, true, true, false]],
    ['cluster-unauthenticated', [true, false, true, false, true]],
    ['cluster-authenticated', [false, false, true, false, false]],
    ['audit', [true, true, true, true, true]],
    ['deny', [false, false, false, false, false]],
  ] as const)('%s admits whom it says', (name, expected) => {
    for (const opaque of [false, true]) {
      const policy = defaultServerPolicy(name, { clusterNetworks, opaque, detectTimeoutMs: 10_000 });
      expect(policy.metadata).toEqual({ kind: 'default', name });
      expect(policy.protocol.kind).toBe(opaque || name === 'deny' ? 'opaque' : 'detect');
      const authorizer = createAuthorizer({ authorizations: policy.protocol.authorizations, server: policy.metadata });
      expect(clients.map((client) => authorizer.authorize(client).kind === 'allowed')).toEqual(expected);
    }
  });

  test('know their names', () => {
    expect([DEFAULT_POLICY_NAMES.every(isDefaultPolicyName), isDefaultPolicyName('allow'), isDefaultPolicyName('toString')]).toEqual([true, false, false]);
  });

  test('localhost admits exactly the two loopback addresses', () => {
    expect(['127.0.0.1', '::1', '127.0.0.2', '10.0.0.1'].map((ip) => admits(LOCALHOST_AUTHORIZATION, plain(ip)))).toEqual([true, true, false, false]);
  });
});
