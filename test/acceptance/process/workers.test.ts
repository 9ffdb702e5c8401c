// Several cores: worker threads share the listeners, one set of control-plane clients and one /metrics. spec/proxy.md §1.3 (CORES*), docs/architecture.md.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { certificatesToPem } from '@weft/identity/authority';
import { describe, expect, test, vi } from 'vitest';
import { balanced, clientPolicy, firstOf, httpProtocol, onlyFor, opaqueProtocol, openToAll } from '../proxy/policies.ts';
import { get, getHttp2, http2Application, httpApplication, received, tcpApplication } from './applications.ts';
import { BUNDLE, runProxy } from './launch.ts';
import { meshedPeer } from './meshed-peer.ts';
import { environmentOf, type ProxyProcess, readyProxy } from './proxy-process.ts';
import { alone, NAME, pair, SERVICE, scripted } from './scenes.ts';
import { EVERYTHING, observe } from './tap-client.ts';

const P = 'LINKERD2_PROXY_';
const TWO = { [`${P}CORES`]: '2' };

/** Connections that each worker has carried. */
async function carried(proxy: ProxyProcess): Promise<readonly number[]> {
  return (await proxy.samples('weft_worker_connections_total')).map(({ value }) => value);
}

const SEVERAL = process.platform === 'linux' && availableParallelism() > 1;

