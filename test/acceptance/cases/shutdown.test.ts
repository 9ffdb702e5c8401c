// The way up and down: when a proxy is ready, what is told to go, what is waited for. spec/proxy.md §1.5, §9.8, §10.4 (shutdown.rs, identity.rs).
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type ClientHttp2Session, constants, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { expect } from 'vitest';
import {
  type Application,
  get,
  hostAndPort,
  http2Application,
  http2Session,
  httpApplication,
  received,
  serveOn,
  tcpApplication,
} from '../process/applications.ts';
import { type ControlPlane, controlPlane } from '../process/control-plane.ts';
import { firstBytes, tcpTo } from '../process/meshed-peer.ts';
import { type ProxyProcess, readyProxy, startProxy } from '../process/proxy-process.ts';
import { alone, pair, SERVICE, scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';

const P = 'LINKERD2_PROXY_';
const CORES = [1, ...(process.platform === 'linux' && availableParallelism() > 1 ? [2] : [])];
/** Where connections are carried without being looked at. */
const BYTES = '10.99.0.1:80';
const SOON = { timeout: 5_000, interval: 10 };

acceptanceCase('ready', async () => {
  await using control = await controlPlane().start();
  const certificates = control.holdCertificates();
  await using proxy = await startProxy({ control, name: 'client', ip: '10.42.0.4' });
  expect([await proxy.admin('/live'), await proxy.admin('/ready')]).toEqual([
    { status: 200, body: 'live\n' },
    { status: 503, body: 'not ready\n' },
  ]);
  certificates.release();
  await proxy.ready();
  expect(await proxy.admin('/ready')).toEqual({ status: 200, body: 'ready\n' });
  expect(control.requests).toContain(`Certify ${proxy.identity}`);
  // Nor does it matter what becomes of the control plane.
  await control.stop();
  expect([(await proxy.admin('/live')).status, (await proxy.admin('/ready')).status]).toEqual([200, 200]);
});

/** Sends the signal, and resolves when nobody is accepted any more: a sign that every implementation gives. */
async function draining(proxy: ProxyProcess, address: string): Promise<void> {
  proxy.signal('SIGTERM');
  const refused = async (): Promise<boolean> => {
    const socket = await tcpTo(address).catch(() => undefined);
    socket?.destroy();
    return socket === undefined;
  };
  await expect.poll(refused, SOON).toBe(true);
}

for (const cores of CORES) {
  const env = { [`${P}CORES`]: String(cores) };
  const on = `on ${cores} ${cores === 1 ? 'core' : 'cores'}`;

  acceptanceCase(`h2_goaways_connections ${on}`, async () => {
    await using app = await http2Application();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, env);
    using session = http2Session(proxy.outboundAddress(SERVICE));
    await answered(session);
    const told = once(session, 'goaway');
    const closed = once(session, 'close');
    proxy.signal('SIGTERM');
    const [code] = (await told) as [number];
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    await closed;
    expect(await proxy.exited).toBe(0);
  });

  acceptanceCase(`h2_exercise_goaways_connections ${on}`, async () => {
    const release: (() => void)[] = [];
    const size = 300_000;
    await using app = await streaming((stream) => {
      stream.respond({ ':status': 200 });
      stream.write(Buffer.alloc(size / 2, 'a'));
      release.push(() => stream.end(Buffer.alloc(size / 2, 'b')));
    });
    await using control = await scripted().start();
    await using both = await pair(control, app.port, env, env);
    using session = http2Session(both.client.outboundAddress(SERVICE));
    const streams = Array.from({ length: 5 }, () => lengthOf(session));
    await expect.poll(() => release.length, SOON).toBe(5);
    const told = once(session, 'goaway');
    both.client.signal('SIGTERM');
    both.server.signal('SIGTERM');
    await told;
    for (const go of release) go();
    expect(await Promise.all(streams)).toEqual(Array.from({ length: 5 }, () => size));
    session.close();
    expect(await Promise.all([both.client.exited, both.server.exited])).toEqual([0, 0]);
  });

  acceptanceCase(`http1_closes_idle_connections ${on}`, async () => {
    await using app = await httpApplication();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, env);
    const idle = await tcpTo(proxy.outboundAddress(SERVICE));
    idle.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    expect(await firstBytes(idle)).toMatch(/^HTTP\/1.1 200 /);
    const ended = once(idle.resume(), 'end');
    proxy.signal('SIGTERM');
    await ended;
    idle.destroy();
    expect(await proxy.exited).toBe(0);
  });

  acceptanceCase(`an HTTP/1 connection is closed after the request that it carries ${on}`, async () => {
    let answer: (() => void) | undefined;
    await using app = await httpApplication((_message, response) => {
      answer = () => response.end('finished');
    });
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, env);
    const socket = await tcpTo(proxy.outboundAddress(SERVICE));
    const all = received(socket);
    socket.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
    await expect.poll(() => answer, SOON).toBeDefined();
    await draining(proxy, proxy.outboundAddress(SERVICE));
    answer?.();
    expect(await all).toContain('finished');
    socket.destroy();
    expect(await proxy.exited).toBe(0);
  });

  acceptanceCase(`tcp_waits_for_proxies_to_close ${on}`, async () => {
    await using app = await tcpApplication((socket) => void socket.pipe(socket));
    await using control = await scripted().start();
    await using proxy = await relaying(control, app.port, env);
    const socket = await tcpTo(proxy.outboundAddress(BYTES));
    expect(await echoed(socket, '\x01 before, and not HTTP')).toBe('\x01 before, and not HTTP');
    await draining(proxy, proxy.outboundAddress(BYTES));
    for (const text of ['after', 'and again']) expect(await echoed(socket, text)).toBe(text);
    expect(proxy.running).toBe(true);
    socket.destroy();
    expect(await proxy.exited).toBe(0);
  });

  acceptanceCase(`an upgraded connection is waited for ${on}`, async () => {
    const server = createServer();
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: bytes\r\n\r\n');
      socket.pipe(socket);
    });
    await using app = await serveOn(server);
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, env);
    const at = proxy.outboundAddress(SERVICE);
    const call = request({ ...hostAndPort(at), headers: { connection: 'Upgrade', upgrade: 'bytes' }, agent: false });
    call.end();
    const [, socket] = (await once(call, 'upgrade')) as [unknown, Socket];
    await draining(proxy, at);
    expect(await echoed(socket, 'still here')).toBe('still here');
    expect(proxy.running).toBe(true);
    socket.destroy();
    expect(await proxy.exited).toBe(0);
  });

  acceptanceCase(`a stream that has not ended by the end of the grace period is cut off ${on}`, async () => {
    await using app = await streaming(() => undefined);
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, { ...env, [`${P}SHUTDOWN_GRACE_PERIOD`]: '300ms' });
    using session = http2Session(proxy.outboundAddress(SERVICE));
    const stream = session.request({ ':path': '/', ':authority': 'web' });
    const cut = once(stream, 'close').catch(() => 'cut off');
    await expect.poll(() => proxy.metric('request_total', { direction: 'outbound' }), SOON).toBe(1);
    const started = performance.now();
    proxy.signal('SIGTERM');
    await proxy.exited;
    expect(performance.now() - started).toBeGreaterThan(290);
    await cut;
  });
}

