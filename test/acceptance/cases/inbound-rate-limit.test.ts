// Local rate limits: in total, per identity, by override. spec/proxy.md §8.3, §8.5, §10.6 (inbound policy).
// Rates are one or a few per second, so that what comes at once is a burst whatever the machine does.
import type { RateLimit, ServerPolicy } from '@weft/core';
import { expect } from 'vitest';
import { type Application, httpApplication } from '../process/applications.ts';
import { type ControlPlane, controlPlane } from '../process/control-plane.ts';
import { meshedPeer } from '../process/meshed-peer.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { acceptanceCase } from './case.ts';
import { ANYBODY, enforce, FAR, open, policyMetadata, server, serverProxy, statuses } from './inbound-scene.ts';
import { header, type Message } from './wire.ts';

const LIMITED = 'inbound_http_local_ratelimit_total';
const NAMED = { ratelimit_group: 'policy.linkerd.io', ratelimit_kind: 'HTTPLocalRateLimitPolicy', ratelimit_name: 'limit' };

/** Everything is admitted and counted but `/enforced`, which nobody may ask for. */
function limited(name: string, limit: Partial<RateLimit>, kind: 'detect' | 'http1' = 'detect'): ServerPolicy {
  const route = (path: string, authorizations: readonly (typeof ANYBODY)[]) => ({
    metadata: policyMetadata('HTTPRoute', `route${path}`),
    hosts: [],
    authorizations,
    rules: [{ matches: [{ path: { kind: 'prefix' as const, value: path }, headers: [], query: [] }], filters: [] }],
  });
  const rateLimit: RateLimit = { metadata: policyMetadata('HTTPLocalRateLimitPolicy', 'limit'), overrides: [], ...limit };
  const routes = [route('/enforced', []), route('/', [ANYBODY])];
  return server(name, kind === 'detect' ? { kind, timeoutMs: 10_000, routes, authorizations: [], rateLimit } : { kind, routes, authorizations: [], rateLimit });
}

interface Scene extends AsyncDisposable {
  readonly app: Application;
  readonly control: ControlPlane;
  readonly proxy: ProxyProcess;
}

async function scene(policy: (control: ControlPlane) => ServerPolicy): Promise<Scene> {
  const app = await httpApplication();
  const control = await controlPlane().start();
  const proxy = await serverProxy(control, app.port);
  await enforce(control, proxy, policy(control));
  return {
    app,
    control,
    proxy,
    async [Symbol.asyncDispose]() {
      for (const part of [proxy, control, app]) await part[Symbol.asyncDispose]();
    },
  };
}

const identityOf = (name: string): string => `${name}.ns.serviceaccount.identity.linkerd.cluster.local`;

acceptanceCase('rate limit: total', async () => {
  await using here = await scene(() => limited('total', { totalRps: 2 }));
  using peer = await meshedPeer(here.control, 'web');
  using plain = await open(here.proxy, {});
  using meshed = await open(here.proxy, { as: peer });
  expect([await statuses(plain, '/'), await statuses(meshed, '/', '/'), await statuses(plain, '/')]).toEqual([[200], [200, 429], [429]]);
  const labels = { ...NAMED, srv_name: 'total', srv_kind: 'Server', srv_port: '8080', target_port: '8080', ratelimit_scope: 'total' };
  expect(await here.proxy.metric(LIMITED, { ...labels, client_id: peer.identity, tls: 'true' })).toBe(1);
  expect(await here.proxy.metric(LIMITED, { ...labels, tls: 'no_identity' })).toBe(1);
  // Both were authorized, and are errors beside.
  expect(await here.proxy.metric('inbound_http_authz_allow_total', { srv_name: 'total' })).toBe(4);
  expect(await here.proxy.metric('inbound_http_errors_total', { srv_name: 'total', error: 'unexpected' })).toBe(2);
});

acceptanceCase('rate limit: identity', async () => {
  await using here = await scene(() => limited('identity', { identityRps: 1 }));
  using webPeer = await meshedPeer(here.control, 'web');
  using apiPeer = await meshedPeer(here.control, 'api');
  using web = await open(here.proxy, { as: webPeer });
  using again = await open(here.proxy, { as: webPeer });
  using api = await open(here.proxy, { as: apiPeer });
  using plain = await open(here.proxy, {});
  using far = await open(here.proxy, { from: FAR });
  using anonymous = await open(here.proxy, { as: 'anonymous' });
  expect([await statuses(web, '/'), await statuses(again, '/'), await statuses(api, '/', '/')]).toEqual([[200], [429], [200, 429]]);
  // Who has no identity shares one bucket.
  expect([await statuses(plain, '/'), await statuses(far, '/'), await statuses(anonymous, '/')]).toEqual([[200], [429], [429]]);
  expect(await here.proxy.metric(LIMITED, { ...NAMED, ratelimit_scope: 'identity', client_id: webPeer.identity })).toBe(1);
  expect(await here.proxy.metric(LIMITED, { ...NAMED, ratelimit_scope: 'identity', tls: 'no_identity' })).toBe(1);
  expect(await here.proxy.metric(LIMITED, { ...NAMED, ratelimit_scope: 'identity', tls: 'true', client_id: '' })).toBe(1);
});

