// Calls against a server that is full, away, slow or wordy.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createRegistry, manualClock, seeded } from '@weft/core';
import { afterEach, expect, test } from 'vitest';
import { configMapKind, endpointSliceKind, type KubeClientOptions, type KubeError, kubeClient, namespaceKind } from '../index.ts';
import { retryAfterMs } from './retry-after.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(answer: http.RequestListener, options: Partial<KubeClientOptions> = {}) {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => (server.closeAllConnections(), server.close()));
  const client = kubeClient({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...options });
  closers.push(() => client.close());
  return client;
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const object = JSON.stringify({ metadata: { name: 'a' } });

test('waits as long as Retry-After asks, spread, and sends the call again', async () => {
  const clock = manualClock();
  const waits: number[] = [];
  const recorded = {
    ...clock,
    after: (ms: number, fn: () => void) => (ms < 10_000 ? (waits.push(ms), queueMicrotask(fn)) : undefined, { cancel: () => undefined }),
  };
  const seen: string[] = [];
  const client = await serve(
    (request, response) => {
      seen.push(request.method ?? '');
      request.resume();
      const [code, wait] = [[429, '2'] as const, [503, '3'] as const][seen.length - 1] ?? [201, undefined];
      response.writeHead(code, wait === undefined ? {} : { 'retry-after': wait }).end(code === 201 ? object : 'full');
    },
    { clock: recorded, random: { next: () => 0.5 } },
  );
  expect((await client.create(namespaceKind, { metadata: { name: 'a' } })).metadata.name).toBe('a');
  expect(seen).toEqual(['POST', 'POST', 'POST']);
  expect(waits).toEqual([2075, 3150]);
});

test.each([
  [429, undefined, 'TOO_MANY_REQUESTS', 1],
  [500, undefined, 'SERVER_ERROR', 1],
  [429, '31', 'TOO_MANY_REQUESTS', 1],
  [409, '0', 'CONFLICT', 1],
  [429, '0', 'TOO_MANY_REQUESTS', 3],
])('gives %i with Retry-After %s to the caller as %s after %i requests', async (status, wait, code, count) => {
  let seen = 0;
  const client = await serve(
    (_request, response) => {
      seen++;
      response.writeHead(status, wait === undefined ? {} : { 'retry-after': wait }).end('no');
    },
    { random: { next: () => 0 } },
  );
  const error = await client.get(namespaceKind, { name: 'a' }, { retries: 2 }).catch((thrown: unknown) => thrown as KubeError);
  expect(error).toMatchObject({ code, ...(wait === undefined ? {} : { retryAfterMs: Number(wait) * 1000 }) });
  expect(seen).toBe(count);
});

test('reads Retry-After as seconds and as a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  expect(
    ['5', ' 5 ', 'Thu, 01 Jan 2026 00:00:07 GMT', 'Wed, 31 Dec 2025 00:00:00 GMT', 'soon', '-1', '999999999'].map((text) => retryAfterMs(text, now)),
  ).toEqual([5000, 5000, 7000, 0, undefined, expect.anything(), 86_400_000]);
});

test('gives up a connection that is not made, and an answer that stalls', async () => {
  const clock = manualClock();
  let stalled: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (stalled = resolve));
  const slow = await serve(
    (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"metadata"', () => stalled());
    },
    { clock, requestTimeoutMs: 5000 },
  );
  const asked = failureOf(slow.get(namespaceKind, { name: 'a' }));
  await reached;
  let settled = false;
  void asked.finally(() => (settled = true));
  while (!settled) {
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await asked).toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('stalled for 5000 ms') });

  const never = kubeClient({ server: 'http://10.0.0.1', clock, dial: () => new Promise<Socket>(() => undefined) });
  closers.push(() => never.close());
  const dialled = failureOf(never.get(namespaceKind, { name: 'a' }));
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(10_000);
  expect(await dialled).toMatchObject({ message: expect.stringContaining('no connection within 10000 ms') });
});

