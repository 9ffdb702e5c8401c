import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { ask, NAME, readAll, SERVICE, startPair, tcp, until } from './pair.ts';
import { backend, balanced, clientPolicy, firstOf, httpProtocol, opaqueProtocol } from './policies.ts';
import { sample, TestMesh } from './test-mesh.ts';

const named = (name: string) => createServer((_message, response) => response.end(name));
const FAST = { client: { outbound: { failfastMs: 50, connectBackoff: { minMs: 10_000, maxMs: 60_000, jitter: 0 } } } };

test('fails requests with 504 while the target has no endpoints, and serves them when it has some', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await mesh.listenOn(named('a')), FAST);
  mesh.control.endpointsOf(NAME).set([]);
  const answer = await ask(port);
  expect(answer.status).toBe(504);
  expect(answer.headers['l5d-proxy-error']).toBe(`NO_ENDPOINTS: the target has no endpoints: ${NAME}; route default/route of default/test`);
  expect(sample(client.metrics, 'outbound_http_errors_total', 'error="failfast"')).toBe(1);
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  await until(() => sample(client.metrics, 'tcp_open_total', 'peer="dst"') === 1);
  expect((await ask(port)).status).toBe(200);
});

test('lets a request wait for the first endpoint', async () => {
  await using mesh = await TestMesh.start();
  const { server, port } = await startPair(mesh, await mesh.listenOn(named('a')));
  mesh.control.endpointsOf(NAME).set([]);
  const waiting = ask(port);
  await until(() => mesh.control.endpointsOf(NAME).references > 0);
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  expect((await waiting).status).toBe(200);
});

test('says which endpoints are not ready and why once none of them can be reached', async () => {
  await using mesh = await TestMesh.start();
  const { server, port } = await startPair(mesh, await mesh.listenOn(named('a')), FAST);
  mesh.control.endpointsOf(NAME).set([server.endpoint(9999, { hint: 'none' })]);
  expect((await ask(port)).headers['l5d-proxy-error']).toMatch(/^CONNECT_REFUSED: /);
  const answer = await ask(port);
  expect(answer.status).toBe(504);
  expect(answer.headers['l5d-proxy-error']).toMatch(/^FAILFAST: .*10\.42\.0\.5:9999 \(connecting, CONNECT_REFUSED/);
});

test('answers 502 when discovery rejects the name', async () => {
  await using mesh = await TestMesh.start();
  const { port } = await startPair(mesh, await mesh.listenOn(named('a')));
  mesh.control.endpointsOf(NAME).reject({ code: 'DISCOVERY_REJECTED', detail: 'not a service' });
  const answer = await ask(port);
  expect(answer.status).toBe(502);
  expect(answer.headers['l5d-proxy-error']).toMatch(/^DISCOVERY_REJECTED: .*not a service/);
});

test('spreads requests over endpoints and finishes what is in flight on one that is removed', async () => {
  await using mesh = await TestMesh.start();
  let release: (() => void) | undefined;
  const slow = createServer((message, response) => {
    if (message.url === '/slow') release = () => response.end('slow');
    else response.end('a');
  });
  const { server: a, port } = await startPair(mesh, await mesh.listenOn(slow));
  const b = await mesh.workload('server', { ip: '10.42.0.6', ports: { 8080: await mesh.listenOn(named('b')) } });
  const [first, second] = [a.endpoint(8080), b.endpoint(8080)];
  mesh.control.endpointsOf(NAME).set([first, second]);
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) seen.add((await ask(port)).body);
  expect([...seen].sort()).toEqual(['a', 'b']);
  mesh.control.endpointsOf(NAME).set([first]);
  const slowly = ask(port, { path: '/slow' });
  await until(() => release !== undefined);
  mesh.control.endpointsOf(NAME).set([second]);
  for (let i = 0; i < 5; i++) expect((await ask(port)).body).toBe('b');
  release?.();
  expect((await slowly).body).toBe('slow');
});

test('sheds requests beyond the in-flight limit with 503', async () => {
  await using mesh = await TestMesh.start();
  let release: (() => void) | undefined;
  const slow = createServer((_message, response) => {
    release = () => response.end('done');
  });
  const { client, port } = await startPair(mesh, await mesh.listenOn(slow), { client: { outbound: { maxInFlight: 1 } } });
  const first = ask(port);
  await until(() => release !== undefined);
  const shed = await ask(port);
  expect(shed.status).toBe(503);
  expect(shed.headers['l5d-proxy-error']).toMatch(/^LOAD_SHED: /);
  expect(sample(client.metrics, 'outbound_http_errors_total', 'error="loadshed"')).toBe(1);
  release?.();
  expect((await first).status).toBe(200);
});