acceptanceCase('rate limit: override', async () => {
  const overrides = [
    { identities: [identityOf('web'), identityOf('shop')], rps: 3 },
    { identities: [identityOf('zero')], rps: 0 },
  ];
  await using here = await scene(() => limited('override', { identityRps: 1, overrides }));
  using webPeer = await meshedPeer(here.control, 'web');
  using shopPeer = await meshedPeer(here.control, 'shop');
  using zeroPeer = await meshedPeer(here.control, 'zero');
  using web = await open(here.proxy, { as: webPeer });
  using shop = await open(here.proxy, { as: shopPeer });
  using zero = await open(here.proxy, { as: zeroPeer });
  // They share what the override gives them, and have no other limit; one without a rate is none.
  expect([await statuses(web, '/', '/'), await statuses(shop, '/', '/'), await statuses(zero, '/', '/')]).toEqual([
    [200, 200],
    [200, 429],
    [200, 429],
  ]);
  expect(await here.proxy.metric(LIMITED, { ...NAMED, ratelimit_scope: 'identity', client_id: shopPeer.identity })).toBe(1);
});

acceptanceCase('rate limit: the total is asked first, and keeps what the identity denies', async () => {
  await using here = await scene(() => limited('both', { totalRps: 3, identityRps: 1 }));
  using peer = await meshedPeer(here.control, 'web');
  using web = await open(here.proxy, { as: peer });
  using plain = await open(here.proxy, {});
  expect([await statuses(web, '/', '/', '/'), await statuses(plain, '/')]).toEqual([[200, 429, 429], [429]]);
  expect(await here.proxy.metric(LIMITED, { ratelimit_scope: 'identity' })).toBe(2);
  expect(await here.proxy.metric(LIMITED, { ratelimit_scope: 'total' })).toBe(1);
});

acceptanceCase('rate limit: a denied request takes nothing, so that a client that goes on asking is admitted again', async () => {
  await using here = await scene(() => limited('again', { totalRps: 1 }));
  using plain = await open(here.proxy, {});
  expect(await statuses(plain, '/', '/')).toEqual([200, 429]);
  await expect.poll(async () => (await statuses(plain, '/'))[0], { timeout: 10_000, interval: 20 }).toBe(200);
});

acceptanceCase('rate limit: what is not found or not authorized takes nothing', async () => {
  await using here = await scene(() => limited('order', { totalRps: 1 }, 'http1'));
  using plain = await open(here.proxy, {});
  expect(await statuses(plain, '/enforced', '/enforced', '/', '/enforced', '/')).toEqual([403, 403, 200, 403, 429]);
});

acceptanceCase('rate limit: a policy without a limit has none', async () => {
  await using here = await scene(() => limited('none', { totalRps: 0, identityRps: 0 }));
  using plain = await open(here.proxy, {});
  expect(await statuses(plain, ...Array.from({ length: 20 }, () => '/'))).toEqual(Array.from({ length: 20 }, () => 200));
});

acceptanceCase('rate limit: the answer is 429, keeps the connection, and tells meshed clients why', async () => {
  await using here = await scene(() => limited('answer', { identityRps: 1 }));
  using peer = await meshedPeer(here.control, 'web');
  for (const as of ['none', peer] as const) {
    using wire = await open(here.proxy, { as });
    const [, denied] = await twice(wire);
    expect(denied.start).toMatch(/^HTTP\/1\.1 429 /);
    expect([header(denied, 'content-length'), header(denied, 'connection'), header(denied, 'l5d-proxy-connection')]).toEqual(['0', undefined, undefined]);
    expect(header(denied, 'l5d-proxy-error') !== undefined).toBe(as === peer);
    if (as === peer) expect(header(denied, 'l5d-proxy-error')).toMatch(/rate limit/);
    expect(await statuses(wire, '/enforced')).toEqual([403]);
  }
});

async function twice(wire: Awaited<ReturnType<typeof open>>): Promise<[Message, Message]> {
  wire.write('GET / HTTP/1.1\r\nhost: server\r\n\r\nGET / HTTP/1.1\r\nhost: server\r\n\r\n');
  return [await wire.message(), await wire.message()];
}
