// Who is admitted: every kind of client against every kind of authorization. spec/proxy.md §8.1, §8.2, §8.7, §10.6 (inbound policy).
import type { Authorization } from '@weft/core';
import { expect } from 'vitest';
import { httpApplication, tcpApplication } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { meshedPeer } from '../process/meshed-peer.ts';
import { acceptanceCase } from './case.ts';
import {
  ANYBODY,
  authorization,
  type Client,
  clients,
  detect,
  enforce,
  FAR,
  NEAR,
  policyMetadata,
  relays,
  server,
  serverProxy,
  status,
} from './inbound-scene.ts';

const identityOf = (name: string): string => `${name}.ns.serviceaccount.identity.linkerd.cluster.local`;
const SPIFFE = 'spiffe://root.cluster.local/ns/ns/sa/web';
const KINDS = ['plaintext', 'mesh TLS without identity', 'web', 'api', 'a SPIFFE identity'] as const;

// Whom of KINDS each admits.
const AUTHENTICATIONS: readonly (readonly [
  name: string,
  authorization: (networks: readonly string[], except: readonly string[]) => Authorization,
  admits: readonly boolean[],
])[] = [
  ['unauthenticated', (...networks) => authorization({ kind: 'unauthenticated' }, ...networks), [true, true, true, true, true]],
  ['mesh TLS without identity', (...networks) => authorization({ kind: 'tls' }, ...networks), [false, true, true, true, true]],
  [
    'an identity',
    (...networks) => authorization({ kind: 'clients', identities: [identityOf('web')], suffixes: [] }, ...networks),
    [false, false, true, false, false],
  ],
  [
    'a SPIFFE identity',
    (...networks) => authorization({ kind: 'clients', identities: [SPIFFE], suffixes: [] }, ...networks),
    [false, false, false, false, true],
  ],
  [
    'a suffix',
    (...networks) =>
      authorization({ kind: 'clients', identities: [], suffixes: [['ns', 'serviceaccount', 'identity', 'linkerd', 'cluster', 'local']] }, ...networks),
    [false, false, true, true, false],
  ],
  [
    'a suffix that is the whole name',
    (...networks) => authorization({ kind: 'clients', identities: [], suffixes: [identityOf('web').split('.')] }, ...networks),
    [false, false, false, false, false],
  ],
  ['the empty suffix', (...networks) => authorization({ kind: 'clients', identities: [], suffixes: [[]] }, ...networks), [false, false, true, true, false]],
];

// Whether a client at NEAR is inside.
const NETWORKS: readonly (readonly [name: string, networks: readonly string[], except: readonly string[], inside: boolean])[] = [
  ['everywhere', ['0.0.0.0/0', '::/0'], [], true],
  ['its network', ['10.42.0.0/16'], [], true],
  ['its address', [`${NEAR}/32`], [], true],
  ['another network', ['10.99.0.0/16', '192.0.2.0/24'], [], false],
  ['its network except its address', ['10.42.0.0/16'], [`${NEAR}/32`], false],
  ['its network except others', ['10.42.0.0/16'], ['10.42.1.0/24', `${FAR}/32`], true],
  ['only IPv6', ['::/0'], [], false],
];

for (const [what, make, admits] of AUTHENTICATIONS) {
  acceptanceCase(`authorization by ${what}, over HTTP, in every network`, async () => {
    await using app = await httpApplication();
    await using control = await controlPlane().start();
    await using proxy = await serverProxy(control, app.port);
    using web = await meshedPeer(control, 'web');
    using api = await meshedPeer(control, 'api');
    using spiffe = await meshedPeer(control, SPIFFE);
    const kinds: readonly Client['as'][] = ['none', 'anonymous', web, api, spiffe];
    for (const [index, [where, networks, except, inside]] of NETWORKS.entries()) {
      await enforce(control, proxy, server(`server-${index}`, detect(make(networks, except))));
      const statuses = [];
      for (const as of kinds) statuses.push(await status(proxy, { as }));
      const expected = admits.map((admitted) => (admitted && inside ? 200 : 403));
      expect({ where, ...byKind(statuses) }).toEqual({ where, ...byKind(expected) });
    }
  });
}

