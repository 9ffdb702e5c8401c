import { createServer } from 'node:http';
import { connect as connectHttp } from 'node:http2';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { constantWatch } from '@weft/core';
import { tcpDialer } from '@weft/proxy';
import { encodeTransportHeader, tlsClient } from '@weft/tls';
import { expect, test } from 'vitest';
import { ask, firstBytes, NAME, readAll, SERVICE, startPair, tcp, until } from './pair.ts';
import { balanced, clientPolicy, firstOf, onlyFor, opaqueProtocol, serverPolicy } from './policies.ts';
import { DIRECT_PORT, sample, TestMesh, type Workload } from './test-mesh.ts';

/** Sends everything back, and ends when the client did. */
const echo = (socket: Socket): void => void socket.pipe(socket);

const opaqueTo = (path: string) => clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(path))) });

test('relays bytes that are not HTTP over mutual TLS and keeps half-closed ends open', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listen((socket) => void readAll(socket).then((all) => socket.end(`got ${all.length}`)));
  const { client, server, port } = await startPair(mesh, app);
  const socket = await tcp(port);
  socket.end(Buffer.alloc(300_000, 0));
  expect(await readAll(socket)).toBe('got 300000');
  await until(() => sample(client.metrics, 'tcp_close_total', 'peer="src"', 'errno=""') === 1);
  expect(sample(client.metrics, 'tcp_open_connections', 'peer="src"')).toBe(0);
  expect(sample(client.metrics, 'tcp_read_bytes_total', 'peer="src"')).toBe(300_000);
  expect(sample(client.metrics, 'tcp_write_bytes_total', 'peer="src"')).toBe(10);
  expect(sample(client.metrics, 'tcp_write_bytes_total', 'peer="dst"', 'tls="true"', `server_id="${server.identity}"`)).toBe(300_000);
  expect(sample(server.metrics, 'tcp_open_total', 'peer="src"', `client_id="${client.identity}"`)).toBe(1);
  await until(() => sample(server.metrics, 'tcp_write_bytes_total', 'direction="inbound",peer="dst"') === 300_000);
  expect(sample(server.metrics, 'inbound_tcp_authz_allow_total', 'srv_port="8080"', 'authz_name="test-authz"')).toBe(1);
});

test('lets a server speak first where the port is opaque, through the direct port', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listen((socket) => {
    socket.write('220 ready\r\n');
    echo(socket);
  });
  const { client, server, port } = await startPair(mesh, app, { endpoint: { hint: 'opaque', opaqueTransportPort: DIRECT_PORT } });
  mesh.control.outboundOf(SERVICE).set(opaqueTo(NAME));
  mesh.control.inboundOf(8080).set(onlyFor(client.identity));
  const socket = await tcp(port);
  expect(await firstBytes(socket)).toBe('220 ready\r\n');
  socket.write('noop');
  expect(await firstBytes(socket)).toBe('noop');
  socket.destroy();
  expect(mesh.dialled).toContain('10.42.0.5:4143');
  expect(sample(server.metrics, 'inbound_tcp_authz_allow_total', 'srv_port="8080"', `client_id="${client.identity}"`)).toBe(1);
});

test('sends HTTP through the direct port with its session protocol', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listenOn(createServer((message, response) => response.end(`${message.httpVersion} ${message.url}`)));
  const { server, port } = await startPair(mesh, app, { endpoint: { opaqueTransportPort: DIRECT_PORT } });
  expect((await ask(port, { path: '/direct' })).body).toBe('1.1 /direct');
  expect(mesh.dialled).toContain('10.42.0.5:4143');
  expect(sample(server.metrics, 'request_total', 'target_addr="10.42.0.5:8080"', 'srv_port="8080"')).toBe(1);
});

test('refuses on the direct port whatever is not a meshed client with a transport header', async () => {
  await using mesh = await TestMesh.start();
  const { client, server } = await startPair(mesh, await mesh.listen(echo), { server: { inbound: { detectTimeoutMs: 200 } } });
  const direct = server.inboundAddress(DIRECT_PORT);
  const plain = await tcp(direct.port);
  plain.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  expect(await readAll(plain).catch(() => '')).toBe('');
  await until(() => sample(server.metrics, 'weft_refusals_total', 'reason="TRANSPORT_HEADER_REQUIRED"') === 1);
  expect(sample(server.metrics, 'inbound_tcp_errors_total', 'error="unexpected"', 'target_port="4143"')).toBe(1);

  const credentials = constantWatch(await mesh.credentials(client.identity));
  const tls = tlsClient({ identity: { anchors: mesh.authority.anchors, credentials } });
  const meshed = async (alpn: boolean): Promise<Socket> => {
    const raw = await tcpDialer()(direct, { timeoutMs: 1_000 });
    const identity = server.endpoint(DIRECT_PORT).identity;
    if (!identity) throw new TypeError('no identity');
    return (await tls.connect(raw, { identity, alpn })).socket;
  };
  const withoutAlpn = await meshed(false);
  expect(await readAll(withoutAlpn).catch(() => '')).toBe('');
  const gateway = await meshed(true);
  gateway.write(encodeTransportHeader({ port: 80, name: 'web.other.svc.cluster.local' }));
  expect(await readAll(gateway).catch(() => '')).toBe('');
  const garbage = await meshed(true);
  garbage.write('something else altogether, which is no header');
  expect(await readAll(garbage).catch(() => '')).toBe('');
  const cutOff = await meshed(true);
  cutOff.end(encodeTransportHeader({ port: 8080 }).subarray(0, 25));
  expect(await readAll(cutOff).catch(() => '')).toBe('');
  await until(() => sample(server.metrics, 'weft_refusals_total', 'reason="TRANSPORT_HEADER_INVALID"') === 2);
  expect(sample(server.metrics, 'inbound_tcp_errors_total', 'error="i/o"', 'target_port="4143"')).toBe(2);
  expect(sample(server.metrics, 'inbound_tcp_errors_total', 'error="gateway domain invalid"')).toBe(1);
  const loop = await meshed(true);
  loop.write(encodeTransportHeader({ port: DIRECT_PORT }));
  expect(await readAll(loop).catch(() => '')).toBe('');
  await until(() => sample(server.metrics, 'weft_refusals_total', 'reason="CONNECTION_LOOP"') === 1);
  tls.close();
});

