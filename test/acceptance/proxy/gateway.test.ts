// A gateway between two clusters: a client in the one, a service in the other, three proxies. spec/proxy.md §2.6.
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import { text } from 'node:stream/consumers';
import { type Endpoint, type Profile, plainEndpoint } from '@weft/core';
import { expect, test } from 'vitest';
import { type Answer, ask, firstBytes, readAll, tcp, until } from './pair.ts';
import { balanced, clientPolicy, detectPolicy, firstOf, onlyFor, opaqueProtocol } from './policies.ts';
import { addressOf, DIRECT_PORT, sample, TestMesh, type Workload } from './test-mesh.ts';

/** The service as the client's cluster knows it, and as its own does. */
const MIRROR = '10.43.0.7:80';
const MIRROR_NAME = 'web-east.ns.svc.cluster.local:80';
const WEB = 'web.ns.svc.cluster.local:80';
const PROFILE: Profile = { fullyQualifiedName: 'web.ns.svc.cluster.local', opaqueProtocol: false, routes: [], overrides: [] };

interface Clusters {
  readonly client: Workload;
  readonly gateway: Workload;
  readonly server: Workload;
  readonly port: number;
}

const settings = { inbound: { gatewaySuffixes: ['svc.cluster.local.'] } };

async function clusters(mesh: TestMesh, app: number, endpoint: Partial<Endpoint> = {}): Promise<Clusters> {
  const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: app } });
  const gateway = await mesh.workload('gateway', { ip: '10.42.0.9', settings });
  const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo: [`${MIRROR}=${MIRROR_NAME}`] });
  mesh.control.outboundOf(MIRROR).set(detectPolicy(balanced(MIRROR_NAME)));
  mesh.control.endpointsOf(MIRROR_NAME).set([gateway.endpoint(DIRECT_PORT, { authorityOverride: WEB, ...endpoint })]);
  mesh.control.profileOf(WEB).set(PROFILE);
  mesh.control.outboundOf(WEB).set(detectPolicy(balanced(WEB)));
  mesh.control.endpointsOf(WEB).set([server.endpoint(8080)]);
  return { client, gateway, server, port: client.outboundPort(MIRROR) };
}

const echo = () =>
  createServer((message, response) => response.end(JSON.stringify({ httpVersion: message.httpVersion, url: message.url, ...message.headers })));
const seen = (answer: Answer): unknown => JSON.parse(answer.body);

test('passes HTTP/1 on to a meshed service, says on whose behalf, and the versions survive both hops', async () => {
  await using mesh = await TestMesh.start();
  const { client, gateway, server, port } = await clusters(mesh, await mesh.listenOn(echo()));
  const answer = await ask(port, { path: '/a?b' });
  expect([answer.status, answer.version, answer.headers['l5d-orig-proto']]).toEqual([200, '1.1', undefined]);
  expect(seen(answer)).toMatchObject({
    httpVersion: '1.1',
    url: '/a?b',
    host: WEB,
    forwarded: `by=${gateway.identity};for=${client.identity};host=${WEB};proto=https`,
    'l5d-client-id': gateway.identity,
  });
  expect(answer.body).not.toContain('l5d-orig-proto');
  const header = ['session_protocol="http/2"', 'target_port="80"', 'target_name="web.ns.svc.cluster.local"', `client_id="${client.identity}"`];
  expect(sample(gateway.metrics, 'inbound_tcp_transport_header_connections_total', ...header)).toBe(1);
  expect(sample(gateway.metrics, 'inbound_http_authz_allow_total', 'srv_port="4143"', `client_id="${client.identity}"`)).toBe(1);
  expect(sample(gateway.metrics, 'request_total', 'direction="outbound"', `authority="${WEB}"`, `server_id="${server.identity}"`)).toBe(1);
  expect(sample(server.metrics, 'request_total', `client_id="${gateway.identity}"`)).toBe(1);
});

test('passes HTTP/1 on to a service without proxies as HTTP/1', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listenOn(echo());
  const { port } = await clusters(mesh, app);
  mesh.addresses.set('192.0.2.7:8080', { ip: '127.0.0.1', port: app });
  mesh.control.endpointsOf(WEB).set([plainEndpoint(addressOf('192.0.2.7:8080'))]);
  const answer = await ask(port, { headers: { 'l5d-client-id': 'forged', host: 'something.else' } });
  expect([answer.status, answer.version]).toEqual([200, '1.1']);
  expect(seen(answer)).toMatchObject({ httpVersion: '1.1', host: WEB });
  expect(answer.body).not.toContain('forged');
  expect(answer.body).not.toContain('orig-proto');
});

test('takes a session of HTTP/1, where a peer does not upgrade', async () => {
  await using mesh = await TestMesh.start();
  const { gateway, port } = await clusters(mesh, await mesh.listenOn(echo()), { hint: 'none' });
  expect(seen(await ask(port))).toMatchObject({ httpVersion: '1.1', host: WEB });
  expect(sample(gateway.metrics, 'inbound_tcp_transport_header_connections_total', 'session_protocol="http/1"')).toBe(1);
});

