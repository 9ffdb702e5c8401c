// meshServer behind peers' proxies, behind another program's meshAgent, and against whoever has no business there.
import { once } from 'node:events';
import { type RequestListener, request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ask, NAME, readAll, SERVICE, tcp, until } from '../proxy/pair.ts';
import { balanced, detectPolicy, onlyFor, openToAll, serverPolicy } from '../proxy/policies.ts';
import { DIRECT_PORT, identityOf, TestMesh, type Workload } from '../proxy/test-mesh.ts';
import { askBy, identityPort, startAgent, startServer } from './programs.ts';

const URL_OF_SERVICE = `http://${NAME.replace(':80', '')}/a?b=c`;

const describeRequest: RequestListener = (asked, response) => {
  const { 'l5d-client-id': client, 'l5d-orig-proto': origProto, host } = asked.headers;
  response.end(JSON.stringify({ version: asked.httpVersion, url: asked.url, client, origProto, host, remote: asked.socket.remoteAddress }));
};

async function clientWithProxy(mesh: TestMesh, name = 'client'): Promise<Workload> {
  mesh.control.outboundOf(SERVICE).set(detectPolicy(balanced(NAME)));
  return mesh.workload(name, { ip: '10.42.0.4', connectsTo: [`${SERVICE}=${NAME}`] });
}

test.each([
  ['HTTP/1 in HTTP/2', { hint: 'h2' }],
  ['HTTP/1 as it is', { hint: 'none' }],
  ['the transport header', { hint: 'h2', opaqueTransportPort: DIRECT_PORT }],
] as const)('the server sees an ordinary HTTP/1.1 request of a proved client over %s', async (_name, extra) => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, describeRequest);
  mesh.control.endpointsOf(NAME).set([program.endpoint(extra)]);
  mesh.control.inboundOf(8080).set(onlyFor(identityOf('client')));
  const client = await clientWithProxy(mesh);
  const answer = await ask(client.outboundPort(SERVICE), { path: '/a?b=c', headers: { host: 'server', 'l5d-client-id': 'forged' } });
  expect([answer.status, answer.version, answer.headers['l5d-orig-proto']]).toEqual([200, '1.1', undefined]);
  expect(JSON.parse(answer.body)).toEqual({ version: '1.1', url: '/a?b=c', client: identityOf('client'), host: 'server', remote: '127.0.0.1' });
});

test('a program asks another without any sidecar', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, (asked, response) => response.end(program.joined.clientId(asked)));
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  const agent = await startAgent(mesh);
  expect((await askBy(agent, URL_OF_SERVICE)).body).toBe(identityOf('client'));
});

test('who is not authorized gets 403 with the reason, and the server never hears of it', async () => {
  await using mesh = await TestMesh.start();
  let asked = 0;
  const program = await startServer(mesh, (_asked, response) => {
    asked += 1;
    response.end();
  });
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  mesh.control.inboundOf(8080).set(onlyFor(identityOf('somebody-else')));
  const client = await clientWithProxy(mesh);
  // The peer's proxy takes the reason out of the response; a client that speaks for itself sees it.
  expect((await ask(client.outboundPort(SERVICE))).status).toBe(403);
  const agent = await startAgent(mesh);
  const answer = await askBy(agent, URL_OF_SERVICE);
  expect([answer.status, asked]).toEqual([403, 0]);
  mesh.control.inboundOf(8080).set(onlyFor(identityOf('client')));
  expect((await askBy(agent, URL_OF_SERVICE)).status).toBe(200);
});

test('without TLS a client comes in as far as policy lets it, and has no identity', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, (asked, response) => response.end(String(program.joined.clientId(asked))));
  const port = program.joined.addresses.application?.port ?? 0;
  mesh.control.inboundOf(8080).set(onlyFor(identityOf('client')));
  expect(await ask(port)).toMatchObject({ status: 403 });
  mesh.control.inboundOf(8080).set(openToAll());
  expect(await ask(port, { headers: { 'l5d-client-id': identityOf('client') } })).toMatchObject({ status: 200, body: 'undefined' });
});

test('the header is believed on connections of the mesh alone', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, (asked, response) => response.end(String(program.joined.clientId(asked))));
  const port = await mesh.listenOn(program.server);
  expect((await ask(port, { headers: { 'l5d-client-id': identityOf('client') } })).body).toBe('undefined');
});

test('the direct port refuses what is not mutual TLS with a transport header', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, describeRequest);
  const socket = await tcp(program.joined.addresses.direct?.port ?? 0);
  socket.end('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  expect(await readAll(socket)).toBe('');
});

test('a transport header for a port that is not served is refused', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, describeRequest);
  const endpoint = program.endpoint({ opaqueTransportPort: DIRECT_PORT, address: { ip: '10.42.0.6', port: 9999 } });
  mesh.control.endpointsOf(NAME).set([endpoint]);
  const agent = await startAgent(mesh);
  expect((await askBy(agent, URL_OF_SERVICE)).status).toBe(502);
});

test('bodies and trailers pass both ways, with back-pressure', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, (asked, response) => {
    response.writeHead(200, { trailer: 'x-sum' });
    asked.on('end', () => {
      response.addTrailers({ 'x-sum': String(asked.trailers['x-in']) });
      response.end();
    });
    asked.pipe(response, { end: false });
  });
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  const client = await clientWithProxy(mesh);
  const body = Buffer.alloc(3_000_000, 'abcdefg');
  const asked = request({ host: '127.0.0.1', port: client.outboundPort(SERVICE), agent: false, method: 'POST', headers: { trailer: 'x-in' } });
  asked.write(body);
  asked.addTrailers({ 'x-in': 'checked' });
  asked.end();
  const [response] = await once(asked, 'response');
  expect((await buffer(response)).equals(body)).toBe(true);
  expect(response.trailers).toEqual({ 'x-sum': 'checked' });
});

