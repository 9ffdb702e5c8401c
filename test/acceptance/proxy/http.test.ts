import { Agent, createServer, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, constants, createServer as createHttp2Server } from 'node:http2';
import { text } from 'node:stream/consumers';
import type { ProxySettings } from '@weft/proxy';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { ask, readAll, SERVICE, startPair, tcp, until } from './pair.ts';
import { sample, TestMesh } from './test-mesh.ts';

/** Answers with what it saw. */
function mirror() {
  return createServer((message, response) => {
    void text(message).then((body) => {
      response.end(JSON.stringify({ version: message.httpVersion, method: message.method, url: message.url, headers: message.headers, body }));
    });
  });
}

interface Mirrored {
  readonly version: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

test('carries an HTTP/1.1 request over mutual TLS and restores its version', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await mesh.listenOn(mirror()));
  const answer = await ask(port, {
    method: 'POST',
    path: '/x?y=1',
    body: 'hello',
    headers: { host: 'server.ns.svc.cluster.local', 'l5d-client-id': 'forged' },
  });
  expect(answer).toMatchObject({ status: 200, version: '1.1' });
  expect(answer.headers['l5d-orig-proto']).toBeUndefined();
  const seen = JSON.parse(answer.body) as Mirrored;
  expect(seen).toMatchObject({ version: '1.1', method: 'POST', url: '/x?y=1', body: 'hello' });
  expect(seen.headers.host).toBe('server.ns.svc.cluster.local');
  expect(seen.headers['l5d-client-id']).toBe(client.identity);
  expect(seen.headers['l5d-orig-proto']).toBeUndefined();
  expect(sample(client.metrics, 'request_total', 'direction="outbound"', 'tls="true"', `server_id="${server.identity}"`, 'dst_namespace="ns"')).toBe(1);
  expect(sample(client.metrics, 'request_total', 'authority="server.ns.svc.cluster.local:80"', 'target_addr="10.42.0.5:8080"', 'target_port="8080"')).toBe(1);
  expect(sample(server.metrics, 'request_total', 'direction="inbound"', 'tls="true"', `client_id="${client.identity}"`, 'srv_port="8080"')).toBe(1);
  expect(sample(server.metrics, 'response_total', 'status_code="200"', 'classification="success"', 'route_name="default"')).toBe(1);
  expect(sample(server.metrics, 'inbound_http_authz_allow_total', 'authz_name="test-authz"')).toBe(1);
  expect(sample(client.metrics, 'response_latency_ms_count', 'status_code="200"')).toBe(1);
  expect(sample(client.metrics, 'tcp_open_total', 'peer="dst"', 'tls="true"')).toBe(1);
  expect(sample(server.metrics, 'tcp_open_total', 'peer="src"', 'tls="true"')).toBe(1);
  expect(sample(server.metrics, 'tcp_open_total', 'direction="inbound",peer="dst",tls="no_identity",no_tls_reason="loopback"')).toBe(1);
  expect(sample(server.metrics, 'tcp_read_bytes_total', 'peer="src"', 'tls="true"')).toBeGreaterThan(0);
});

test('names the service where a client names the listener', async () => {
  await using mesh = await TestMesh.start();
  const { port } = await startPair(mesh, await mesh.listenOn(mirror()));
  const seen = JSON.parse((await ask(port)).body) as Mirrored;
  expect(seen.headers.host).toBe('server.ns.svc.cluster.local:80');
});

