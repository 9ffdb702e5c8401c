// Decisions explained by a real process, against what it does with a real request. docs/explain.md.
import { defaultMetadata } from '@weft/core';
import type { OutboundExplanation } from '@weft/core/explain';
import { expect, test } from 'vitest';
import { backend, balanced, clientPolicy, firstOf, httpProtocol, opaqueProtocol, serverPolicy } from '../proxy/policies.ts';
import { get, httpApplication } from './applications.ts';
import { controlPlane } from './control-plane.ts';
import { readyProxy } from './proxy-process.ts';
import { NAME, pair, SERVICE } from './scenes.ts';

interface Live extends OutboundExplanation {
  readonly backends: readonly (OutboundExplanation['backends'][number] & {
    readonly balancer: { readonly name: string; readonly gate: string; readonly waiting: number; readonly endpoints: readonly unknown[] };
  })[];
}

const BETA = 'beta.ns.svc.cluster.local:80';
const WEIGHTLESS = '10.43.0.8:80';
const GONE = 'gone.ns.svc.cluster.local:80';

function routed() {
  const http = httpProtocol(
    { to: firstOf(balanced(NAME)) },
    { match: { path: { kind: 'exact', value: '/gone' } }, to: firstOf(balanced(GONE)) },
    { match: { path: { kind: 'regex', regex: '/api/.*' }, headers: [{ name: 'x-beta', value: { kind: 'exact', value: 'on' } }] }, to: firstOf(balanced(BETA)) },
  );
  return clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(firstOf(balanced(NAME))), http1: http, http2: http });
}

test('explains where a request would go, with the balancer as it stands, and the request goes there', async () => {
  await using app = await httpApplication((_request, response) => response.end('stable'));
  await using beta = await httpApplication((_request, response) => response.end('beta'));
  // Nobody listens there any more.
  const deserted = await httpApplication();
  await deserted[Symbol.asyncDispose]();
  await using control = await controlPlane()
    .outbound(SERVICE, routed())
    .endpoints(NAME, { address: { ip: '10.42.0.9', port: 8080 }, weight: 1, labels: {}, hint: 'none' })
    .endpoints(BETA, { address: { ip: '10.42.0.8', port: 8080 }, weight: 1, labels: {}, hint: 'none' })
    .endpoints(GONE, { address: { ip: '10.42.0.7', port: 8080 }, weight: 1, labels: {}, hint: 'none' })
    .start();
  await using proxy = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    connectsTo: { [SERVICE]: NAME },
    dial: { '10.42.0.9:8080': `127.0.0.1:${app.port}`, '10.42.0.8:8080': `127.0.0.1:${beta.port}`, '10.42.0.7:8080': `127.0.0.1:${deserted.port}` },
  });
  const ask = async (query: string) => {
    const { status, body } = await proxy.admin(`/explain?direction=outbound&target=${SERVICE}&${query}`);
    return { status, explained: JSON.parse(body) as Live };
  };

  const before = await ask('path=/api/x&header=x-beta:on');
  expect(before).toMatchObject({ status: 200, explained: { verdict: { kind: 'forwarded' }, backends: [{ target: BETA }] } });
  expect((await get(proxy.outboundAddress(SERVICE), { path: '/api/x', headers: { 'x-beta': 'on' } })).body).toBe('beta');
  const after = await ask('path=/api/x&header=x-beta:on');
  expect(after.explained.backends[0]?.balancer).toMatchObject({ name: BETA, gate: 'open', waiting: 0 });
  expect(after.explained.backends[0]?.balancer.endpoints).toMatchObject([
    { address: '10.42.0.8:8080', state: 'ready', pending: 0, load: expect.any(Number) as number },
  ]);
  expect((await get(proxy.outboundAddress(SERVICE), { path: '/gone' })).status).toBe(502);
  const gone = await ask('path=/gone');
  expect(gone.explained.backends[0]?.balancer.endpoints).toMatchObject([
    { address: '10.42.0.7:8080', lastError: { code: 'CONNECT_REFUSED', text: expect.stringContaining('the endpoint refused the connection') as string } },
  ]);

  const other = await ask('path=/api/x&header=x-beta:off');
  expect(other.explained.candidates).toMatchObject([
    { rule: 2, outcome: 'rejected', mismatch: { predicate: 'header', name: 'x-beta', wanted: 'on', found: 'off' } },
    { rule: 1, outcome: 'rejected', mismatch: { predicate: 'path', wanted: '/gone', found: '/api/x' } },
    { rule: 0, outcome: 'wins' },
  ]);
  expect((await get(proxy.outboundAddress(SERVICE), { path: '/api/x', headers: { 'x-beta': 'off' } })).body).toBe('stable');

  // What is in force now is explained: a policy that changes shows at once.
  control.outboundOf(SERVICE).set(
    clientPolicy({
      kind: 'http1',
      ...httpProtocol({ to: { kind: 'first-available', backends: [{ backend: backend({ kind: 'fail', message: 'no such Service' }), filters: [] }] } }),
    }),
  );
  await expect.poll(async () => (await ask('')).explained.verdict).toMatchObject({ kind: 'refused', reason: { code: 'BACKEND_INVALID' } });
});