describe.runIf(SEVERAL)('on two cores', () => {
  test('connections are spread evenly, and what both workers count is one number', async () => {
    await using app = await httpApplication();
    await using control = await scripted().inbound(8080, openToAll()).start();
    await using both = await pair(control, app.port, TWO, TWO);
    const { client, server } = both;
    const total = 40;
    for (let n = 0; n < total; n++) expect((await get(client.outboundPort(SERVICE))).status).toBe(200);
    const open = await Promise.all(Array.from({ length: 10 }, () => opened(client.outboundPort(SERVICE))));
    await vi.waitFor(async () => expect(sum(await carried(client))).toBe(total + 10), { timeout: 5_000, interval: 20 });
    const before = await carried(client);
    for (const socket of open) socket.destroy();
    expect(before).toHaveLength(2);
    expect(Math.min(...before)).toBeGreaterThanOrEqual(5);
    expect(await client.metric('request_total', { direction: 'outbound' })).toBe(total);
    expect(await client.metric('response_total', { direction: 'outbound', classification: 'success' })).toBe(total);
    expect(await server.metric('request_total', { direction: 'inbound', target_port: '8080' })).toBe(total);
    expect(await server.metric('inbound_http_authz_allow_total', { target_port: '8080' })).toBe(total);
    // One connection of each of the client's workers, so that both of the server's have one.
    expect(await server.metric('response_latency_ms_count', { direction: 'inbound', target_port: '8080' })).toBe(total);
    expect(await carried(server)).toEqual([1, 1]);
  });

  test('explanations show the balancers of the workers, each endpoint once for each', async () => {
    await using app = await httpApplication((_request, response) => {
      response.statusCode = 503;
      response.end();
    });
    const accrual = { kind: 'consecutive', maxFailures: 1, backoff: { minMs: 60_000, maxMs: 60_000, jitter: 0 } } as const;
    const http = httpProtocol({ to: firstOf(balanced(NAME)) });
    const policy = clientPolicy({
      kind: 'detect',
      timeoutMs: 10_000,
      opaque: opaqueProtocol(firstOf(balanced(NAME))),
      http1: { ...http, accrual },
      http2: http,
    });
    await using control = await scripted().outbound(SERVICE, policy).start();
    await using proxy = await alone(control, app.port, { ...TWO, [`${P}OUTBOUND_HTTP_FAILFAST_TIMEOUT`]: '300ms' });
    const sockets = await Promise.all(Array.from({ length: 10 }, () => opened(proxy.outboundPort(SERVICE))));
    await vi.waitFor(async () => expect(Math.min(...(await carried(proxy)))).toBeGreaterThan(0), { timeout: 5_000, interval: 20 });
    expect(await Promise.all(sockets.map(statusOver))).toContain(503);
    const { body } = await proxy.admin(`/explain?direction=outbound&target=${SERVICE}`);
    for (const socket of sockets) socket.destroy();
    const { backends } = JSON.parse(body) as { readonly backends: readonly unknown[] };
    const shut = { address: '10.42.0.9:8080', state: 'shut', lastError: { code: 'EJECTED_CONSECUTIVE_FAILURES' } };
    expect(backends).toMatchObject([
      {
        balancer: {
          name: NAME,
          workers: [{ worker: 0 }, { worker: 1 }],
          endpoints: [
            { worker: 0, ...shut },
            { worker: 1, ...shut },
          ],
        },
      },
    ]);
  });

  test('a log level that is changed holds in every worker', async () => {
    await using app = await httpApplication();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, { ...TWO, [`${P}LOG`]: 'warn,linkerd=info' });
    const found = (worker: number): number => proxy.logs.filter((line) => line.message === 'protocol found' && line['worker'] === worker).length;
    const toEach = async (): Promise<void> => {
      const sockets = await Promise.all(Array.from({ length: 4 }, () => opened(proxy.outboundPort(SERVICE))));
      expect(await Promise.all(sockets.map(statusOver))).toEqual([200, 200, 200, 200]);
      for (const socket of sockets) socket.destroy();
    };
    await toEach();
    expect([found(0), found(1)]).toEqual([0, 0]);
    expect((await get(proxy.adminPort, { method: 'PUT', path: '/proxy-log-level', body: 'warn,linkerd=debug' })).status).toBe(204);
    // It is on its way to the workers before any later scrape is.
    await proxy.metric('process_threads');
    await toEach();
    await expect.poll(() => [found(0), found(1)]).toEqual([2, 2]);
  });

  test('four connections that come at once are two for each worker, however the kernel deals them', async () => {
    await using app = await http2Application();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, TWO);
    for (let round = 1; round <= 5; round++) {
      const sessions = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const session = connectHttp2(`http://127.0.0.1:${proxy.outboundPort(SERVICE)}`);
          await getHttp2(session, { ':path': '/x', ':authority': 'web' });
          return session;
        }),
      );
      expect(await carried(proxy)).toEqual([2 * round, 2 * round]);
      for (const session of sessions) session.destroy();
      await vi.waitFor(async () => expect(await proxy.metric('tcp_open_connections', { peer: 'src', direction: 'outbound' })).toBe(0), { timeout: 5_000 });
    }
  });

  test('a policy that changes is in force in both workers', async () => {
    await using app = await httpApplication();
    await using control = await scripted().inbound(8080, openToAll()).start();
    await using both = await pair(control, app.port, {}, TWO);
    const { client, server } = both;
    const [host = '', port = ''] = server.inboundAddress(8080).split(':');
    // Two connections, one for each worker, that stay.
    const ca = certificatesToPem(control.authority.anchors);
    const direct = await Promise.all([0, 1].map(() => secured(host, Number(port), server.identity, ca)));
    const ask = (): Promise<readonly number[]> => Promise.all(direct.map(statusOver));
    expect(await ask()).toEqual([200, 200]);
    expect(await carried(server)).toEqual([1, 1]);
    control.inboundOf(8080).set(onlyFor(client.identity));
    await vi.waitFor(async () => expect(await ask()).toEqual([403, 403]), { timeout: 5_000, interval: 20 });
    control.inboundOf(8080).set(openToAll());
    await vi.waitFor(async () => expect(await ask()).toEqual([200, 200]), { timeout: 5_000, interval: 20 });
    for (const socket of direct) socket.destroy();
    // One set of clients: each port is watched once, whatever the number of workers.
    expect(control.requests.filter((request) => request === 'WatchPort 8080')).toHaveLength(1);
  });

  test('a rate limit is one for both workers', async () => {
    await using app = await httpApplication();
    await using control = await scripted().inbound(8080, openToAll()).start();
    await using both = await pair(control, app.port, {}, TWO);
    const { server } = both;
    const [host = '', port = ''] = server.inboundAddress(8080).split(':');
    const ca = certificatesToPem(control.authority.anchors);
    const direct = await Promise.all([0, 1].map(() => secured(host, Number(port), server.identity, ca)));
    expect(await Promise.all(direct.map(statusOver))).toEqual([200, 200]);
    expect(await carried(server)).toEqual([1, 1]);
    const open = openToAll();
    if (open.protocol.kind !== 'detect') throw new TypeError('not detected');
    control.inboundOf(8080).set({ ...open, protocol: { ...open.protocol, rateLimit: { totalRps: 1, overrides: [] } } });
    // Once it is in force, whoever comes first takes all there is.
    await vi.waitFor(async () => expect(new Set(await Promise.all(direct.map(statusOver)))).toEqual(new Set([200, 429])), { timeout: 10_000, interval: 400 });
    expect(await statusOver(direct[0] as (typeof direct)[number])).toBe(429);
    expect(await statusOver(direct[1] as (typeof direct)[number])).toBe(429);
    for (const socket of direct) socket.destroy();
  });

  test('an observer hears of the requests in both workers, and of as many as it asked for', async () => {
    await using app = await httpApplication();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, { ...TWO, [`${P}TAP_SVC_NAME`]: 'tap.ns.serviceaccount.identity.linkerd.cluster.local' });
    using tap = await meshedPeer(control, 'tap');
    const events = await observe(proxy, tap, { ...EVERYTHING, limit: 6 });
    if (events.kind === 'refused') throw new Error(events.message);
    // It is on its way to the workers before any later scrape is.
    await proxy.metric('process_threads');
    const sockets = await Promise.all(Array.from({ length: 4 }, () => opened(proxy.outboundPort(SERVICE))));
    for (const _ of [1, 2]) expect(await Promise.all(sockets.map(statusOver))).toEqual([200, 200, 200, 200]);
    expect(await carried(proxy)).toEqual([2, 2]);
    const told = await events.take();
    const streams = told.map(({ http }) => (http?.requestInit ?? http?.responseInit ?? http?.responseEnd)?.id?.stream?.toNumber());
    expect(streams.toSorted((a = 0, b = 0) => a - b)).toEqual([0, 1, 2, 3, 4, 5].flatMap((stream) => [stream, stream, stream]));
    expect(new Set(told.filter(({ http }) => http?.requestInit).map(({ source }) => source?.port))).toHaveProperty('size', 4);
    for (const socket of sockets) socket.destroy();
    events[Symbol.dispose]();
  });

  test('a renewed certificate is shown by both workers', async () => {
    await using app = await httpApplication();
    await using control = await scripted().inbound(8080, openToAll()).start();
    const often = { [`${P}IDENTITY_MIN_REFRESH`]: '300ms', [`${P}IDENTITY_MAX_REFRESH`]: '300ms' };
    await using server = await readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port }, env: { ...TWO, ...often } });
    const [host = '', port = ''] = server.inboundAddress(8080).split(':');
    const ca = certificatesToPem(control.authority.anchors);
    const shown = async (): Promise<readonly string[]> => {
      const sockets = await Promise.all([0, 1].map(() => secured(host, Number(port), server.identity, ca)));
      const serials = sockets.map((socket) => socket.getPeerX509Certificate()?.serialNumber ?? '');
      for (const socket of sockets) socket.destroy();
      await vi.waitFor(async () => expect(await server.metric('tcp_open_connections', { target_port: '8080' })).toBe(0), { timeout: 5_000 });
      return serials;
    };
    const first = await shown();
    const [a = 0, b = 0] = await carried(server);
    expect(a).toBe(b);
    await vi.waitFor(
      async () => {
        const later = await shown();
        expect(later.some((serial) => first.includes(serial))).toBe(false);
      },
      { timeout: 5_000, interval: 50 },
    );
  });

  test('a drain waits for the connections of both workers', async () => {
    const asked: (() => void)[] = [];
    await using app = await httpApplication((_message, response) => void asked.push(() => response.end('finished')));
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, TWO);
    const inFlight = [get(proxy.outboundPort(SERVICE)), get(proxy.outboundPort(SERVICE))];
    await vi.waitFor(() => expect(asked).toHaveLength(2), { timeout: 5_000, interval: 10 });
    expect(await carried(proxy)).toEqual([1, 1]);
    proxy.signal('SIGTERM');
    const stopped = () => proxy.logs.filter(({ message }) => message === 'a worker thread stops accepting');
    await vi.waitFor(() => expect(stopped()).toHaveLength(2), { timeout: 5_000, interval: 10 });
    await expect(get(proxy.outboundPort(SERVICE))).rejects.toThrow('ECONNREFUSED');
    const [first, second] = asked;
    first?.();
    expect(await Promise.race(inFlight)).toMatchObject({ status: 200, body: 'finished' });
    // The admin listener still answers, and the worker that has ended is still counted.
    expect(await proxy.metric('request_total', { direction: 'outbound' })).toBe(2);
    second?.();
    expect(await Promise.all(inFlight)).toMatchObject([{ body: 'finished' }, { body: 'finished' }]);
    expect(await proxy.exited).toBe(0);
  });

  test('the grace period ends the connections of both workers', async () => {
    await using app = await tcpApplication(() => undefined);
    await using control = await scripted().start();
    const dial = { '10.99.0.1:80': `127.0.0.1:${app.port}` };
    const env = { ...TWO, [`${P}SHUTDOWN_GRACE_PERIOD`]: '200ms' };
    await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { '10.99.0.1:80': 'elsewhere:80' }, dial, env });
    const sockets = await Promise.all([0, 1].map(() => opened(proxy.outboundPort('10.99.0.1:80'))));
    for (const socket of sockets) socket.write('\x01 bytes');
    await vi.waitFor(async () => expect(await carried(proxy)).toEqual([1, 1]), { timeout: 5_000, interval: 10 });
    const ended = sockets.map((socket) => received(socket).catch(() => 'cut off'));
    proxy.signal('SIGTERM');
    expect(await proxy.exited).toBe(0);
    await Promise.all(ended);
  });

  test('a limit of requests in flight holds for both workers together', async () => {
    const asked: (() => void)[] = [];
    await using app = await httpApplication((_message, response) => void asked.push(() => response.end('finished')));
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, { ...TWO, [`${P}OUTBOUND_MAX_IN_FLIGHT`]: '3' });
    const waiting = Array.from({ length: 3 }, () => get(proxy.outboundPort(SERVICE)));
    await vi.waitFor(() => expect(asked).toHaveLength(3), { timeout: 5_000, interval: 10 });
    for (let n = 0; n < 4; n++) expect((await get(proxy.outboundPort(SERVICE))).status).toBe(503);
    expect(Math.min(...(await carried(proxy)))).toBeGreaterThan(0);
    for (const answer of asked) answer();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200]);
    const again = get(proxy.outboundPort(SERVICE));
    await vi.waitFor(() => expect(asked).toHaveLength(4), { timeout: 5_000, interval: 10 });
    asked[3]?.();
    expect((await again).status).toBe(200);
  });

  test('a port that is taken is a failure to start', async () => {
    await using taken = await tcpApplication(() => undefined);
    await using control = await scripted().start();
    const dir = mkdtempSync(join(tmpdir(), 'weft-proxy-taken-'));
    try {
      const { code, stderr } = await runProxy([], {
        ...environmentOf({ control, identity: 'a.ns.serviceaccount.identity.linkerd.cluster.local', ip: '127.0.0.1', dir }),
        ...TWO,
        WEFT_PROXY_ORIGINAL_DST: 'proxy-protocol',
        [`${P}ADMIN_LISTEN_ADDR`]: '127.0.0.1:0',
        [`${P}OUTBOUND_LISTEN_ADDR`]: '127.0.0.1:0',
        [`${P}INBOUND_LISTEN_ADDR`]: `127.0.0.1:${taken.port}`,
      });
      expect(code).toBe(1);
      expect(stderr).toContain('EADDRINUSE');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  test('a worker that throws ends the process with 1, and is named in the log', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'weft-proxy-bundle-'));
    try {
      cpSync(join(BUNDLE, '..'), dir, { recursive: true });
      // The real worker, with a defect that shows at the first connection to its process.
      const worker = join(dir, 'weft-proxy-worker.mjs');
      cpSync(worker, join(dir, 'real-worker.mjs'));
      writeFileSync(
        worker,
        `import { Server } from 'node:net'; import './real-worker.mjs';
         const { emit } = Server.prototype;
         Server.prototype.emit = function (event, ...args) { if (event === 'connection') throw new Error('a defect'); return emit.call(this, event, ...args); };`,
      );
      await using app = await httpApplication();
      await using control = await scripted().start();
      await using proxy = await alone(control, app.port, TWO, { binary: join(dir, 'weft-proxy.mjs') });
      await expect(get(proxy.outboundPort(SERVICE))).rejects.toThrow(/socket hang up|ECONNRESET/);
      expect(await proxy.exited).toBe(1);
      const line = await proxy.log(/^A worker thread has failed$/);
      expect(String(line['error'])).toContain('a defect');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

test('there are no more workers than processors, and none beside the main thread where one is enough', async () => {
  await using control = await scripted().start();
  await using one = await readyProxy({ control, name: 'one', ip: '10.42.0.4', env: { [`${P}CORES_MIN`]: '1' } });
  expect(await carried(one)).toEqual([]);
  await using many = await readyProxy({ control, name: 'many', ip: '10.42.0.5', env: { [`${P}CORES_MIN`]: '64' } });
  const cores = availableParallelism();
  expect(await carried(many)).toHaveLength(process.platform === 'linux' && cores > 1 ? cores : 0);
});

test.runIf(SEVERAL)('where listeners cannot be shared one thread does the work, and the log says why', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-proxy-bundle-'));
  try {
    cpSync(join(BUNDLE, '..'), dir, { recursive: true, filter: (path) => !path.endsWith('node_modules') });
    await using app = await httpApplication();
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port, TWO, { binary: join(dir, 'weft-proxy.mjs') });
    expect((await proxy.log(/^One thread does the work of all workers$/))['why']).toContain('koffi is not installed');
    expect((await get(proxy.outboundPort(SERVICE))).status).toBe(200);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

/** As the address book's dialer shows another pod: clients on the machine itself are always admitted. */
const ELSEWHERE = { localAddress: '127.42.0.4' };

function secured(host: string, port: number, servername: string, ca: string): Promise<ReturnType<typeof connectTls>> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ ...ELSEWHERE, host, port, servername, ca }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** One request on a connection that stays open. */
function statusOver(socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(new Error('closed'));
    socket.once('close', onClose);
    socket.once('data', (bytes: Buffer) => {
      socket.off('close', onClose);
      resolve(Number(bytes.toString('latin1').split(' ')[1]));
    });
    socket.write('GET / HTTP/1.1\r\nhost: web\r\n\r\n');
  });
}