test('strips hop-by-hop headers and keeps a body that is sent in chunks', async () => {
  await using mesh = await TestMesh.start();
  const { port } = await startPair(mesh, await mesh.listenOn(mirror()));
  const socket = await tcp(port);
  socket.write(
    'POST /c HTTP/1.1\r\nhost: server\r\nconnection: close, x-gone\r\nx-gone: 1\r\nx-kept: 2\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  );
  const raw = await readAll(socket);
  socket.destroy();
  const seen = JSON.parse(raw.slice(raw.indexOf('{'), raw.lastIndexOf('}') + 1)) as Mirrored;
  expect(seen.body).toBe('abc');
  expect(seen.headers['x-kept']).toBe('2');
  expect(seen.headers['x-gone']).toBeUndefined();
});

test('serves HTTP/1.0', async () => {
  await using mesh = await TestMesh.start();
  const { port } = await startPair(mesh, await mesh.listenOn(mirror()));
  const socket = await tcp(port);
  socket.write('GET /old HTTP/1.0\r\n\r\n');
  const raw = await readAll(socket);
  socket.destroy();
  expect(raw).toMatch(/^HTTP\/1\.[01] 200 /);
  expect(raw).toContain('"url":"/old"');
});

test('carries HTTP/2 with trailers and passes resets on with their code', async () => {
  await using mesh = await TestMesh.start();
  const app = createHttp2Server();
  app.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    if (headers[':path'] === '/reset') return stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    stream.respond({ ':status': 200, 'x-method': headers[':method'] }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': 'yes' }));
    stream.end('body');
  });
  const { client, port } = await startPair(mesh, await mesh.listenOn(app));
  const session = mesh.adopt(connectHttp2(`http://127.0.0.1:${port}`));
  const good = session.request({ ':path': '/ok' });
  const head = new Promise<Record<string, unknown>>((resolve) => good.once('response', resolve));
  const trailers = new Promise<Record<string, unknown>>((resolve) => good.once('trailers', resolve));
  expect(await text(good)).toBe('body');
  expect(await head).toMatchObject({ ':status': 200, 'x-method': 'GET' });
  expect(await trailers).toMatchObject({ 'x-end': 'yes' });
  const bad = session.request({ ':path': '/reset' });
  bad.on('error', () => undefined);
  await new Promise((resolve) => bad.once('close', resolve));
  expect(bad.rstCode).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  await until(() => sample(client.metrics, 'response_total', 'classification="failure"', 'error="h2(ENHANCE_YOUR_CALM)"') === 1);
  session.close();
});