acceptanceCase('POST /shutdown', async () => {
  let answer: (() => void) | undefined;
  await using app = await httpApplication((_message, response) => {
    answer = () => response.end('finished');
  });
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port, { [`${P}SHUTDOWN_ENDPOINT_ENABLED`]: 'true' });
  expect((await get(proxy.adminPort, { path: '/shutdown' })).status).toBe(405);
  const inFlight = get(proxy.outboundAddress(SERVICE));
  await expect.poll(() => answer, SOON).toBeDefined();
  expect((await get(proxy.adminPort, { method: 'POST', path: '/shutdown' })).status).toBe(200);
  expect(proxy.running).toBe(true);
  answer?.();
  expect(await inFlight).toMatchObject({ body: 'finished' });
  expect(await proxy.exited).toBe(0);
});

acceptanceCase('POST /shutdown, not enabled', async () => {
  await using control = await scripted().start();
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4' });
  expect((await get(proxy.adminPort, { method: 'POST', path: '/shutdown' })).status).toBe(404);
  expect((await proxy.admin('/live')).status).toBe(200);
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

function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text, 'latin1');
  return firstBytes(socket);
}

function relaying(control: ControlPlane, port: number, env: Readonly<Record<string, string>>): Promise<ProxyProcess> {
  const connectsTo = { [BYTES]: 'elsewhere:80' };
  return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo, dial: { [BYTES]: `127.0.0.1:${port}` }, env });
}
