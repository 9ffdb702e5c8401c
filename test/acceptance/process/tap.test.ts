// What one observer, or many, may cost the proxy. spec/proxy.md §9.5 (flow); docs/limits.md.

import { connect, type Socket } from 'node:net';
import { parseSocketAddress } from '@weft/core';
import { expect, test, vi } from 'vitest';
import { get, httpApplication } from './applications.ts';
import { controlPlane } from './control-plane.ts';
import { type MeshedPeer, meshedPeer } from './meshed-peer.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { behind } from './scenes.ts';
import { EVERYTHING, type Observing, observe } from './tap-client.ts';

const TAPPED = { LINKERD2_PROXY_TAP_SVC_NAME: 'tap.ns.serviceaccount.identity.linkerd.cluster.local' };
const RESOURCE_EXHAUSTED = 8;

async function observing(proxy: ProxyProcess, tap: MeshedPeer, request = EVERYTHING): Promise<Observing> {
  const observed = await observe(proxy, tap, request);
  if (observed.kind === 'refused') throw new Error(`${observed.code} ${observed.message}`);
  return observed;
}

test('an observer that does not read loses events, and requests go on', async () => {
  await using app = await httpApplication((_message, response) => response.end('hello'));
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  using events = await observing(proxy, tap, { ...EVERYTHING, limit: 10_000, extract: { http: { headers: {} } } });
  events.pause();
  const headers = { 'x-filler': 'x'.repeat(8_000) };
  for (let n = 0; n < 300; n++) expect((await get(proxy.inboundAddress(8080), { headers })).status).toBe(200);
  expect(await proxy.metric('weft_tap_events_dropped_total')).toBeGreaterThan(0);
  events.resume();
  expect(await events.take(400)).toHaveLength(400);
});

test('there are so many observations at once, and one that is left makes room', async () => {
  await using control = await controlPlane().start();
  await using proxy = await behind(control, 1, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  const all = await Promise.all(Array.from({ length: 64 }, () => observing(proxy, tap)));
  expect(await observe(proxy, tap)).toMatchObject({ kind: 'refused', code: RESOURCE_EXHAUSTED });
  all[0]?.cancel();
  await vi.waitFor(async () => expect(await observe(proxy, tap)).toMatchObject({ kind: 'observing' }), { timeout: 5_000, interval: 20 });
  for (const one of all) one[Symbol.dispose]();
});

test('connections that say nothing are closed, and there are so many at once', async () => {
  await using control = await controlPlane().start();
  await using proxy = await behind(control, 1, TAPPED);
  const { ip: host, port } = parseSocketAddress(proxy.tapAddress ?? '') ?? { ip: '', port: 0 };
  const sockets: Socket[] = [];
  for (let n = 0; n < 257; n++) sockets.push(connect({ host, port }).on('error', () => undefined));
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve).resume())));
  await vi.waitFor(async () => {
    expect(await proxy.metric('weft_refusals_total', { direction: 'tap', reason: 'LOAD_SHED' })).toBe(1);
    expect(await proxy.metric('weft_refusals_total', { direction: 'tap', reason: 'DETECT_TIMEOUT' })).toBe(256);
  });
  using tap = await meshedPeer(control, 'tap');
  expect(await observe(proxy, tap)).toMatchObject({ kind: 'observing' });
});

test('an open observation does not hold up the shutdown, and ends with it', async () => {
  await using control = await controlPlane().start();
  await using proxy = await behind(control, 1, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  using events = await observing(proxy, tap);
  proxy.signal('SIGTERM');
  expect(await proxy.exited).toBe(0);
  expect(await events.take()).toEqual([]);
});