test('takes another connection where a kept one was closed meanwhile', async () => {
  const sockets = new Set<Socket>();
  let seen = 0;
  const client = await serve((request, response) => {
    sockets.add(request.socket);
    // Taken and then closed without an answer, as by a server that is just giving up its idle connections.
    if (++seen === 2) request.socket.destroy();
    else response.end(object);
  });
  await client.get(namespaceKind, { name: 'a' });
  await new Promise((resolve) => setImmediate(resolve));
  expect((await client.get(namespaceKind, { name: 'a' }))?.metadata.name).toBe('a');
  expect([seen, sockets.size]).toEqual([3, 2]);
});

test('lists whole where the server has forgotten how to go on', async () => {
  const paths: string[] = [];
  const item = (name: string): object => ({ metadata: { name, namespace: 'n' } });
  const client = await serve((request, response) => {
    paths.push(request.url ?? '');
    if (request.url?.includes('continue=')) response.writeHead(410).end(JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired' }));
    else if (request.url?.includes('limit=')) response.end(JSON.stringify({ items: [item('a')], metadata: { resourceVersion: '5', continue: 'next' } }));
    else response.end(JSON.stringify({ items: [item('a'), item('b')], metadata: { resourceVersion: '7' } }));
  });
  const list = await client.list(configMapKind, { pageSize: 1, resourceVersion: '0' });
  expect([list.items.map(({ metadata }) => metadata.name), list.resourceVersion]).toEqual([['a', 'b'], '7']);
  expect(paths.map((path) => path.split('?')[1])).toEqual(['limit=1&resourceVersion=0', 'limit=1&continue=next', 'resourceVersion=0']);
});

test('reads the objects of a list while it arrives, and keeps what it is told to', async () => {
  let rest: () => void = () => undefined;
  const client = await serve((_request, response) => {
    response.write('{"items":[{"metadata":{"name":"a"},"data":{"big":"x"}},');
    rest = () => response.end('{"metadata":{"name":"b"},"data":{"big":"y"}}],"metadata":{"resourceVersion":"1"}}');
  });
  const seen: string[] = [];
  const { items } = await client.list(configMapKind, {
    keep({ apiVersion, kind, metadata }) {
      seen.push(metadata.name);
      if (seen.length === 1) rest();
      return { apiVersion, kind, metadata };
    },
  });
  expect(seen).toEqual(['a', 'b']);
  expect(items.every((item) => !('data' in item))).toBe(true);
});

test('reads an empty list that Go wrote as null as a list, and leaves other nulls as they are', async () => {
  const slice = { metadata: { name: 's', namespace: 'n' }, addressType: 'IPv4', endpoints: null, ports: null };
  const client = await serve((request, response) => {
    const isWatch = request.url?.includes('watch=') === true;
    response.end(`${JSON.stringify(isWatch ? { type: 'ADDED', object: slice } : { items: [slice], metadata: { resourceVersion: '1' } })}\n`);
  });
  const { items } = await client.list(endpointSliceKind);
  expect(items).toEqual([{ ...slice, kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1', endpoints: [] }]);
  for await (const event of client.watch(endpointSliceKind)) expect(event).toMatchObject({ type: 'ADDED', object: { endpoints: [] } });
  expect.assertions(2);
});

test('counts its requests under the names of Linkerd', async () => {
  const registry = createRegistry();
  const client = await serve((_request, response) => response.writeHead(404).end('{}'), { registry, rate: { qps: 100, burst: 200 }, random: seeded(1) });
  await client.get(namespaceKind, { name: 'a' });
  const away = kubeClient({ server: 'http://127.0.0.1:1', registry, name: 'remote' });
  closers.push(() => away.close());
  await away.get(namespaceKind, { name: 'a' }).catch(() => undefined);
  const text = registry.render();
  for (const line of [
    'http_client_requests_total{client="k8s",code="404",method="get"} 1',
    'http_client_request_latency_seconds_count{client="k8s",code="404",method="get"} 1',
    'http_client_errors_total{client="k8s"} 0',
    'http_client_errors_total{client="remote"} 1',
    'http_client_in_flight_requests{client="remote"} 0',
    'http_client_qps{client="k8s"} 100',
    'http_client_burst{client="k8s"} 200',
  ])
    expect(text).toContain(`${line}\n`);
});
