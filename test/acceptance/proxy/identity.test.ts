import { createServer } from 'node:http';
import { type Credentials, constantWatch, createWatch } from '@weft/core';
import { createAuthority } from '@weft/identity/authority';
import { expect, test } from 'vitest';
import { ask, NAME, SERVICE, startPair, tcp, until } from './pair.ts';
import { balanced, detectPolicy, onlyFor, onlyMeshed, serverPolicy } from './policies.ts';
import { identityOf, meshedEndpoint, sample, TestMesh } from './test-mesh.ts';

const app = () => createServer((_message, response) => response.end('ok'));

test('refuses a peer that proves another identity, and never tries plaintext', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await mesh.listenOn(app()));
  // Discovery says that somebody else lives at the server's address.
  const wrong = meshedEndpoint(identityOf('imposed'), { ip: '10.42.0.5', port: 8080 });
  if (wrong.identity) mesh.control.endpointsOf(NAME).set([{ ...wrong, identity: { ...wrong.identity, serverName: server.identity } }]);
  const answer = await ask(port);
  expect(answer.status).toBe(502);
  expect(answer.headers['l5d-proxy-error']).toMatch(/^TLS_PEER_NAME_MISMATCH: .*10\.42\.0\.5:8080.*imposed/);
  expect(answer.headers['l5d-proxy-connection']).toBe('close');
  expect(sample(client.metrics, 'weft_refusals_total', 'reason="TLS_PEER_NAME_MISMATCH"')).toBe(1);
  expect(sample(client.metrics, 'weft_connect_errors_total', 'reason="TLS_PEER_NAME_MISMATCH"')).toBeGreaterThan(0);
  expect(sample(client.metrics, 'outbound_http_errors_total', 'error="i/o"')).toBe(1);
  expect(client.logs.some(({ level, fields }) => level === 'warn' && fields.reason === 'TLS_PEER_NAME_MISMATCH')).toBe(true);
  expect(sample(server.metrics, 'request_total')).toBe(0);
});

test('refuses a peer whose certificate comes from another authority', async () => {
  await using mesh = await TestMesh.start();
  const stranger = await createAuthority({ trustDomain: 'cluster.local' });
  const server = await mesh.workload('server', {
    ip: '10.42.0.5',
    ports: { 8080: await mesh.listenOn(app()) },
    credentials: constantWatch(await mesh.credentials(identityOf('server'), stranger)),
  });
  const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo: [SERVICE] });
  mesh.control.outboundOf(SERVICE).set(detectPolicy(balanced(NAME)));
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const answer = await ask(client.outboundPort(SERVICE));
  expect(answer.status).toBe(502);
  expect(answer.headers['l5d-proxy-error']).toMatch(/^TLS_PEER_UNTRUSTED: .*10\.42\.0\.5:8080/);
  expect(sample(server.metrics, 'request_total')).toBe(0);
});

test('does not speak plaintext to an endpoint that has an identity but no TLS', async () => {
  await using mesh = await TestMesh.start();
  let received = Buffer.alloc(0);
  const bare = await mesh.listen((socket) => socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk]))));
  const { port } = await startPair(mesh, await mesh.listenOn(app()), { client: { outbound: { connectTimeoutMs: 100, failfastMs: 200 } } });
  mesh.addresses.set('10.42.0.9:8080', { ip: '127.0.0.1', port: bare });
  mesh.control.endpointsOf(NAME).set([meshedEndpoint(identityOf('server'), { ip: '10.42.0.9', port: 8080 })]);
  const answer = await ask(port, { path: '/secret' });
  expect(answer.status).toBe(504);
  expect(answer.headers['l5d-proxy-error']).toMatch(/^FAILFAST: .*10\.42\.0\.9:8080 \(connecting, TLS_HANDSHAKE_TIMEOUT/);
  expect(received[0]).toBe(22);
  expect(received.includes('secret')).toBe(false);
});

test('answers 403 with the reason to a client that policy does not admit, by each newest policy', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await mesh.listenOn(app()));
  mesh.control.inboundOf(8080).set(onlyFor('other.ns.serviceaccount.identity.linkerd.cluster.local'));
  expect((await ask(port)).status).toBe(403);
  expect(sample(server.metrics, 'inbound_http_authz_deny_total', `client_id="${client.identity}"`)).toBe(1);
  expect(sample(server.metrics, 'inbound_http_errors_total')).toBe(0);
  expect(sample(server.metrics, 'weft_refusals_total', 'reason="UNAUTHORIZED"')).toBe(1);
  mesh.control.inboundOf(8080).set(onlyFor(client.identity));
  expect((await ask(port)).status).toBe(200);
});