test('refuses in the words of the response what the proxy refuses', async () => {
  const http = httpProtocol({ to: firstOf(balanced(NAME)) }, { match: { path: { kind: 'exact', value: '/none' } }, to: { kind: 'empty' } });
  const nobody = { backend: backend(balanced(NAME)), filters: [], weight: 0 };
  const nowhere = { kind: 'random-available', backends: [nobody, nobody] } as const;
  const weightless = clientPolicy({ kind: 'http1', ...httpProtocol({ to: firstOf(balanced(NAME)) }, { match: { method: 'PUT' }, to: nowhere }) });
  const onlyA = { routes: http.routes.map((route) => ({ ...route, hosts: [{ kind: 'exact', host: 'a.example' } as const] })) };
  await using control = await controlPlane()
    .outbound(SERVICE, clientPolicy({ kind: 'http1', ...onlyA }))
    .outbound(WEIGHTLESS, weightless)
    .endpoints(NAME)
    .start();
  const connectsTo = { [SERVICE]: NAME, [WEIGHTLESS]: 'weightless:80', '127.0.0.1:4140': 'itself:80' };
  const env = { LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: '100ms' };
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo, env });
  const ask = async (target: string, query: string) => JSON.parse((await proxy.admin(`/explain?direction=outbound&target=${target}&${query}`)).body) as Live;
  const agree = async (target: string, path: string, authority: string, code: string): Promise<void> => {
    const { verdict } = await ask(target, `path=${path}&authority=${authority}`);
    const { status, headers } = await get(proxy.outboundAddress(target), { path, headers: { host: authority } });
    expect(verdict).toMatchObject({ kind: 'refused', status, reason: { code } });
    expect(verdict.kind === 'refused' && `${verdict.reason.code}: ${verdict.reason.text}`).toBe(headers['l5d-proxy-error']);
  };
  await agree(SERVICE, '/', 'b.example', 'ROUTE_NOT_FOUND');
  await agree(SERVICE, '/none', 'a.example', 'LOAD_SHED');
  await agree(WEIGHTLESS, '/', 'a.example', 'POLICY_INVALID');
  await agree('127.0.0.1:4140', '/', 'a.example', 'CONNECT_LOOPBACK_REFUSED');
  expect(await ask(SERVICE, 'authority=a.example')).toMatchObject({ verdict: { kind: 'forwarded' }, backends: [{ balancer: { gate: 'unused' } }] });
  expect((await get(proxy.outboundAddress(SERVICE), { headers: { host: 'a.example' } })).status).toBe(504);
  await agree(SERVICE, '/', 'a.example', 'GATE_SHUT');
});

test('explains who decides about a client that comes in, as the proxy decides', async () => {
  await using app = await httpApplication();
  const meshed = serverPolicy({ kind: 'clients', identities: [], suffixes: [[]] });
  await using control = await controlPlane().inbound(8080, meshed).start();
  await using both = await pair(control, app.port);
  const ask = async (query: string) => JSON.parse((await both.server.admin(`/explain?direction=inbound&target=8080&${query}`)).body) as unknown;
  expect(await ask(`client=10.42.0.4&identity=${both.client.identity}`)).toMatchObject({
    verdict: { kind: 'forwarded' },
    authorizations: [
      { authorization: 'default/test-authz', outcome: 'admits' },
      { authorization: 'default/localhost', outcome: 'not asked' },
    ],
  });
  expect(await ask('client=10.42.0.4')).toMatchObject({
    client: 'client 10.42.0.4 (no mesh TLS)',
    verdict: { kind: 'refused', reason: { code: 'UNAUTHORIZED' } },
    authorizations: [
      { outcome: 'rejects', rejectedBy: 'tls' },
      { authorization: 'default/localhost', outcome: 'rejects', rejectedBy: 'network' },
    ],
  });
  // This test itself comes from 127.0.0.1, which every Server of a control plane admits.
  const own = { verdict: { kind: 'forwarded' }, authorizations: [{ outcome: 'rejects', rejectedBy: 'tls' }, { outcome: 'admits' }] };
  expect(await ask('client=127.0.0.1')).toMatchObject(own);
  expect((await get(both.server.inboundAddress(8080))).status).toBe(200);

  const { protocol } = meshed;
  if (protocol.kind !== 'detect') throw new TypeError(protocol.kind);
  const rules = [{ matches: [{ headers: [], query: [], path: { kind: 'exact', value: '/only' } as const }], filters: [] }];
  const routes = [{ metadata: defaultMetadata('only'), hosts: [], authorizations: protocol.authorizations, rules }];
  control.inboundOf(8080).set({ ...meshed, protocol: { ...protocol, routes } });
  await expect
    .poll(() => ask('client=127.0.0.1&path=/other'))
    .toMatchObject({
      candidates: [{ route: 'default/only', outcome: 'rejected', mismatch: { predicate: 'path', wanted: '/only', found: '/other' } }],
      verdict: { kind: 'refused', reason: { code: 'ROUTE_NOT_FOUND' } },
    });
  expect((await get(both.server.inboundAddress(8080), { path: '/other' })).status).toBe(404);
});

test('says which parameter is wrong, and takes no other method', async () => {
  await using control = await controlPlane().start();
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4' });
  const { status, body } = await proxy.admin('/explain?direction=sideways&target=web&colour=red&client=x');
  expect(status).toBe(400);
  expect(body).toContain('direction: "sideways" is neither outbound nor inbound');
  expect(body).toContain('colour: is no parameter');
  expect(body).toContain('target: "web" is no ip:port, name:port or port');
  expect(body).toContain('client: "x" is no IP address');
  const posted = await get(`127.0.0.1:${proxy.adminPort}`, { method: 'POST', path: '/explain' });
  expect([posted.status, posted.headers.allow]).toEqual([405, 'GET']);
});