test('passes HTTP/2 on with its trailers', async () => {
  await using mesh = await TestMesh.start();
  const app = createHttp2();
  app.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '5' }));
    stream.end(`${headers[':authority'] ?? ''} ${headers['forwarded'] ?? ''}`);
  });
  const { client, gateway, port } = await clusters(mesh, await mesh.listenOn(app));
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/' });
  const trailers = new Promise((resolve) => stream.once('trailers', resolve));
  expect(await text(stream)).toBe(`${WEB} by=${gateway.identity};for=${client.identity};host=${WEB};proto=https`);
  expect(await trailers).toMatchObject({ 'grpc-status': '5' });
  session.close();
});

test('passes opaque bytes on, whoever speaks first', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listen((socket) => {
    socket.write('220 ready');
    socket.pipe(socket);
  });
  const { gateway, server, port } = await clusters(mesh, app, { hint: 'opaque' });
  mesh.control.outboundOf(MIRROR).set(clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(MIRROR_NAME))) }));
  mesh.control.endpointsOf(WEB).set([server.endpoint(8080, { hint: 'opaque', opaqueTransportPort: DIRECT_PORT })]);
  const socket = await tcp(port);
  expect(await firstBytes(socket)).toBe('220 ready');
  socket.write('hello');
  expect(await firstBytes(socket)).toBe('hello');
  socket.destroy();
  expect(sample(gateway.metrics, 'inbound_tcp_authz_allow_total', 'srv_port="4143"', `target_port="${DIRECT_PORT}"`)).toBe(1);
});

test('answers 404 for names that are not its own or that nobody knows, and ends opaque connections', async () => {
  await using mesh = await TestMesh.start();
  const { gateway, port } = await clusters(mesh, await mesh.listenOn(echo()));
  const named = (authorityOverride: string, hint: 'h2' | 'opaque'): void =>
    mesh.control.endpointsOf(MIRROR_NAME).set([gateway.endpoint(DIRECT_PORT, { authorityOverride, hint })]);
  mesh.control.profileOf('empty.ns.svc.cluster.local:80').set({ ...PROFILE, fullyQualifiedName: '' });
  for (const name of ['web.example:80', 'nobody.ns.svc.cluster.local:80', 'empty.ns.svc.cluster.local:80']) {
    named(name, 'h2');
    const answer = await ask(port);
    expect([name, answer.status, answer.headers['l5d-proxy-error']]).toEqual([name, 404, undefined]);
    expect(gateway.logs.some(({ fields }) => fields.reason === 'GATEWAY_DOMAIN_INVALID' && String(fields.why).includes(name))).toBe(true);
  }
  expect(sample(gateway.metrics, 'inbound_http_errors_total', 'error="gateway domain invalid"', 'srv_port="4143"')).toBe(3);
  mesh.control.outboundOf(MIRROR).set(clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(MIRROR_NAME))) }));
  named('web.example:80', 'opaque');
  const socket = await tcp(port);
  socket.write('bytes');
  expect(await readAll(socket).catch(() => '')).toBe('');
  expect(sample(gateway.metrics, 'inbound_tcp_errors_total', 'error="gateway domain invalid"')).toBe(1);
});

test('answers 508 where a request comes round', async () => {
  await using mesh = await TestMesh.start();
  const { client, gateway, port } = await clusters(mesh, await mesh.listenOn(echo()));
  expect((await ask(port, { headers: { forwarded: `for=x, by=${gateway.identity}` } })).status).toBe(508);
  expect((await ask(port, { headers: { forwarded: `for=${gateway.identity};by=${client.identity}` } })).status).toBe(200);
  expect(sample(gateway.metrics, 'inbound_http_errors_total', 'error="gateway loop"')).toBe(1);
  // The name leads to the gateway itself.
  mesh.control.endpointsOf(WEB).set([gateway.endpoint(DIRECT_PORT, { authorityOverride: WEB })]);
  mesh.addresses.set(`10.42.0.10:${DIRECT_PORT}`, gateway.inboundAddress(DIRECT_PORT));
  mesh.control.endpointsOf(WEB).set([gateway.endpoint(DIRECT_PORT, { authorityOverride: WEB, address: { ip: '10.42.0.10', port: DIRECT_PORT } })]);
  expect((await ask(port)).status).toBe(508);
});

test('admits by the policy of its own port, before it looks at anything else', async () => {
  await using mesh = await TestMesh.start();
  const { gateway, port } = await clusters(mesh, await mesh.listenOn(echo()));
  mesh.control.inboundOf(DIRECT_PORT).set(onlyFor('somebody.else'));
  expect((await ask(port)).status).toBe(403);
  expect(sample(gateway.metrics, 'inbound_http_authz_deny_total', 'srv_port="4143"')).toBe(1);
});

test('waits for the control plane with the first request', async () => {
  await using mesh = await TestMesh.start();
  const { gateway, port, server } = await clusters(mesh, await mesh.listenOn(echo()));
  const other = 'api.ns.svc.cluster.local:80';
  mesh.control.endpointsOf(MIRROR_NAME).set([gateway.endpoint(DIRECT_PORT, { authorityOverride: other })]);
  const late = mesh.control.holdOutbound(other);
  mesh.control.profileOf(other).set({ ...PROFILE, fullyQualifiedName: 'api.ns.svc.cluster.local' });
  mesh.control.endpointsOf(other).set([server.endpoint(8080)]);
  const asked = ask(port);
  await until(() => late.references > 0);
  late.set(detectPolicy(balanced(other)));
  expect((await asked).status).toBe(200);
});
