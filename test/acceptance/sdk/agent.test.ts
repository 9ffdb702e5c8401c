// meshAgent against workloads with a proxy: it discovers by name, balances, dials mutual TLS, and says why it could not.
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createRegistry, manualClock, ReasonError, reason } from '@weft/core';
import { createAuthority } from '@weft/identity/authority';
import { meshDispatcher } from '@weft/proxy/sdk/undici';
import { fetch, request as undiciRequest } from 'undici';
import { expect, test } from 'vitest';
import { NAME, until } from '../proxy/pair.ts';
import { onlyFor, openToAll } from '../proxy/policies.ts';
import { DIRECT_PORT, sample, TestMesh, type Workload } from '../proxy/test-mesh.ts';
import { askBy, identityPort, startAgent } from './programs.ts';

const URL_OF_SERVICE = `http://${NAME.replace(':80', '')}/a?b=c`;

async function serverWithProxy(mesh: TestMesh, listener: Parameters<typeof createServer>[1], ip = '10.42.0.5'): Promise<Workload> {
  const server = await mesh.workload('server', { ip, ports: { 8080: await mesh.listenOn(createServer(listener)) } });
  return server;
}

test('a request by name reaches the application behind a proxy over mutual TLS', async () => {
  await using mesh = await TestMesh.start();
  const server = await serverWithProxy(mesh, (asked, response) => {
    response.end(JSON.stringify({ client: asked.headers['l5d-client-id'], host: asked.headers.host, url: asked.url, version: asked.httpVersion }));
  });
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  mesh.control.inboundOf(8080).set(onlyFor('client.ns.serviceaccount.identity.linkerd.cluster.local'));
  const agent = await startAgent(mesh);
  const answer = await askBy(agent, URL_OF_SERVICE);
  expect([answer.status, answer.version, JSON.parse(answer.body)]).toEqual([
    200,
    '1.1',
    { client: 'client.ns.serviceaccount.identity.linkerd.cluster.local', host: 'server.ns.svc.cluster.local', url: '/a?b=c', version: '1.1' },
  ]);
  expect(sample(server.metrics, 'request_total', 'direction="inbound"', 'tls="true"')).toBe(1);
});

test.each([
  ['HTTP/1 in HTTP/2', { hint: 'h2' }],
  ['HTTP/1 as it is', { hint: 'none' }],
  ['the transport header', { hint: 'h2', opaqueTransportPort: DIRECT_PORT }],
  ['opaque transport', { hint: 'opaque', opaqueTransportPort: DIRECT_PORT }],
] as const)('a body and trailers pass both ways over %s', async (_name, extra) => {
  await using mesh = await TestMesh.start();
  const server = await serverWithProxy(mesh, (asked, response) => {
    response.writeHead(200, { trailer: 'x-sum' });
    let bytes = 0;
    asked.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (!response.write(chunk)) asked.pause();
    });
    response.on('drain', () => asked.resume());
    asked.on('end', () => {
      response.addTrailers({ 'x-sum': String(bytes) });
      response.end();
    });
  });
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080, extra)]);
  const agent = await startAgent(mesh);
  const body = Buffer.alloc(3_000_000, 'abcdefg');
  const asked = request(URL_OF_SERVICE, { agent, method: 'POST' });
  asked.end(body);
  const [response] = await once(asked, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  expect(Buffer.concat(chunks).equals(body)).toBe(true);
  expect(response.trailers).toEqual({ 'x-sum': '3000000' });
});

test('a connection is kept and used again', async () => {
  await using mesh = await TestMesh.start();
  const server = await serverWithProxy(mesh, (_asked, response) => response.end('ok'));
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const agent = await startAgent(mesh);
  expect((await askBy(agent, URL_OF_SERVICE)).reused).toBe(false);
  expect((await askBy(agent, URL_OF_SERVICE)).reused).toBe(true);
  expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
});

test('a connection that was idle for long is given up', async () => {
  await using mesh = await TestMesh.start();
  const server = await serverWithProxy(mesh, (_asked, response) => response.end('ok'));
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const agent = await startAgent(mesh, { idleMs: 1 });
  await askBy(agent, URL_OF_SERVICE);
  await until(() => Object.values(agent.freeSockets).flat().length === 0);
  expect((await askBy(agent, URL_OF_SERVICE)).reused).toBe(false);
});

