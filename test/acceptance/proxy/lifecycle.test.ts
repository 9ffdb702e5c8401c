import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2 } from 'node:http2';
import { text } from 'node:stream/consumers';
import { constantWatch, createWatch } from '@weft/core';
import { createProxy, type Listener } from '@weft/proxy';
import { expect, test } from 'vitest';
import { ask, firstBytes, readAll, startPair, tcp, until } from './pair.ts';
import { onlyMeshed } from './policies.ts';
import { identityOf, sample, TestMesh } from './test-mesh.ts';

test('finishes what is in flight when it is closed, and takes nothing new', async () => {
  await using mesh = await TestMesh.start();
  let release: (() => void) | undefined;
  const slow = createServer((_message, response) => {
    response.write('begun ');
    release = () => response.end('and done');
  });
  const { server, port } = await startPair(mesh, await mesh.listenOn(slow));
  const answer = ask(port);
  await until(() => release !== undefined);
  const inbound = server.inboundAddress(8080).port;
  let closed = false;
  const closing = server.proxy.close().then(() => {
    closed = true;
  });
  await expect(tcp(inbound)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  expect(closed).toBe(false);
  release?.();
  expect((await answer).body).toBe('begun and done');
  await closing;
});

test('sends GOAWAY and closes idle connections at once', async () => {
  await using mesh = await TestMesh.start();
  const app = createHttp2();
  app.on('stream', (stream) => {
    stream.respond({ ':status': 200 });
    stream.end('two');
  });
  const { client, port } = await startPair(mesh, await mesh.listenOn(app));
  const idle = await tcp(port);
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const goaway = new Promise((resolve) => session.once('goaway', resolve));
  expect(await text(session.request({ ':path': '/' }))).toBe('two');
  const closing = client.proxy.close();
  await goaway;
  idle.end();
  expect(await readAll(idle).catch(() => '')).toBe('');
  await closing;
});

test('waits for open relays, but not longer than the grace period', async () => {
  await using mesh = await TestMesh.start();
  const { client, port } = await startPair(mesh, await mesh.listen((socket) => socket.pipe(socket)), { client: { shutdownGraceMs: 150 } });
  const socket = await tcp(port);
  socket.write('\x00');
  await firstBytes(socket);
  const before = performance.now();
  const closing = client.proxy.close();
  socket.write('\x01');
  expect(await firstBytes(socket)).toBe('\x01');
  await closing;
  expect(performance.now() - before).toBeGreaterThan(100);
  socket.destroy();
});

test('serves admin requests under the policy of its port', async () => {
  await using mesh = await TestMesh.start();
  const { server, port } = await startPair(mesh, await mesh.listenOn(createServer((_message, response) => response.end('ok'))));
  await ask(port);
  const admin = server.proxy.addresses.admin?.port ?? 0;
  const metrics = await ask(admin, { path: '/metrics?x' });
  expect(metrics.headers['content-type']).toBe('text/plain');
  expect(metrics.body).toContain('request_total{direction="inbound",target_addr="10.42.0.5:8080"');
  expect(metrics.body).not.toMatch(/,,|\{,|,\}/);
  expect((await ask(admin, { path: '/metrics', method: 'POST' })).status).toBe(405);
  expect((await ask(admin, { path: '/tasks' })).status).toBe(404);
  const zipped = await fetch(`http://127.0.0.1:${admin}/metrics`, { headers: { 'accept-encoding': 'deflate, gzip' } });
  expect(zipped.headers.get('content-encoding')).toBe('gzip');
  expect(await zipped.text()).toContain('request_total');
  expect(sample(server.metrics, 'request_total', 'target_port="4191"', 'srv_port="4191"')).toBeGreaterThanOrEqual(4);
  mesh.control.inboundOf(4191).set(onlyMeshed());
  expect((await ask(admin, { path: '/metrics' })).status).toBe(403);
});

test('follows a changing set of listeners', async () => {
  await using mesh = await TestMesh.start();
  const app = await mesh.listenOn(createServer((_message, response) => response.end('ok')));
  mesh.addresses.set('192.0.2.1:80', { ip: '127.0.0.1', port: app });
  const listeners = createWatch<readonly Listener[]>();
  listeners.set([]);
  const client = await mesh.workload('client', { ip: '10.42.0.4', settings: { outbound: { listeners: listeners.watch } } });
  const first: Listener = { listen: { ip: '127.0.0.1', port: 0 }, originalDst: { ip: '192.0.2.1', port: 80 } };
  listeners.set([first]);
  await until(() => client.proxy.addresses.outbound.length === 1);
  const { port } = client.proxy.addresses.outbound[0] ?? { port: 0 };
  expect((await ask(port)).status).toBe(200);
  listeners.set([first, { ...first }]);
  await until(() => client.proxy.addresses.outbound.length === 2);
  expect(client.proxy.addresses.outbound[0]?.port).toBe(port);
  listeners.set([]);
  await expect(tcp(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('says that it cannot listen where an address is taken', async () => {
  await using mesh = await TestMesh.start();
  const taken = await mesh.listen(() => undefined);
  const credentials = constantWatch(await mesh.credentials(identityOf('web')));
  const identity = { name: identityOf('web'), serverName: identityOf('web'), anchors: mesh.authority.anchors, credentials };
  const free = constantWatch<readonly Listener[]>([{ listen: { ip: '127.0.0.1', port: 0 } }]);
  const proxy = createProxy(
    { identity, discovery: mesh.control, policy: mesh.control },
    { outbound: { listeners: constantWatch<readonly Listener[]>([{ listen: { ip: '127.0.0.1', port: taken } }]) }, inbound: { listeners: free } },
  );
  await expect(proxy.ready).rejects.toMatchObject({ code: 'EADDRINUSE' });
  proxy.destroy();
});

test('refuses a connection whose original destination is unknown, or is itself', async () => {
  await using mesh = await TestMesh.start();
  const credentials = constantWatch(await mesh.credentials(identityOf('web')));
  const identity = { name: identityOf('web'), serverName: identityOf('web'), anchors: mesh.authority.anchors, credentials };
  const free = constantWatch<readonly Listener[]>([{ listen: { ip: '127.0.0.1', port: 0 } }]);
  const { createRegistry } = await import('@weft/core');
  const metrics = createRegistry();
  let redirected = false;
  const originalDst = { of: () => (redirected ? proxy.addresses.outbound[0] : undefined) };
  const proxy = createProxy(
    { identity, discovery: mesh.control, policy: mesh.control, originalDst, metrics },
    { outbound: { listeners: free }, inbound: { listeners: free } },
  );
  await proxy.ready;
  const port = proxy.addresses.outbound[0]?.port ?? 0;
  await readAll(await tcp(port)).catch(() => '');
  expect(sample(metrics, 'weft_refusals_total', 'reason="ORIGINAL_DST_UNKNOWN"')).toBe(1);
  redirected = true;
  const answer = await ask(port);
  expect([answer.status, answer.headers['l5d-proxy-error']]).toEqual([502, expect.stringMatching(/^CONNECT_LOOPBACK_REFUSED: /)]);
  proxy.destroy();
});