test('a client that goes away in mid-request is noticed by the server', async () => {
  await using mesh = await TestMesh.start();
  const gone: string[] = [];
  const program = await startServer(mesh, (asked) => {
    asked.once('close', () => gone.push('closed'));
    asked.resume();
  });
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  const client = await clientWithProxy(mesh);
  const socket = connect(client.outboundPort(SERVICE), '127.0.0.1');
  const handled = once(program.server, 'request');
  socket.write('POST / HTTP/1.1\r\nhost: server\r\ncontent-length: 10\r\n\r\nabc');
  await handled;
  expect(gone).toEqual([]);
  socket.destroy();
  await until(() => gone.length === 1);
});

test('an upgrade hands the server a connection of bytes', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, describeRequest);
  program.server.on('upgrade', (_asked, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n');
    socket.pipe(socket);
  });
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  const client = await clientWithProxy(mesh);
  const asked = request({ host: '127.0.0.1', port: client.outboundPort(SERVICE), agent: false, headers: { connection: 'upgrade', upgrade: 'echo' } });
  asked.end();
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Duplex];
  socket.write('hello');
  expect(String((await once(socket, 'data'))[0])).toBe('hello');
  socket.end();
  await once(socket, 'close');
});

test('WebSockets go from program to program, and close as they should', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, describeRequest);
  const sockets = new WebSocketServer({ server: program.server });
  sockets.on('connection', (socket, asked) => {
    socket.send(`hello ${String(program.joined.clientId(asked))}`);
    socket.on('message', (message: Buffer) => socket.send(message.length));
    socket.on('close', (code) => codes.push(code));
  });
  const codes: number[] = [];
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  const agent = await startAgent(mesh);
  const client = new WebSocket(URL_OF_SERVICE.replace('http:', 'ws:'), { agent });
  expect(String((await once(client, 'message'))[0])).toBe(`hello ${identityOf('client')}`);
  client.send(Buffer.alloc(500_000));
  expect(String((await once(client, 'message'))[0])).toBe('500000');
  client.close(4000);
  expect((await once(client, 'close'))[0]).toBe(4000);
  await until(() => codes.length === 1);
  expect(codes).toEqual([4000]);
});

test("HTTP/2 of clients goes to the program's HTTP/2 server, HTTP/1 to the other", async () => {
  await using mesh = await TestMesh.start();
  const http2 = createHttp2Server((asked, response) => void response.end(`${asked.httpVersion} ${String(asked.headers['l5d-client-id'])}`));
  const program = await startServer(mesh, describeRequest, { http2 });
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  const client = await clientWithProxy(mesh);
  const session = connectHttp2(`http://127.0.0.1:${client.outboundPort(SERVICE)}`);
  const stream = session.request({ ':path': '/' });
  expect(await text(stream)).toBe(`2.0 ${identityOf('client')}`);
  session.close();
  expect(JSON.parse((await ask(client.outboundPort(SERVICE))).body)).toMatchObject({ version: '1.1' });
});

test('HTTP/2 is refused with 502 where the program has no server for it', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, describeRequest);
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  const client = await clientWithProxy(mesh);
  const session = connectHttp2(`http://127.0.0.1:${client.outboundPort(SERVICE)}`);
  const [headers] = await once(session.request({ ':path': '/' }), 'response');
  expect(headers).toMatchObject({ ':status': 502 });
  session.close();
});

test('opaque bytes are handed to the server as they are, of authorized clients only, and prove no identity', async () => {
  await using mesh = await TestMesh.start();
  const program = await startServer(mesh, (asked, response) => {
    response.end(JSON.stringify([asked.headers['l5d-client-id'], String(program.joined.clientId(asked))]));
  });
  mesh.control.inboundOf(8080).set(serverPolicy({ kind: 'clients', identities: [identityOf('client')], suffixes: [] }, 'opaque'));
  mesh.control.endpointsOf(NAME).set([program.endpoint({ hint: 'opaque', opaqueTransportPort: DIRECT_PORT })]);
  const agent = await startAgent(mesh);
  const answer = await askBy(agent, URL_OF_SERVICE, { headers: { 'l5d-client-id': 'forged' } });
  expect([answer.status, answer.body]).toEqual([200, '["forged","undefined"]']);
  const other = await startAgent(mesh, { identity: await identityPort(mesh, 'other') });
  expect((await askBy(other, URL_OF_SERVICE)).status).toBe(502);
});

test('closing lets a request finish, then refuses connections', async () => {
  await using mesh = await TestMesh.start();
  const release: (() => void)[] = [];
  const program = await startServer(mesh, (_asked, response) => void release.push(() => response.end('late')));
  mesh.control.endpointsOf(NAME).set([program.endpoint()]);
  const agent = await startAgent(mesh);
  const inFlight = askBy(agent, URL_OF_SERVICE);
  await until(() => release.length === 1);
  const { direct } = program.joined.addresses;
  const closed = program.joined.close();
  release[0]?.();
  expect((await inFlight).body).toBe('late');
  await closed;
  await expect(tcp(direct?.port ?? 0)).rejects.toThrow('ECONNREFUSED');
});
