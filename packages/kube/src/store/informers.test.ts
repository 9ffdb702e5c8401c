import { createRegistry } from '@weft/core';
import { afterEach, expect, test } from 'vitest';
import { configMapKind, informers, type KubeClient, metadataOf, namespaceKind, resourceStore } from '../index.ts';
import { type TestServer, testServer } from '../server/test-server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(): Promise<TestServer & { readonly watches: string[]; readonly counting: KubeClient }> {
  const server = await testServer();
  closers.push(() => server.close());
  const watches: string[] = [];
  const { client } = server;
  const counting: KubeClient = {
    ...client,
    watch(kind, options) {
      watches.push(`${kind.plural}${kind.metadataOnly ? ' metadata' : ''}`);
      return client.watch(kind, options);
    },
  };
  return { ...server, watches, counting };
}

test('one watch serves everybody who asks for a kind, until the last share is closed', async () => {
  const { counting, watches, client } = await open();
  const set = informers(counting);
  closers.push(() => set.close());
  const [a, b, other] = [set.store(configMapKind), set.store(configMapKind), set.store(configMapKind, { namespace: 'default' })];
  const names = set.store(metadataOf(configMapKind));
  expect(set.isSynced).toBe(false);
  await set.synced;
  await new Promise((resolve) => setImmediate(resolve));
  expect([set.isSynced, set.isStale]).toEqual([true, false]);
  expect(watches.sort()).toEqual(['configmaps', 'configmaps', 'configmaps metadata']);
  expect(a.list()).toBe(b.list());
  expect(a.get('default', 'kube-root-ca.crt')).toHaveProperty('data');
  expect(names.get('default', 'kube-root-ca.crt')).not.toHaveProperty('data');

  let heard = 0;
  a.subscribe(() => heard++);
  const before = heard;
  a.close();
  a.close();
  const seen = new Promise<void>((resolve) => void b.subscribe((event) => event.kind === 'added' && event.object.metadata.name === 'new' && resolve()));
  await client.create(configMapKind, { metadata: { namespace: 'default', name: 'new' } });
  await seen;
  expect(heard).toBe(before);
  b.close();
  other.close();
  const again = set.store(configMapKind);
  await again.synced;
  // The watch follows its list in the same turn.
  await new Promise((resolve) => setImmediate(resolve));
  expect(watches.filter((plural) => plural === 'configmaps')).toHaveLength(3);
  set.close();
  expect(() => set.store(configMapKind)).toThrow('closed');
});

test('a kind of metadata is read so from get, list and watch, also where the server gives whole objects', async () => {
  const { client } = await open();
  const kind = metadataOf(configMapKind);
  const ref = { namespace: 'default', name: 'm' };
  await client.create(configMapKind, { metadata: { ...ref, labels: { a: 'b' } }, data: { big: 'x' } });
  const found = await client.get(kind, ref);
  expect(found).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { labels: { a: 'b' } } });
  expect(found).not.toHaveProperty('data');
  expect((await client.list(kind, { labelSelector: 'a=b' })).items).toEqual([found]);
  for await (const event of client.watch(kind, { labelSelector: 'a=b' })) {
    expect(event).toMatchObject({ type: 'ADDED', object: found });
    break;
  }
});

test('sizes and staleness are told; a closed store leaves nothing behind', async () => {
  const { client } = await open();
  const registry = createRegistry();
  const all = resourceStore(client, configMapKind, { registry, namespace: 'default' });
  const names = resourceStore(client, namespaceKind, { registry });
  closers.push(() => names.close());
  expect(registry.render()).toContain('weft_kube_stale_stores{kind="configmap",cluster="local"} 1\n');
  await Promise.all([all.synced, names.synced]);
  const text = registry.render();
  expect(text).toContain(`configmap_cache_size{cluster="local"} ${all.list().length}\n`);
  expect(text).toContain('weft_kube_stale_stores{kind="configmap",cluster="local"} 0\n');
  all.close();
  expect(registry.render()).toContain('configmap_cache_size{cluster="local"} 0\n');
  expect(registry.render()).toContain(`namespace_cache_size{cluster="local"} ${names.list().length}\n`);
});