test('tunnels a WebSocket', async () => {
  await using mesh = await TestMesh.start();
  const app = createServer();
  const sockets = new WebSocketServer({ server: app });
  sockets.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`)));
  const { client, port } = await startPair(mesh, await mesh.listenOn(app));
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
  await new Promise((resolve) => socket.once('open', resolve));
  socket.send('hi');
  const reply = await new Promise<string>((resolve) => socket.once('message', (data: Buffer) => resolve(data.toString())));
  expect(reply).toBe('echo hi');
  expect(sample(client.metrics, 'response_total', 'status_code="101"', 'classification="success"')).toBe(1);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.close();
  await closed;
  sockets.close();
});

test('answers 502 with the reason when the application is not there', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, 1);
  const answer = await ask(port);
  expect(answer.status).toBe(502);
  // The peer's explanation is for proxies, not for the application.
  expect(answer.headers['l5d-proxy-error']).toBeUndefined();
  expect(sample(server.metrics, 'weft_refusals_total', 'direction="inbound"', 'reason="CONNECT_REFUSED"')).toBe(1);
  expect(sample(server.metrics, 'response_total', 'status_code="502"', 'classification="failure"')).toBe(1);
  expect(sample(client.metrics, 'response_total', 'status_code="502"', 'classification="failure"')).toBe(1);
});

test('answers 404 where no route matches and 500 where the policy asks for what it cannot do', async () => {
  await using mesh = await TestMesh.start();
  const { port } = await startPair(mesh, await mesh.listenOn(mirror()));
  const { balanced, clientPolicy, firstOf, httpProtocol, opaqueProtocol } = await import('./policies.ts');
  const to = firstOf(balanced('server.ns.svc.cluster.local:80'));
  const policy = (match: Parameters<typeof httpProtocol>[0]['match'] = {}) => {
    const http = httpProtocol({ match, to });
    return clientPolicy({ kind: 'detect', timeoutMs: 1, opaque: opaqueProtocol(to), http1: http, http2: http });
  };
  mesh.control.outboundOf(SERVICE).set(policy({ path: { kind: 'prefix', value: '/api' }, method: 'GET' }));
  expect((await ask(port, { path: '/api/x' })).status).toBe(200);
  const missing = await ask(port, { path: '/apis' });
  expect(missing.status).toBe(404);
  expect(missing.headers['l5d-proxy-error']).toMatch(/^ROUTE_NOT_FOUND: /);
  const socket = await tcp(port);
  socket.write('GET /api/1 HTTP/1.1\r\nhost: server\r\n\r\n');
  await new Promise((resolve) => socket.once('data', resolve));
  mesh.control.outboundOf(SERVICE).set(policy({ path: { kind: 'regex', regex: '/a(' } }));
  socket.end('GET /api/2 HTTP/1.1\r\nhost: server\r\n\r\n');
  expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 500 [^]*l5d-proxy-error: POLICY_INVALID: /);
});

test('under a policy that cannot be compiled answers new requests with 500 until it is mended, whatever protocol it declares, and takes no other bytes', async () => {
  await using mesh = await TestMesh.start();
  const { client, port } = await startPair(mesh, await mesh.listenOn(mirror()));
  const { balanced, clientPolicy, firstOf, httpProtocol, opaqueProtocol } = await import('./policies.ts');
  const to = firstOf(balanced('server.ns.svc.cluster.local:80'));
  const bad = httpProtocol({ match: { path: { kind: 'regex', regex: '/a(' } }, to });
  const good = httpProtocol({ to });
  const outbound = mesh.control.outboundOf(SERVICE);
  const detect = (http: typeof good) => clientPolicy({ kind: 'detect', timeoutMs: 1, opaque: opaqueProtocol(to), http1: http, http2: http });
  for (const invalid of [detect(bad), clientPolicy({ kind: 'http1', ...bad }), clientPolicy({ kind: 'http2', ...bad })]) {
    outbound.set(invalid);
    const refused = await ask(port);
    expect(refused.status).toBe(500);
    expect(refused.headers['l5d-proxy-error']).toMatch(/^POLICY_INVALID: .*10\.\S+: route .*pattern/);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const head = new Promise<Record<string, unknown>>((resolve) => session.request({ ':path': '/' }).once('response', resolve));
    expect(await head).toMatchObject({ ':status': 500, 'l5d-proxy-error': expect.stringMatching(/^POLICY_INVALID: /) });
    session.close();
    const socket = await tcp(port);
    socket.write('neither of them\r\n\r\n');
    expect(await readAll(socket)).toBe('');
    outbound.set(detect(good));
    expect((await ask(port)).status).toBe(200);
  }
  expect(sample(client.metrics, 'weft_refusals_total', 'direction="outbound"', 'reason="POLICY_INVALID"')).toBeGreaterThan(0);
});

test('speaks HTTP/1 over mutual TLS to a meshed endpoint without the hint, and reuses its connections', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await mesh.listenOn(mirror()), { endpoint: { hint: 'none' } });
  const agent = new Agent({ keepAlive: true });
  for (let i = 0; i < 3; i++) expect((await ask(port, { agent })).status).toBe(200);
  expect(sample(client.metrics, 'tcp_open_total', 'peer="dst"', 'tls="true"')).toBe(1);
  expect(sample(client.metrics, 'tcp_open_total', 'peer="src"')).toBe(1);
  expect(sample(server.metrics, 'request_total', 'tls="true"')).toBe(3);
  agent.destroy();
});

test('sends only to the identity that the request requires', async () => {
  await using mesh = await TestMesh.start();
  const { client, server, port } = await startPair(mesh, await mesh.listenOn(mirror()));
  const right = await ask(port, { headers: { 'l5d-require-id': server.identity } });
  expect((JSON.parse(right.body) as Mirrored).headers['l5d-require-id']).toBeUndefined();
  const wrong = await ask(port, { headers: { 'l5d-require-id': client.identity } });
  expect(wrong.status).toBe(502);
  expect(wrong.headers['l5d-proxy-error']).toMatch(/^IDENTITY_REQUIRED: /);
  expect(sample(client.metrics, 'outbound_http_errors_total', 'error="identity required"')).toBe(1);
});

test('carries an extended CONNECT over HTTP/2 through both proxies where it is allowed, and refuses it elsewhere', async () => {
  await using mesh = await TestMesh.start();
  const application = createHttp2Server({ settings: { enableConnectProtocol: true } });
  application.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'x-protocol': String(headers[':protocol']) });
    stream.pipe(stream);
  });
  const appPort = await mesh.listenOn(application);
  const allowed: ProxySettings = { outbound: { serverHttp2: { extendedConnect: true } }, inbound: { serverHttp2: { extendedConnect: true } } };
  const { port } = await startPair(mesh, appPort, { client: allowed, server: allowed });
  await using other = await TestMesh.start();
  const { port: strict } = await startPair(other, appPort);
  const open = async (to: number): Promise<{ readonly status: unknown; readonly echo: string; readonly code: number }> => {
    const session = connectHttp2(`http://127.0.0.1:${to}`);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const request = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/chat', ':authority': 'server.ns.svc.cluster.local' };
    const stream = session.request(request, { endStream: false });
    stream.on('error', () => undefined);
    const status = new Promise((resolve) => {
      stream.once('response', (headers) => resolve([headers[':status'], headers['x-protocol']]));
      stream.once('close', () => resolve(undefined));
    });
    let echo = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => (echo += chunk));
    stream.end('bytes');
    await new Promise((resolve) => stream.once('close', resolve));
    session.destroy();
    return { status: await status, echo, code: stream.rstCode };
  };
  expect(await open(port)).toEqual({ status: [200, 'websocket'], echo: 'bytes', code: 0 });
  expect(await open(strict)).toEqual({ status: undefined, echo: '', code: constants.NGHTTP2_PROTOCOL_ERROR });
});