test('tells only meshed clients why they are refused', async () => {
  await using mesh = await TestMesh.start();
  const { server } = await startPair(mesh, await mesh.listenOn(app()));
  mesh.control.inboundOf(8080).set(onlyMeshed());
  const plain = await ask(server.inboundAddress(8080).port);
  expect(plain.status).toBe(403);
  expect(plain.headers['l5d-proxy-error']).toBeUndefined();
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'unauthenticated' }));
  expect((await ask(server.inboundAddress(8080).port)).status).toBe(200);
  expect(sample(server.metrics, 'request_total', 'tls="no_identity",no_tls_reason="no_tls_from_remote"')).toBe(1);
});

test('removes a client identity that an unmeshed client made up', async () => {
  await using mesh = await TestMesh.start();
  const mirror = createServer((message, response) => response.end(String(message.headers['l5d-client-id'])));
  const { server } = await startPair(mesh, await mesh.listenOn(mirror));
  expect((await ask(server.inboundAddress(8080).port, { headers: { 'l5d-client-id': 'forged' } })).body).toBe('undefined');
});

test('binds at once and serves what came in before the first certificate when it is there', async () => {
  await using mesh = await TestMesh.start();
  const credentials = createWatch<Credentials>();
  const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: await mesh.listenOn(app()) }, credentials: credentials.watch });
  const admin = server.proxy.addresses.admin?.port ?? 0;
  expect((await ask(admin, { path: '/ready' })).status).toBe(503);
  expect((await ask(admin, { path: '/live' })).body).toBe('live\n');
  let answered = false;
  const early = ask(server.inboundAddress(8080).port).then((answer) => {
    answered = true;
    return answer;
  });
  await ask(admin, { path: '/metrics' });
  expect(answered).toBe(false);
  credentials.set(await mesh.credentials(server.identity));
  await server.proxy.ready;
  expect((await early).status).toBe(200);
  expect((await ask(admin, { path: '/ready' })).body).toBe('ready\n');
});

test('holds only so many connections before the first certificate, and only so long', async () => {
  await using mesh = await TestMesh.start();
  const credentials = createWatch<Credentials>();
  const server = await mesh.workload('server', { ip: '10.42.0.5', credentials: credentials.watch, settings: { maxHeldConnections: 1, holdTimeoutMs: 50 } });
  const { port } = server.inboundAddress(4143);
  const closed = (socket: Awaited<ReturnType<typeof tcp>>) => new Promise((resolve) => socket.once('end', resolve).once('error', resolve).resume());
  await Promise.all([tcp(port), tcp(port)].map(async (socket) => closed(await socket)));
  expect(sample(server.metrics, 'weft_refusals_total', 'reason="IDENTITY_NOT_READY"')).toBe(2);
});

test('uses renewed credentials for new connections', async () => {
  await using mesh = await TestMesh.start();
  const credentials = createWatch<Credentials>();
  credentials.set(await mesh.credentials(identityOf('server')));
  const mirror = createServer((_message, response) => response.end('ok'));
  const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: await mesh.listenOn(mirror) }, credentials: credentials.watch });
  const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo: [SERVICE] });
  mesh.control.outboundOf(SERVICE).set(detectPolicy(balanced(NAME)));
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  expect((await ask(client.outboundPort(SERVICE))).status).toBe(200);
  const stranger = await createAuthority({ trustDomain: 'cluster.local' });
  credentials.set(await mesh.credentials(identityOf('server'), stranger));
  expect((await ask(client.outboundPort(SERVICE))).status).toBe(200);
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  expect((await ask(client.outboundPort(SERVICE))).status).toBe(502);
});

test('passes TLS that is meant for somebody else through untouched', async () => {
  await using mesh = await TestMesh.start();
  const received: Buffer[] = [];
  const bare = await mesh.listen((socket) => {
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.write('hello from the application');
  });
  const { server } = await startPair(mesh, bare);
  const { connect } = await import('node:tls');
  const socket = connect({ host: '127.0.0.1', port: server.inboundAddress(8080).port, servername: 'other.example', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await until(() => received.length > 0);
  expect(Buffer.concat(received)[0]).toBe(22);
  expect(sample(server.metrics, 'tcp_open_total', 'tls="opaque",sni="other.example"')).toBe(1);
  socket.destroy();
});
