import { once } from 'node:events';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { createRegistry, parseExposition } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { type AdminOptions, acceptsGzip, startAdmin } from './admin.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const admin of open.splice(0)) await admin.close();
});
const start = async (options: Partial<AdminOptions> = {}): Promise<string> => {
  const admin = await startAdmin({ listen: { host: '127.0.0.1', port: 0 }, registry: createRegistry(), ...options });
  open.push(admin);
  return `http://${admin.address.ip}:${admin.address.port}`;
};
const get = async (url: string): Promise<[number, string]> => {
  const response = await fetch(url);
  return [response.status, await response.text()];
};

test('answers as a controller does', async () => {
  let ready = false;
  const base = await start({ ready: () => ready });
  expect([await get(`${base}/live`), await get(`${base}/ping?x`), await get(`${base}/ready`), await get(`${base}/nope`), await get(`${base}/`)]).toEqual([
    [200, 'live\n'],
    [200, 'pong\n'],
    [500, 'not ready\n'],
    [404, 'not found\n'],
    [404, 'not found\n'],
  ]);
  ready = true;
  expect(await get(`${base}/ready`)).toEqual([200, 'ok\n']);
});

test('answers as the proxy does', async () => {
  let ready = false;
  const base = await start({ style: 'proxy', ready: () => ready, routes: { '/shutdown': (request, response) => void response.end(request.method) } });
  expect([await get(`${base}/ready`), await get(`${base}/ping`), await get(`${base}/shutdown?a`)]).toEqual([
    [503, 'not ready\n'],
    [404, 'not found\n'],
    [200, 'GET'],
  ]);
  ready = true;
  expect(await get(`${base}/ready`)).toEqual([200, 'ready\n']);
});

describe('/metrics', () => {
  test('shows the registry and the process in one well-formed exposition', async () => {
    const registry = createRegistry();
    registry.counter('request_total', 'R.').with({ a: 'b' }).inc(3);
    const base = await start({ registry });
    const response = await fetch(`${base}/metrics`, { headers: { 'accept-encoding': 'identity' } });
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const samples = parseExposition(await response.text());
    const valueOf = (name: string): number => samples.find((sample) => sample.name === name)?.value ?? Number.NaN;
    expect(valueOf('request_total')).toBe(3);
    for (const name of ['process_resident_memory_bytes', 'process_start_time_seconds', 'process_uptime_seconds_total', 'process_threads', 'process_open_fds']) {
      expect([name, valueOf(name) > 0]).toEqual([name, true]);
    }
  });

  test('is compressed when that is accepted', async () => {
    const registry = createRegistry();
    registry.counter('request_total', 'R.').with().inc();
    const base = await start({ registry, processMetrics: false });
    const { hostname, port } = new URL(base);
    const socket = connect(Number(port), hostname);
    socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\naccept-encoding: br, gzip\r\nconnection: close\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const all = Buffer.concat(chunks);
    const split = all.indexOf('\r\n\r\n');
    expect(all.subarray(0, split).toString()).toContain('content-encoding: gzip');
    expect(gunzipSync(all.subarray(split + 4)).toString()).toContain('request_total 1\n');
    expect([acceptsGzip('gzip;q=0'), acceptsGzip('gzip; q=0.5'), acceptsGzip('x-gzip'), acceptsGzip(undefined)]).toEqual([false, true, false, false]);
  });

  test('drops idle series at a scrape', async () => {
    const registry = createRegistry();
    registry.counter('a_total', 'A.', { evictable: true }).with().inc();
    const base = await start({ registry, processMetrics: false, retainIdleMs: 0 });
    expect((await get(`${base}/metrics`))[1]).toContain('a_total 1');
    expect((await get(`${base}/metrics`))[1]).toBe('');
  });
});

test('cuts off a client that does not finish its head', async () => {
  const base = await start({ headerTimeoutMs: 100 });
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  socket.write('GET /live HTT');
  socket.resume();
  await once(socket, 'close');
  expect(socket.destroyed).toBe(true);
});

test('rejects when the address is taken', async () => {
  const base = await start();
  await expect(startAdmin({ listen: { host: '127.0.0.1', port: Number(new URL(base).port) }, registry: createRegistry() })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