acceptanceCase('authorization over TCP asks the same', async () => {
  await using app = await tcpApplication((socket) => socket.pipe(socket));
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  using web = await meshedPeer(control, 'web');
  using api = await meshedPeer(control, 'api');
  using spiffe = await meshedPeer(control, SPIFFE);
  const kinds: readonly Client['as'][] = ['none', 'anonymous', web, api, spiffe];
  for (const [index, [what, make, admits]] of AUTHENTICATIONS.entries()) {
    await enforce(control, proxy, server(`server-${index}`, detect(make(['10.42.0.0/16'], ['10.42.9.0/24']))), 'tcp');
    const near = [];
    const excepted = [];
    for (const as of kinds) near.push(await relays(proxy, { as }));
    for (const as of kinds) excepted.push(await relays(proxy, { as, from: '10.42.9.4' }));
    expect({ what, ...byKind(near) }).toEqual({ what, ...byKind(admits) });
    expect({ what, ...byKind(excepted) }).toEqual({ what, ...byKind(kinds.map(() => false)) });
  }
});

function byKind<T>(values: readonly T[]): Record<string, T | undefined> {
  return Object.fromEntries(KINDS.map((kind, i) => [kind, values[i]]));
}

acceptanceCase('the first authorization that admits is the one that counts', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  using web = await meshedPeer(control, 'web');
  const named = (name: string, one: Authorization): Authorization => ({ ...one, metadata: policyMetadata('AuthorizationPolicy', name) });
  const policy = server('web', detect(named('not-this', clients(['other'])), named('this', clients([web.identity])), named('nor-this', ANYBODY)));
  await enforce(control, proxy, policy);
  expect(await status(proxy, { as: web })).toBe(200);
  const labels = { authz_group: 'policy.linkerd.io', authz_kind: 'AuthorizationPolicy', client_id: web.identity, tls: 'true' };
  expect(await proxy.metric('inbound_http_authz_allow_total', { ...labels, authz_name: 'this' })).toBe(1);
  expect(await proxy.metric('request_total', { direction: 'inbound', ...labels, authz_name: 'this', srv_name: 'web', srv_port: '8080' })).toBe(1);
  expect(await proxy.metric('inbound_http_authz_allow_total', { authz_name: 'nor-this', client_id: web.identity })).toBe(0);
});

acceptanceCase('a server of the control plane admits the pod itself, whatever its authorizations', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  await enforce(control, proxy, server('nobody', detect()));
  expect([await status(proxy, { from: '127.0.0.1' }), await status(proxy, { from: NEAR })]).toEqual([200, 403]);
  expect(await proxy.metric('inbound_http_authz_allow_total', { authz_group: '', authz_kind: 'default', authz_name: 'localhost' })).toBe(1);
});

acceptanceCase('probes come in by routes of their own', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  using web = await meshedPeer(control, 'web');
  const match = (value: string) => ({ path: { kind: 'exact' as const, value }, headers: [], query: [], method: 'GET' });
  const probe = {
    metadata: { kind: 'default' as const, name: 'probe' },
    hosts: [],
    authorizations: [authorization({ kind: 'unauthenticated' }, [`${FAR}/32`])],
    rules: [{ matches: [match('/live'), match('/ready')], filters: [] }],
  };
  const everything = { metadata: { kind: 'default' as const, name: 'default' }, hosts: [], authorizations: [], rules: [{ matches: [], filters: [] }] };
  const authorizations = [clients([web.identity])];
  const policy = server('probed', { kind: 'detect', timeoutMs: 10_000, routes: [probe, everything], authorizations });
  await enforce(control, proxy, policy);
  // The kubelet is at FAR; it is not meshed.
  expect([
    await status(proxy, { from: FAR, path: '/live' }),
    await status(proxy, { from: FAR, path: '/other' }),
    await status(proxy, { path: '/live' }),
  ]).toEqual([200, 403, 403]);
  expect([await status(proxy, { as: web, path: '/live' }), await status(proxy, { as: web, path: '/other' })]).toEqual([200, 200]);
  expect(await proxy.metric('inbound_http_authz_allow_total', { route_kind: 'default', route_name: 'probe', client_id: '' })).toBe(0);
  expect(await proxy.metric('inbound_http_authz_allow_total', { route_kind: 'default', route_name: 'probe', tls: 'no_identity' })).toBe(1);
  // Where no such route is listed, probes are like all other requests.
  await enforce(control, proxy, server('unprobed', { kind: 'detect', timeoutMs: 10_000, routes: [everything], authorizations }));
  expect(await status(proxy, { from: FAR, path: '/live' })).toBe(403);
});
