// What else inbound policy says: routes, default and invalid policies, and changes under open connections.
// spec/proxy.md §8.1, §8.3, §8.4, §8.6, §10.6 (inbound policy).
import type { HttpMatch, InboundRoute, ServerProtocol } from '@weft/core';
import { expect, vi } from 'vitest';
import { httpApplication, tcpApplication } from '../process/applications.ts';
import { type ControlPlane, controlPlane } from '../process/control-plane.ts';
import { meshedPeer } from '../process/meshed-peer.ts';
import { type ProxyProcess, startProxy } from '../process/proxy-process.ts';
import { acceptanceCase } from './case.ts';
import {
  ANYBODY,
  authorization,
  BYTES,
  type Client,
  clients,
  detect,
  enforce,
  FAR,
  NEAR,
  open,
  PORT,
  policyMetadata,
  relays,
  server,
  serverProxy,
  status,
  statuses,
} from './inbound-scene.ts';

const echoes = () => tcpApplication((socket) => socket.pipe(socket));

function route(path: string, authorizations: InboundRoute<HttpMatch>['authorizations']): InboundRoute<HttpMatch> {
  const matches = [{ path: { kind: 'exact' as const, value: path }, headers: [], query: [] }];
  return { metadata: policyMetadata('HTTPRoute', `route${path}`), hosts: [], authorizations, rules: [{ matches, filters: [] }] };
}

const routes = (...list: readonly InboundRoute<HttpMatch>[]): ServerProtocol => ({ kind: 'detect', timeoutMs: 10_000, routes: list, authorizations: [] });

acceptanceCase('a request that no route matches is 404, one that no authorization admits is 403', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  await enforce(control, proxy, server('routed', routes(route('/open', [ANYBODY]), route('/closed', []))));
  const before = await notFound(proxy);
  using wire = await open(proxy, {});
  expect(await statuses(wire, '/open', '/closed', '/elsewhere', '/open')).toEqual([200, 403, 404, 200]);
  const labels = {
    srv_group: 'policy.linkerd.io',
    srv_kind: 'Server',
    srv_name: 'routed',
    srv_port: '8080',
    target_addr: '10.42.0.5:8080',
    tls: 'no_identity',
  };
  const named = (name: string) => ({ ...labels, route_group: 'policy.linkerd.io', route_kind: 'HTTPRoute', route_name: name });
  expect(await proxy.metric('inbound_http_authz_allow_total', { ...named('route/open'), authz_name: 'authz' })).toBe(2);
  expect(await proxy.metric('inbound_http_authz_deny_total', named('route/closed'))).toBe(1);
  expect((await notFound(proxy)) - before).toBe(1);
  // Neither is an error.
  expect(await proxy.metric('inbound_http_errors_total')).toBe(0);
});

const notFound = (proxy: ProxyProcess): Promise<number> => proxy.metric('inbound_http_route_not_found_total', { srv_name: 'routed', target_port: '8080' });

acceptanceCase('each request on a connection is judged by the newest policy', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  await enforce(control, proxy, server('first', detect(ANYBODY)));
  using wire = await open(proxy, {});
  expect(await statuses(wire, '/')).toEqual([200]);
  await enforce(control, proxy, server('second', detect()));
  expect(await statuses(wire, '/')).toEqual([403]);
  await enforce(control, proxy, server('third', routes(route('/x', [ANYBODY]))));
  expect(await statuses(wire, '/', '/x')).toEqual([404, 200]);
  // It stays HTTP, to which a policy for bytes has no route.
  control.inboundOf(PORT).set(server('fourth', { kind: 'opaque', authorizations: [ANYBODY] }));
  await vi.waitFor(async () => expect(await statuses(wire, '/x')).toEqual([404]), { timeout: 10_000, interval: 20 });
});

const TERMINATED = 'inbound_tcp_authz_terminate_total';

/** A connection that bytes have passed through, and what has become of it. */
async function live(proxy: ProxyProcess, client: Client = {}) {
  const wire = await open(proxy, client);
  wire.write(BYTES);
  expect(await wire.bytes(BYTES.length)).toBe(BYTES);
  return wire;
}