test('requests are balanced over the endpoints of the name', async () => {
  await using mesh = await TestMesh.start();
  const [one, two] = [
    await serverWithProxy(mesh, (_asked, response) => response.end('one')),
    await serverWithProxy(mesh, (_asked, response) => response.end('two'), '10.42.0.7'),
  ];
  // HTTP/1 endpoints are ready before they are connected to, so that load alone decides.
  mesh.control.endpointsOf(NAME).set([one.endpoint(8080, { hint: 'none' }), two.endpoint(8080, { hint: 'none' })]);
  // Forty handshakes at once, both sides of each in this process, take as long as the machine is busy: nothing here is about time.
  const agent = await startAgent(mesh, { clock: manualClock() });
  const answers = await Promise.all(Array.from({ length: 40 }, () => askBy(agent, URL_OF_SERVICE)));
  expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['one', 'two']));
});

test('an upgraded connection carries bytes both ways until both sides have ended', async () => {
  await using mesh = await TestMesh.start();
  const application = createServer().on('upgrade', (_asked, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: await mesh.listenOn(application) } });
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const agent = await startAgent(mesh);
  const asked = request(URL_OF_SERVICE, { agent, headers: { connection: 'upgrade', upgrade: 'echo' } });
  asked.end();
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Duplex];
  socket.write('hello');
  expect(String((await once(socket, 'data'))[0])).toBe('hello');
  socket.end();
  await once(socket, 'close');
});

test('fetch and request of undici, and the fetch of Node, go through the mesh', async () => {
  await using mesh = await TestMesh.start();
  const server = await serverWithProxy(mesh, (asked, response) => void asked.pipe(response));
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const agent = await startAgent(mesh);
  const dispatcher = meshDispatcher(agent);
  const answers = [
    await (await fetch(URL_OF_SERVICE, { dispatcher, method: 'POST', body: 'one' })).text(),
    await (await undiciRequest(URL_OF_SERVICE, { dispatcher, method: 'POST', body: 'two' })).body.text(),
    // The types of Node's own fetch do not mention its dispatcher.
    await (await globalThis.fetch(URL_OF_SERVICE, { dispatcher, method: 'POST', body: 'three' } as unknown as RequestInit)).text(),
  ];
  await dispatcher.close();
  expect(answers).toEqual(['one', 'two', 'three']);
  expect(sample(server.metrics, 'request_total', 'direction="inbound"', 'tls="true"')).toBe(3);
});

test('https is refused with a reason, since the mesh encrypts by itself', async () => {
  await using mesh = await TestMesh.start();
  const dispatcher = meshDispatcher(await startAgent(mesh));
  const error = await undiciRequest('https://server.ns.svc.cluster.local/', { dispatcher }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ReasonError);
  expect(error).toMatchObject({ reason: { code: 'REQUEST_INVALID' } });
  await dispatcher.close();
});

test('what the mesh cannot do is answered with the reason', async () => {
  await using mesh = await TestMesh.start();
  const agent = await startAgent(mesh);
  mesh.control.endpointsOf(NAME).reject(reason('DISCOVERY_REJECTED', 'no such service'));
  const answer = await askBy(agent, URL_OF_SERVICE);
  expect([answer.status, answer.headers['l5d-proxy-error']]).toEqual([502, expect.stringMatching(/^DISCOVERY_REJECTED: .*no such service/)]);
});

test('an impostor in place of the server is answered with 502 and never sees the request', async () => {
  await using mesh = await TestMesh.start();
  const stranger = await createAuthority({ trustDomain: 'cluster.local' });
  const server = await mesh.workload('server', {
    ip: '10.42.0.5',
    ports: { 8080: await mesh.listenOn(createServer((_asked, response) => response.end('stolen'))) },
    credentials: (await identityPort(mesh, 'server', stranger)).credentials,
  });
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const agent = await startAgent(mesh, { outbound: { failfastMs: 100 } });
  const answer = await askBy(agent, URL_OF_SERVICE);
  expect(answer.body).toBe('');
  expect(answer.headers['l5d-proxy-error']).toMatch(/TLS_PEER_UNTRUSTED|peer certificate/);
});

