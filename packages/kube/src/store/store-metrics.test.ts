import { createRegistry, manualClock } from '@weft/core';
import { afterEach, expect, test } from 'vitest';
import { type ConfigMap, configMapKind, kubeClient, type ResourceStore, resourceStore } from '../index.ts';
import { testServer } from '../server/test-server.ts';
import { faultFront } from './fault-front.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function until(store: ResourceStore<ConfigMap>, check: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const done = store.subscribe(() => {
      if (check()) queueMicrotask(() => (done(), resolve()));
    });
  });
}

test('the lag of updates is measured from their field ownership, which is not kept', async () => {
  const server = await testServer({ listen: {} });
  closers.push(() => server.close());
  const front = await faultFront(server.api.port);
  closers.push(() => front.close());
  const owned = (text: string, time: string): string => {
    const entries = JSON.stringify([
      { manager: 'm', time: '2026-01-01T00:00:00Z' },
      { manager: 'n', time },
    ]);
    return text
      .replaceAll('"metadata":{"name"', `"metadata":{"managedFields":${entries},"name"`)
      .replaceAll('"metadata":{"namespace"', `"metadata":{"managedFields":${entries},"namespace"`);
  };
  front.page = (text) => owned(text, '2026-01-01T00:00:01Z');
  let time = '';
  front.line = (line) => ({ text: owned(line, time) });
  const registry = createRegistry();
  const clock = manualClock({ wall: Date.parse('2026-01-01T00:01:00Z') });
  const client = kubeClient({ server: front.url, registry });
  closers.push(() => client.close());
  const ref = { namespace: 'default', name: 'a' };
  await server.client.create(configMapKind, { metadata: { ...ref, labels: { own: 'yes' } }, data: { v: '0' } });
  const store = resourceStore(client, configMapKind, { namespace: 'default', labelSelector: 'own=yes', clock, cluster: 'east' });
  closers.push(() => store.close());
  await store.synced;
  expect(store.list()[0]?.metadata).not.toHaveProperty('managedFields');
  for (const [v, written] of [
    ['1', '2026-01-01T00:00:56Z'],
    ['2', '2026-01-01T00:00:56Z'],
    ['3', '2026-01-01T00:00:59Z'],
  ] as const) {
    time = written;
    const seen = until(store, () => store.get('default', 'a')?.data?.v === v);
    await server.client.patch(configMapKind, ref, { kind: 'merge', value: { data: { v } } });
    await seen;
  }
  expect(store.get('default', 'a')?.metadata).not.toHaveProperty('managedFields');
  const text = registry.render();
  // 4 s and 1 s; what nobody wrote anew is not measured again.
  for (const line of ['_bucket{le="0.5"} 0', '_bucket{le="1"} 1', '_bucket{le="5"} 2', '_sum 5', '_count 2'])
    expect(text).toContain(`configmaps_informer_lag_seconds${line}\n`);
  expect(text).toContain('configmap_cache_size{cluster="east"} 1\n');
});
