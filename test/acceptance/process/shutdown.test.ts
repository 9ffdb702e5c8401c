// The way down: what is told to go, what is waited for, and for how long. spec/proxy.md §1.5, §9.8, §10.4 "shutdown.rs".
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type ClientHttp2Session, constants, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { connect, type Server, type Socket } from 'node:net';
import { availableParallelism, networkInterfaces } from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { type Application, get, http2Application, http2Session, httpApplication, received, serveOn, tcpApplication } from './applications.ts';
import { type ControlPlane, controlPlane } from './control-plane.ts';
import { type ProxyProcess, readyProxy, startProxy } from './proxy-process.ts';
import { alone, pair, SERVICE, scripted } from './scenes.ts';

const P = 'LINKERD2_PROXY_';
const ENABLED = { [`${P}SHUTDOWN_ENDPOINT_ENABLED`]: 'true' };
const CORES = [1, ...(process.platform === 'linux' && availableParallelism() > 1 ? [2] : [])];
/** Where connections are carried without being looked at. */
const BYTES = '10.99.0.1:80';

test('ready: 503 before there is a certificate, 200 from then on, and alive all the time', async () => {
  await using control = await controlPlane().start();
  const certificates = control.holdCertificates();
  await using proxy = await startProxy({ control, name: 'client', ip: '10.42.0.4' });
  expect([await proxy.admin('/live'), await proxy.admin('/ready')]).toEqual([
    { status: 200, body: 'live\n' },
    { status: 503, body: 'not ready\n' },
  ]);
  certificates.release();
  await proxy.log(/^Ready$/);
  expect(await proxy.admin('/ready')).toEqual({ status: 200, body: 'ready\n' });
  await control.stop();
  expect([(await proxy.admin('/live')).status, (await proxy.admin('/ready')).status]).toEqual([200, 200]);
});

describe.each(CORES)('on %i cores', (cores) => {
  const env = { [`${P}CORES`]: String(cores) };

  test('h2_goaways_connections: an idle HTTP/2 connection is told to go, and the process ends', async () => {
    await using app = await http2Application();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, env);
    using session = http2Session(proxy.outboundPort(SERVICE));
    await answered(session);
    const told = once(session, 'goaway');
    const closed = once(session, 'close');
    proxy.signal('SIGTERM');
    const [code] = (await told) as [number];
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    await closed;
    expect(await proxy.exited).toBe(0);
  });

  test('h2_exercise_goaways_connections: bodies that are on their way arrive whole, on both sides of the mesh', async () => {
    const release: (() => void)[] = [];
    const size = 300_000;
    await using app = await streaming((stream) => {
      stream.respond({ ':status': 200 });
      stream.write(Buffer.alloc(size / 2, 'a'));
      release.push(() => stream.end(Buffer.alloc(size / 2, 'b')));
    });
    await using control = await scripted().start();
    await using both = await pair(control, app.port, env, env);
    using session = http2Session(both.client.outboundPort(SERVICE));
    const streams = Array.from({ length: 5 }, () => lengthOf(session));
    await vi.waitFor(() => expect(release).toHaveLength(5), { timeout: 5_000, interval: 10 });
    const told = once(session, 'goaway');
    both.client.signal('SIGTERM');
    both.server.signal('SIGTERM');
    await told;
    for (const go of release) go();
    expect(await Promise.all(streams)).toEqual(Array.from({ length: 5 }, () => size));
    expect(await Promise.all([both.client.exited, both.server.exited])).toEqual([0, 0]);
  });

  test('http1_closes_idle_connections: a kept connection without a request is closed, and the process ends', async () => {
    await using app = await httpApplication();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, env);
    const idle = connect(proxy.outboundPort(SERVICE), '127.0.0.1');
    idle.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    const [answer] = (await once(idle, 'data')) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1.1 200 /);
    const ended = once(idle.resume(), 'end');
    proxy.signal('SIGTERM');
    await ended;
    expect(await proxy.exited).toBe(0);
    idle.destroy();
  });

  test('an HTTP/1 connection is closed after the request that it carries', async () => {
    let answer: (() => void) | undefined;
    await using app = await httpApplication((_message, response) => {
      answer = () => response.end('finished');
    });
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, env);
    const socket = connect(proxy.outboundPort(SERVICE), '127.0.0.1');
    const all = received(socket);
    socket.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    await vi.waitFor(() => expect(answer).toBeDefined(), { timeout: 5_000, interval: 10 });
    proxy.signal('SIGTERM');
    await proxy.log(/^shutting down$/);
    answer?.();
    expect(await all).toContain('finished');
    expect(await proxy.exited).toBe(0);
    socket.destroy();
  });

  test('tcp_waits_for_proxies_to_close: a relay goes on until its ends are closed', async () => {
    await using app = await tcpApplication((socket) => void socket.pipe(socket));
    await using control = await scripted().start();
    await using proxy = await relaying(control, app.port, env);
    const socket = connect(proxy.outboundPort(BYTES), '127.0.0.1');
    expect(await echoed(socket, '\x01 before')).toBe('\x01 before');
    proxy.signal('SIGTERM');
    await proxy.log(/^shutting down$/);
    for (const text of ['after', 'and again']) expect(await echoed(socket, text)).toBe(text);
    expect(proxy.running).toBe(true);
    socket.end();
    expect(await proxy.exited).toBe(0);
  });

  test('an upgraded connection is waited for', async () => {
    const server = createServer();
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: bytes\r\n\r\n');
      socket.pipe(socket);
    });
    await using app = await serveOn(server);
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, env);
    const call = request({ host: '127.0.0.1', port: proxy.outboundPort(SERVICE), headers: { connection: 'Upgrade', upgrade: 'bytes' }, agent: false });
    call.end();
    const [, socket] = (await once(call, 'upgrade')) as [unknown, Socket];
    proxy.signal('SIGTERM');
    await proxy.log(/^shutting down$/);
    expect(await echoed(socket, 'still here')).toBe('still here');
    socket.end();
    expect(await proxy.exited).toBe(0);
  });

  test('a stream that has not ended by the end of the grace period is cut off', async () => {
    await using app = await streaming(() => undefined);
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, { ...env, [`${P}SHUTDOWN_GRACE_PERIOD`]: '300ms' });
    using session = http2Session(proxy.outboundPort(SERVICE));
    const stream = session.request({ ':path': '/', ':authority': 'web' });
    const cut = once(stream, 'close').catch(() => 'cut off');
    await vi.waitFor(async () => expect(await proxy.metric('request_total', { direction: 'outbound' })).toBe(1), { timeout: 5_000, interval: 20 });
    const started = performance.now();
    proxy.signal('SIGTERM');
    expect(await proxy.exited).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(290);
    await cut;
  });

  test.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGTERM'],
  ] as const)('%s and then %s: the second ends it at once', async (first, second) => {
    await using app = await tcpApplication((socket) => void socket.pipe(socket));
    await using control = await scripted().start();
    await using proxy = await relaying(control, app.port, env);
    const socket = connect(proxy.outboundPort(BYTES), '127.0.0.1');
    socket.on('error', () => undefined);
    await echoed(socket, '\x01 bytes');
    const closed = once(socket, 'close');
    proxy.signal(first);
    await proxy.log(/^shutting down$/);
    proxy.signal(second);
    expect(await proxy.exited).toBe(0);
    await closed;
  });
});