acceptanceCase('a policy update terminates TCP connections that it does not admit', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  using peer = await meshedPeer(control, 'web');
  await enforce(control, proxy, server('everybody', detect(ANYBODY)), 'tcp');
  using plain = await live(proxy);
  using meshed = await live(proxy, { as: peer });
  control.inboundOf(PORT).set(server('meshed', detect(clients([peer.identity]))));
  expect(await plain.rest()).toBe('');
  expect(await proxy.metric(TERMINATED, { srv_name: 'meshed', target_port: '8080', tls: 'no_identity' })).toBe(1);
  // The other one lives on, until it is not admitted either.
  meshed.write(BYTES);
  expect(await meshed.bytes(BYTES.length)).toBe(BYTES);
  expect(await proxy.metric(TERMINATED, { client_id: peer.identity })).toBe(0);
  control.inboundOf(PORT).set(server('nobody', detect()));
  expect(await meshed.rest()).toBe('');
  expect(await proxy.metric(TERMINATED, { srv_name: 'nobody', client_id: peer.identity, tls: 'true' })).toBe(1);
  expect(await relays(proxy, { as: peer })).toBe(false);
  expect(await proxy.metric('inbound_tcp_authz_deny_total', { srv_name: 'nobody', client_id: peer.identity })).toBe(1);
});

for (const [what, before, after] of [
  ['an opaque port that admits nobody any more', { kind: 'opaque', authorizations: [ANYBODY] }, { kind: 'opaque', authorizations: [] }],
  ['a port that becomes HTTP, which admits no bytes', detect(ANYBODY), { kind: 'http1', routes: [], authorizations: [ANYBODY] }],
  ['a port whose policy becomes invalid', detect(ANYBODY), detect(authorization({ kind: 'unauthenticated' }, []))],
] as const satisfies readonly (readonly [string, ServerProtocol, ServerProtocol])[]) {
  acceptanceCase(`a policy update terminates TCP connections of ${what}`, async () => {
    await using app = await echoes();
    await using control = await controlPlane().start();
    await using proxy = await serverProxy(control, app.port);
    await enforce(control, proxy, server('before', before), 'tcp');
    using wire = await live(proxy);
    control.inboundOf(PORT).set(server('after', after));
    expect(await wire.rest()).toBe('');
    expect(await proxy.metric(TERMINATED, { target_port: '8080' })).toBe(1);
  });
}

acceptanceCase('policy updates in a row terminate a TCP connection once', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  await enforce(control, proxy, server('everybody', detect(ANYBODY)), 'tcp');
  using wire = await live(proxy);
  for (const name of ['one', 'two', 'three', 'four']) control.inboundOf(PORT).set(server(name, detect()));
  await enforce(control, proxy, server('five', detect()), 'tcp');
  expect(await wire.rest()).toBe('');
  expect(await proxy.metric(TERMINATED, { target_port: '8080' })).toBe(1);
});

acceptanceCase('a server whose policy is invalid admits nobody, not even the pod itself', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  control.inboundOf(PORT).set(server('broken', detect(authorization({ kind: 'unauthenticated' }, []))));
  const labels = { srv_group: '', srv_kind: 'default', srv_name: 'invalid', route_kind: 'default', route_name: 'invalid' };
  await vi.waitFor(async () => expect(await status(proxy)).toBe(403), { timeout: 10_000, interval: 20 });
  expect(await status(proxy, { from: '127.0.0.1' })).toBe(403);
  expect(await proxy.metric('inbound_http_authz_deny_total', labels)).toBeGreaterThanOrEqual(2);
  expect(await relays(proxy)).toBe(false);
  expect(await proxy.metric('inbound_tcp_authz_deny_total', { srv_name: 'invalid' })).toBe(1);
});

/** Under a default policy of the environment; the admin port is open. */
async function underDefault(control: ControlPlane, port: number, policy: string): Promise<ProxyProcess> {
  const proxy = await startProxy({
    control,
    name: 'server',
    ip: '10.42.0.5',
    ports: { [PORT]: port },
    env: { LINKERD2_PROXY_INBOUND_DEFAULT_POLICY: policy, LINKERD2_PROXY_POLICY_CLUSTER_NETWORKS: '10.42.0.0/16' },
  });
  // Behind an address book the admin port goes by its number in the pod.
  for (const admin of [4191, proxy.adminPort]) control.inboundOf(admin).set(server('admin', detect()));
  await proxy.ready();
  return proxy;
}

