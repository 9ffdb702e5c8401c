import { afterEach, expect, test } from 'vitest';
import {
  configMapKind,
  type KubeClient,
  type KubeObject,
  namespaceKind,
  type ObjectMeta,
  podKind,
  type ResourceKind,
  serviceAccountKind,
} from '../../index.ts';
import { type TestServer, testServer } from '../test-server.ts';

let server: TestServer | undefined;
afterEach(() => server?.close());

/** Follows one object until the check holds; undefined stands for its deletion. */
async function until<T extends KubeObject>(
  client: KubeClient,
  kind: ResourceKind<T>,
  ref: { namespace?: string; name: string },
  check: (object: T | undefined) => boolean,
): Promise<void> {
  const { items, resourceVersion } = await client.list(kind, {
    ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
    fieldSelector: `metadata.name=${ref.name}`,
  });
  if (check(items[0])) return;
  const options = { ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }), fieldSelector: `metadata.name=${ref.name}`, resourceVersion };
  for await (const event of client.watch(kind, options)) {
    if (event.type !== 'BOOKMARK' && check(event.type === 'DELETED' ? undefined : event.object)) return;
  }
}

const make = (client: KubeClient, name: string, metadata: Partial<ObjectMeta> = {}) =>
  client.create(configMapKind, { metadata: { namespace: 'default', name, ...metadata } });
const ownedBy = (owner: KubeObject, more: object = {}): Pick<ObjectMeta, 'ownerReferences'> => ({
  ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: owner.metadata.name, uid: owner.metadata.uid ?? '', ...more }],
});
const ref = (name: string) => ({ namespace: 'default', name });
const gone = (object: unknown): boolean => object === undefined;

test('dependents go with the last of their owners, through generations', async () => {
  server = await testServer();
  const { client } = server;
  const a = await make(client, 'a');
  const b = await make(client, 'b');
  const child = await make(client, 'child', { ownerReferences: [...(ownedBy(a).ownerReferences ?? []), ...(ownedBy(b).ownerReferences ?? [])] });
  await make(client, 'grandchild', ownedBy(child));
  await client.delete(configMapKind, ref('a'));
  await until(client, configMapKind, ref('child'), (object) => object?.metadata.ownerReferences?.length === 1);
  await client.delete(configMapKind, ref('b'));
  await until(client, configMapKind, ref('child'), gone);
  await until(client, configMapKind, ref('grandchild'), gone);
  expect((await client.list(configMapKind, { namespace: 'default' })).items.map((item) => item.metadata.name)).toEqual(['kube-root-ca.crt']);
});

test('an object that names an owner that is not there goes too', async () => {
  server = await testServer();
  const { client } = server;
  await make(client, 'orphan', { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'ghost', uid: 'none' }] });
  await until(client, configMapKind, ref('orphan'), gone);
  expect(await client.get(configMapKind, ref('orphan'))).toBeUndefined();
});

test('orphans are let go, and foreground deletion waits for its dependents', async () => {
  server = await testServer();
  const { client } = server;
  const left = await make(client, 'left');
  await make(client, 'kept', ownedBy(left));
  await client.delete(configMapKind, ref('left'), { propagationPolicy: 'Orphan' });
  await until(client, configMapKind, ref('left'), gone);
  expect((await client.get(configMapKind, ref('kept')))?.metadata.ownerReferences).toBeUndefined();

  const owner = await make(client, 'owner');
  await make(client, 'blocking', { ...ownedBy(owner, { blockOwnerDeletion: true }), finalizers: ['example.com/hold'] });
  await client.delete(configMapKind, ref('owner'), { propagationPolicy: 'Foreground' });
  await until(client, configMapKind, ref('blocking'), (object) => object?.metadata.deletionTimestamp !== undefined);
  expect((await client.get(configMapKind, ref('owner')))?.metadata.finalizers).toEqual(['foregroundDeletion']);
  await client.patch(configMapKind, ref('blocking'), { kind: 'merge', value: { metadata: { finalizers: null } } });
  await until(client, configMapKind, ref('owner'), gone);
});

test('finalizers hold an object until they are taken off', async () => {
  server = await testServer();
  const { client } = server;
  await make(client, 'held', { finalizers: ['example.com/hold'] });
  expect(await client.delete(configMapKind, ref('held'))).toBe(true);
  expect((await client.get(configMapKind, ref('held')))?.metadata.deletionTimestamp).toBeDefined();
  await client.patch(configMapKind, ref('held'), { kind: 'json', operations: [{ op: 'remove', path: '/metadata/finalizers' }] });
  expect(await client.get(configMapKind, ref('held'))).toBeUndefined();
});

test('pods wait for their kubelet where there is one', async () => {
  server = await testServer({ kubelet: true });
  const { client } = server;
  const pod = (name: string, nodeName?: string) =>
    client.create(podKind, {
      metadata: ref(name),
      spec: { containers: [{ name: 'c', image: 'x' }], terminationGracePeriodSeconds: 7, ...(nodeName ? { nodeName } : {}) },
    });
  await pod('unscheduled');
  await client.delete(podKind, ref('unscheduled'));
  expect(await client.get(podKind, ref('unscheduled'))).toBeUndefined();
  await pod('running', 'n1');
  await client.delete(podKind, ref('running'));
  expect((await client.get(podKind, ref('running')))?.metadata).toMatchObject({ deletionGracePeriodSeconds: 7, deletionTimestamp: expect.any(String) });
  await client.delete(podKind, ref('running'), { gracePeriodSeconds: 0 });
  expect(await client.get(podKind, ref('running'))).toBeUndefined();
});

test('a namespace is furnished, emptied and only then removed', async () => {
  server = await testServer();
  const { client } = server;
  await client.create(namespaceKind, { metadata: { name: 'n' } });
  await until(client, serviceAccountKind, { namespace: 'n', name: 'default' }, (object) => object !== undefined);
  await until(client, configMapKind, { namespace: 'n', name: 'kube-root-ca.crt' }, (object) => object !== undefined);
  expect((await client.get(namespaceKind, { name: 'n' }))?.metadata.labels).toEqual({ 'kubernetes.io/metadata.name': 'n' });
  await client.create(configMapKind, { metadata: { namespace: 'n', name: 'c', finalizers: ['example.com/hold'] } });
  await client.delete(namespaceKind, { name: 'n' });
  await until(client, configMapKind, { namespace: 'n', name: 'c' }, (object) => object?.metadata.deletionTimestamp !== undefined);
  expect((await client.get(namespaceKind, { name: 'n' }))?.status?.phase).toBe('Terminating');
  await expect(client.create(configMapKind, { metadata: { namespace: 'n', name: 'late' } })).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await client.patch(configMapKind, { namespace: 'n', name: 'c' }, { kind: 'merge', value: { metadata: { finalizers: [] } } });
  await until(client, namespaceKind, { name: 'n' }, gone);
  expect((await client.list(configMapKind, { namespace: 'n' })).items).toEqual([]);
});

test('the service account of a namespace comes back', async () => {
  server = await testServer();
  const { client } = server;
  await client.delete(serviceAccountKind, ref('default'));
  await until(client, serviceAccountKind, ref('default'), (object) => object !== undefined);
  expect(await client.get(serviceAccountKind, ref('default'))).toBeDefined();
});