test('routes by path and splits by weight', async () => {
  await using mesh = await TestMesh.start();
  const { server: a, port } = await startPair(mesh, await mesh.listenOn(named('a')));
  const b = await mesh.workload('other', { ip: '10.42.0.6', ports: { 8080: await mesh.listenOn(named('b')) } });
  mesh.control.endpointsOf('b:80').set([b.endpoint(8080)]);
  mesh.control.endpointsOf(NAME).set([a.endpoint(8080)]);
  const weighted = (one: number, two: number) =>
    ({
      kind: 'random-available',
      backends: [
        { backend: backend(balanced(NAME)), filters: [], weight: one },
        { backend: backend(balanced('b:80')), filters: [], weight: two },
      ],
    }) as const;
  const http = httpProtocol(
    { match: { path: { kind: 'prefix', value: '/b' } }, to: firstOf(balanced('b:80')) },
    { match: { path: { kind: 'exact', value: '/split' } }, to: weighted(1, 1) },
    { to: weighted(1, 0) },
  );
  mesh.control.outboundOf(SERVICE).set(clientPolicy({ kind: 'detect', timeoutMs: 1, opaque: opaqueProtocol({ kind: 'empty' }), http1: http, http2: http }));
  expect((await ask(port, { path: '/b/x?y' })).body).toBe('b');
  expect((await ask(port, { path: '/bee' })).body).toBe('a');
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) seen.add((await ask(port, { path: '/split' })).body);
  expect([...seen].sort()).toEqual(['a', 'b']);
});

test('balances opaque connections, by the newest endpoints and policy', async () => {
  await using mesh = await TestMesh.start();
  const { server: a, port } = await startPair(mesh, await mesh.listen((socket) => socket.end('a')), FAST);
  const b = await mesh.workload('server', { ip: '10.42.0.6', ports: { 8080: await mesh.listen((socket) => socket.end('b')) } });
  mesh.control.outboundOf(SERVICE).set(clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(NAME))) }));
  mesh.control.inboundOf(8080).set({ metadata: { kind: 'default', name: 'o' }, protocol: { kind: 'opaque', authorizations: [] } });
  mesh.control.endpointsOf(NAME).set([a.endpoint(8080, { hint: 'opaque' }), b.endpoint(8080, { hint: 'opaque' })]);
  const denied = await tcp(port);
  denied.end();
  expect(await readAll(denied).catch(() => '')).toBe('');
  const { serverPolicy } = await import('./policies.ts');
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'unauthenticated' }, 'detect'));
  const answer = async (): Promise<string> => {
    const socket = await tcp(port);
    socket.end('\x00');
    return readAll(socket);
  };
  expect(['a', 'b']).toContain(await answer());
  mesh.control.endpointsOf(NAME).set([b.endpoint(8080, { hint: 'opaque' })]);
  expect(await answer()).toBe('b');
});

test('follows a ServiceProfile that splits traffic and tells the canonical name', async () => {
  await using mesh = await TestMesh.start();
  const app = createServer((message, response) => response.end(String(message.headers['l5d-dst-canonical'])));
  const { server, port } = await startPair(mesh, await mesh.listenOn(app));
  mesh.control.endpointsOf('leaf.ns.svc.cluster.local:80').set([server.endpoint(8080)]);
  mesh.control.profileOf(SERVICE).set({
    fullyQualifiedName: 'server.ns.svc.cluster.local',
    opaqueProtocol: false,
    routes: [],
    overrides: [
      { authority: 'leaf.ns.svc.cluster.local:80', weight: 1 },
      { authority: 'nobody.ns.svc.cluster.local:80', weight: 0 },
    ],
  });
  expect((await ask(port)).body).toBe('server.ns.svc.cluster.local:80');
});

test('sends requests to the endpoint that answers while another does not', async () => {
  await using mesh = await TestMesh.start();
  const { server, port } = await startPair(mesh, await mesh.listenOn(named('a')), FAST);
  const gone = server.endpoint(9998);
  mesh.control.endpointsOf(NAME).set([gone, server.endpoint(9999), server.endpoint(8080)]);
  for (let i = 0; i < 10; i++) expect((await ask(port)).status).toBe(200);
  mesh.control.endpointsOf(NAME).set([gone]);
  const answer = await ask(port);
  expect(answer.status).toBe(504);
  expect(answer.headers['l5d-proxy-error']).toMatch(/^FAILFAST: .*10\.42\.0\.5:9998 \(connecting, CONNECT_REFUSED/);
});

test('connects again at once when a connection is lost', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await mesh.listenOn(named('a')));
  expect((await ask(port)).status).toBe(200);
  server.proxy.destroy();
  await until(() => sample(client.metrics, 'tcp_close_total', 'peer="dst"') > 0);
  const again = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: await mesh.listenOn(named('b')) } });
  expect(again.identity).toBe(server.identity);
  expect((await ask(port)).body).toBe('b');
});