test('a name whose policy cannot be followed is answered with the reason', async () => {
  await using mesh = await TestMesh.start();
  const agent = await startAgent(mesh);
  mesh.control.outboundOf(NAME).reject(reason('POLICY_INVALID', 'nothing fits'));
  const answer = await askBy(agent, URL_OF_SERVICE);
  expect([answer.status, answer.headers['l5d-proxy-error']]).toEqual([500, expect.stringMatching(/^POLICY_INVALID: .*nothing fits/)]);
});

test('a name whose policy is rejected breaks the connection with the reason', async () => {
  await using mesh = await TestMesh.start();
  const agent = await startAgent(mesh);
  mesh.control.outboundOf(NAME).reject(reason('DISCOVERY_REJECTED', 'nothing fits'));
  const error = await askBy(agent, URL_OF_SERVICE).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ReasonError);
  expect(error).toMatchObject({ reason: { code: 'DISCOVERY_REJECTED', detail: expect.stringContaining('nothing fits') } });
  const dispatcher = meshDispatcher(agent);
  const inUndici = await undiciRequest(URL_OF_SERVICE, { dispatcher }).catch((thrown: unknown) => thrown);
  expect(inUndici).toMatchObject({ reason: { code: 'DISCOVERY_REJECTED' } });
  await dispatcher.close();
});

test('closing lets a request in flight finish and refuses the next with the reason', async () => {
  await using mesh = await TestMesh.start();
  const release: (() => void)[] = [];
  const server = await serverWithProxy(mesh, (_asked, response) => void release.push(() => response.end('late')));
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const agent = await startAgent(mesh);
  const inFlight = askBy(agent, URL_OF_SERVICE);
  await until(() => release.length === 1);
  const closed = agent.close();
  await expect(askBy(agent, URL_OF_SERVICE)).rejects.toMatchObject({ reason: { code: 'DRAINING' } });
  release[0]?.();
  expect((await inFlight).body).toBe('late');
  await closed;
});

test('a request that is given up is given up by the application too, and time limits of requests work', async () => {
  await using mesh = await TestMesh.start();
  let received = 0;
  let gone = 0;
  const server = await serverWithProxy(mesh, (asked) => {
    received += 1;
    asked.socket.once('close', () => (gone += 1));
  });
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080, { hint: 'none' })]);
  const agent = await startAgent(mesh);
  const asked = request(URL_OF_SERVICE, { agent, timeout: 20 });
  const error = once(asked, 'error').then(([thrown]: unknown[]) => thrown);
  asked.end();
  await new Promise((resolve) => asked.once('timeout', resolve));
  await until(() => received === 1);
  expect(gone).toBe(0);
  asked.destroy(new Error('given up'));
  expect(await error).toMatchObject({ message: 'given up' });
  await until(() => gone === 1);
});

test('HTTP/2 is carried by a connection of the agent', async () => {
  await using mesh = await TestMesh.start();
  const http2 = createHttp2Server((asked, response) => void response.end(`${asked.httpVersion} ${asked.authority}`));
  const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: await mesh.listenOn(http2 as unknown as Server) } });
  mesh.control.endpointsOf(NAME).set([server.endpoint(8080)]);
  const agent = await startAgent(mesh);
  const session = connectHttp2(URL_OF_SERVICE, { createConnection: ({ hostname: host }) => agent.createConnection({ host, port: 80 }) });
  const bodies = await Promise.all([1, 2, 3].map(() => text(session.request({ ':path': '/' }))));
  expect(bodies).toEqual(Array.from({ length: 3 }, () => `2.0 ${NAME}`));
  session.close();
});

test('an address is asked for as an address', async () => {
  await using mesh = await TestMesh.start();
  const server = await serverWithProxy(mesh, (_asked, response) => response.end('by address'));
  mesh.control.profileOf('10.42.0.5:8080').set({ fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [], endpoint: server.endpoint(8080) });
  mesh.control.inboundOf(8080).set(openToAll());
  const metrics = createRegistry();
  const agent = await startAgent(mesh, { metrics });
  expect((await askBy(agent, 'http://10.42.0.5:8080/')).body).toBe('by address');
  expect(sample(metrics, 'request_total', 'direction="outbound"', 'tls="true"')).toBe(1);
});