test('denies a connection that policy does not admit, and cuts one off when it no longer does', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await mesh.listen(echo));
  const socket = await tcp(port);
  socket.write('\x00not HTTP');
  await firstBytes(socket);
  mesh.control.inboundOf(8080).set(onlyFor('other.ns.serviceaccount.identity.linkerd.cluster.local'));
  await readAll(socket).catch(() => '');
  expect(sample(server.metrics, 'inbound_tcp_authz_terminate_total', `client_id="${client.identity}"`)).toBe(1);
  const refused = await tcp(port);
  refused.write('\x00not HTTP');
  await readAll(refused).catch(() => '');
  expect(sample(server.metrics, 'inbound_tcp_authz_deny_total', 'srv_port="8080"')).toBe(1);
  for (const one of [socket, refused]) one.destroy();
});

test('admits no bytes on a port that policy calls HTTP', async () => {
  await using mesh = await TestMesh.start();
  let connections = 0;
  const { server } = await startPair(mesh, await mesh.listen(() => (connections += 1)));
  const { protocol } = serverPolicy({ kind: 'unauthenticated' });
  if (!('routes' in protocol)) throw new TypeError('unexpected protocol');
  mesh.control
    .inboundOf(8080)
    .set({ metadata: { kind: 'default', name: 'h' }, protocol: { kind: 'http1', routes: [], authorizations: protocol.authorizations } });
  const socket = await tcp(server.inboundAddress(8080).port);
  socket.write('\x00\x01\x02 this is not HTTP');
  await readAll(socket).catch(() => '');
  expect(connections).toBe(0);
  socket.destroy();
});

test('closes an inbound connection that says nothing before TLS detection times out', async () => {
  await using mesh = await TestMesh.start();
  const { server } = await startPair(mesh, await mesh.listen(echo), { server: { inbound: { detectTimeoutMs: 50 } } });
  const socket = await tcp(server.inboundAddress(8080).port);
  expect(await readAll(socket)).toBe('');
  expect(sample(server.metrics, 'inbound_tcp_errors_total', 'error="tls detection timeout"', 'target_addr="10.42.0.5:8080"')).toBe(1);
  socket.destroy();
});

test('forwards in plaintext to where the connection was going when the control plane knows nothing of it', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listen(echo);
  mesh.addresses.set('192.0.2.7:9000', { ip: '127.0.0.1', port: app });
  const client: Workload = await mesh.workload('client', { ip: '10.42.0.4', connectsTo: ['192.0.2.7:9000'] });
  const socket = await tcp(client.outboundPort('192.0.2.7:9000'));
  socket.write('\x00anything but HTTP');
  expect(await firstBytes(socket)).toBe('\x00anything but HTTP');
  expect(sample(client.metrics, 'tcp_open_total', 'peer="dst"', 'no_tls_reason="not_provided_by_service_discovery"')).toBe(1);
  socket.destroy();
});

test('refuses to connect to loopback addresses and to endpoints of its own pod with TLS', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listenOn(createServer((message, response) => response.end(message.httpVersion)));
  const settings = { outbound: { localIps: ['10.42.0.4'] } };
  const self = await mesh.workload('self', { ip: '10.42.0.4', ports: { 8080: app }, connectsTo: ['127.0.0.1:8080', SERVICE], settings });
  expect((await ask(self.outboundPort('127.0.0.1:8080'))).headers['l5d-proxy-error']).toMatch(/^CONNECT_LOOPBACK_REFUSED: /);
  mesh.control.profileOf(SERVICE).set({ fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [], endpoint: self.endpoint(8080) });
  expect((await ask(self.outboundPort(SERVICE))).body).toBe('1.1');
  expect(sample(self.metrics, 'request_total', 'direction="outbound"', 'tls="no_identity",no_tls_reason="loopback"')).toBe(1);
});

test('carries prior-knowledge HTTP/2 to an application in plaintext', async () => {
  await using mesh = await TestMesh.start();
  const { createServer: createHttp2 } = await import('node:http2');
  const app = createHttp2();
  app.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('two');
  });
  const { server } = await startPair(mesh, await mesh.listenOn(app));
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'unauthenticated' }));
  const session = connectHttp(`http://127.0.0.1:${server.inboundAddress(8080).port}`);
  expect(await text(session.request({ ':path': '/' }))).toBe('two');
  session.close();
});