// Whether they admit plaintext from the cluster, plaintext from elsewhere, mesh TLS without identity, an identity from the cluster and from elsewhere.
for (const [policy, admits] of [
  ['all-unauthenticated', [true, true, true, true, true]],
  ['all-authenticated', [false, false, false, true, true]],
  ['cluster-unauthenticated', [true, false, true, true, false]],
  ['cluster-authenticated', [false, false, false, true, false]],
  ['audit', [true, true, true, true, true]],
] as const) {
  acceptanceCase(`default policy ${policy}`, async () => {
    await using http = await httpApplication();
    await using tcp = await echoes();
    await using control = await controlPlane().start();
    using web = await meshedPeer(control, 'web');
    const kinds: readonly Client[] = [{}, { from: FAR }, { as: 'anonymous' }, { as: web }, { as: web, from: FAR }];
    {
      await using proxy = await underDefault(control, http.port, policy);
      const answers = [];
      for (const client of kinds) answers.push(await status(proxy, client));
      expect(answers).toEqual(admits.map((admitted) => (admitted ? 200 : 403)));
      const named = { srv_kind: 'default', srv_name: policy, route_kind: 'default', route_name: 'default' };
      const count = (verdict: string): Promise<number> => proxy.metric(`inbound_http_authz_${verdict}_total`, { ...named, target_port: '8080' });
      expect([await count('allow'), await count('deny')]).toEqual([admits.filter(Boolean).length, admits.filter((one) => !one).length]);
    }
    await using proxy = await underDefault(control, tcp.port, policy);
    const passed = [];
    for (const client of kinds) passed.push(await relays(proxy, client));
    expect(passed).toEqual(admits);
  });
}

acceptanceCase('default policy deny', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  using web = await meshedPeer(control, 'web');
  await using proxy = await underDefault(control, app.port, 'deny');
  // The port is opaque, so that TLS is not looked for either.
  for (const client of [{}, { from: '127.0.0.1' }] as const) await expect(status(proxy, client)).rejects.toThrow('the connection ended after ""');
  expect(await open(proxy, { as: web }).catch(() => 'no handshake')).toBe('no handshake');
  expect(await proxy.metric('inbound_tcp_authz_deny_total', { srv_kind: 'default', srv_name: 'deny', no_tls_reason: 'port_skipped' })).toBe(3);
});

/** How often something was admitted that only audit admits. The admin port is asked from elsewhere. */
function auditedBy({ logs }: ProxyProcess): number {
  return logs.map((line) => JSON.stringify(line)).filter((line) => /Request allowed/.test(line) && line.includes(NEAR)).length;
}

acceptanceCase('what only audit admits is logged', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await underDefault(control, app.port, 'audit');
  const audited = (): number => auditedBy(proxy);
  expect(await status(proxy)).toBe(200);
  await vi.waitFor(() => expect(audited()).toBe(1), { timeout: 5_000, interval: 20 });
  using wire = await open(proxy, {});
  expect(await statuses(wire, '/', '/')).toEqual([200, 200]);
  await vi.waitFor(() => expect(audited()).toBe(3), { timeout: 5_000, interval: 20 });
  await enforce(control, proxy, server('open', detect(ANYBODY)));
  const before = audited();
  expect(await status(proxy)).toBe(200);
  expect(audited()).toBe(before);
});

acceptanceCase('a TCP connection that only audit admits is logged', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await underDefault(control, app.port, 'audit');
  expect([await relays(proxy), await relays(proxy)]).toEqual([true, true]);
  await vi.waitFor(() => expect(auditedBy(proxy)).toBe(2), { timeout: 5_000, interval: 20 });
  await enforce(control, proxy, server('open', detect(ANYBODY)), 'tcp');
  const before = auditedBy(proxy);
  expect(await relays(proxy)).toBe(true);
  expect(auditedBy(proxy)).toBe(before);
});

acceptanceCase('the admin port is under the policy of its port', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  const settle = (...names: readonly string[]) => {
    for (const admin of [4191, proxy.adminPort]) control.inboundOf(admin).set(server(names.join(), routes(...names.map((name) => route(name, [])))));
  };
  // The pod itself is always admitted, to what there is a route for.
  settle('/metrics');
  await vi.waitFor(async () => expect((await proxy.admin('/ready')).status).toBe(404), { timeout: 10_000, interval: 20 });
  expect((await proxy.admin('/metrics')).status).toBe(200);
  expect(await proxy.metric('inbound_http_route_not_found_total', { srv_name: '/metrics' })).toBeGreaterThan(0);
});