test('POST /shutdown drains as a signal does; other methods are refused', async () => {
  let answer: (() => void) | undefined;
  await using app = await httpApplication((_message, response) => {
    answer = () => response.end('finished');
  });
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port, ENABLED);
  expect(await get(proxy.adminPort, { path: '/shutdown' })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  const inFlight = get(proxy.outboundPort(SERVICE));
  await vi.waitFor(() => expect(answer).toBeDefined(), { timeout: 5_000, interval: 10 });
  expect((await get(proxy.adminPort, { method: 'POST', path: '/shutdown' })).status).toBe(200);
  expect(proxy.running).toBe(true);
  answer?.();
  expect(await inFlight).toMatchObject({ body: 'finished' });
  expect(await proxy.exited).toBe(0);
});

test('/shutdown does not exist where it is not enabled', async () => {
  await using control = await scripted().start();
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4' });
  for (const method of ['POST', 'GET']) expect((await get(proxy.adminPort, { method, path: '/shutdown' })).status).toBe(404);
  expect((await proxy.admin('/live')).status).toBe(200);
});

/** An address of this machine from which one is not taken for the pod itself. */
const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test.runIf(own !== undefined)('/shutdown is refused to clients that do not come from loopback', async () => {
  await using control = await scripted().start();
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', env: ENABLED, admin: `${own}:0` });
  const call = request({ host: own, port: proxy.adminPort, method: 'POST', path: '/shutdown', agent: false });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(403);
  expect(proxy.running).toBe(true);
});

function streaming(onStream: (stream: ServerHttp2Stream) => void): Promise<Application> {
  const server = createHttp2Server();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    onStream(stream);
  });
  return serveOn(server as unknown as Server);
}

async function answered(session: ClientHttp2Session): Promise<void> {
  const stream = session.request({ ':path': '/', ':authority': 'web' });
  stream.resume();
  await once(stream, 'end');
}

async function lengthOf(session: ClientHttp2Session): Promise<number> {
  const stream = session.request({ ':path': '/', ':authority': 'web' });
  let length = 0;
  stream.on('data', (chunk: Buffer) => (length += chunk.length));
  await once(stream, 'end');
  return length;
}

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text, 'latin1');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes.toString('latin1');
}

function relaying(control: ControlPlane, port: number, env: Readonly<Record<string, string>>): Promise<ProxyProcess> {
  const connectsTo = { [BYTES]: 'elsewhere:80' };
  return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo, dial: { [BYTES]: `127.0.0.1:${port}` }, env });
}
