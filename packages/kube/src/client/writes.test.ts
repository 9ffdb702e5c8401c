import { afterAll, beforeAll, expect, test } from 'vitest';
import { configMapKind, type KubeError, modify, retryOnConflict } from '../index.ts';
import { type TestServer, testServer } from '../server/test-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer({ listen: {} });
});
afterAll(() => server.close());
const ref = (name: string) => ({ namespace: 'default', name });
const refused = (promise: Promise<unknown>): Promise<KubeError> =>
  promise.then(
    () => Promise.reject(new Error('not refused')),
    (error: unknown) => error as KubeError,
  );

test('server-side apply creates, keeps other managers apart, and takes fields by force', async () => {
  const { client } = server;
  const apply = (v: string, fieldManager: string, force = false) =>
    client.patch(configMapKind, ref('applied'), { kind: 'apply', value: { metadata: ref('applied'), data: { v } }, force }, { fieldManager });
  expect((await apply('1', 'one')).data).toEqual({ v: '1' });
  const conflict = await refused(apply('2', 'two'));
  expect([conflict.code, conflict.reason, conflict.causes[0]?.field]).toEqual(['CONFLICT', 'Conflict', '.data.v']);
  expect((await apply('2', 'two', true)).data).toEqual({ v: '2' });
});

test('a dry run changes nothing', async () => {
  const { client } = server;
  expect((await client.create(configMapKind, { metadata: ref('dry') }, { dryRun: true })).metadata.name).toBe('dry');
  expect(await client.get(configMapKind, ref('dry'))).toBeUndefined();
  await client.create(configMapKind, { metadata: ref('dry') });
  expect(await client.delete(configMapKind, ref('dry'), { dryRun: true })).toBe(true);
  expect(await client.get(configMapKind, ref('dry'))).toBeDefined();
});

test('a deletion holds to its preconditions', async () => {
  const { client } = server;
  const made = await client.create(configMapKind, { metadata: ref('pre') });
  const changed = await client.update(configMapKind, { ...made, data: { a: '1' } });
  const old = await refused(client.delete(configMapKind, ref('pre'), { resourceVersion: made.metadata.resourceVersion ?? '' }));
  expect([old.code, old.details?.name]).toEqual(['CONFLICT', 'pre']);
  expect((await refused(client.delete(configMapKind, ref('pre'), { uid: 'another' }))).code).toBe('CONFLICT');
  const { uid = '', resourceVersion = '' } = changed.metadata;
  expect(await client.delete(configMapKind, ref('pre'), { uid, resourceVersion, propagationPolicy: 'Foreground' })).toBe(true);
});

test('a collection is deleted as far as it is selected', async () => {
  const { client } = server;
  for (const [name, own] of [
    ['c1', 'yes'],
    ['c2', 'yes'],
    ['c3', 'no'],
  ] as const)
    await client.create(configMapKind, { metadata: { ...ref(name), labels: { own } } });
  await client.deleteCollection(configMapKind, { namespace: 'default', labelSelector: 'own=yes' });
  const { items } = await client.list(configMapKind, { namespace: 'default', labelSelector: 'own' });
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['c3']);
});

test('changes of several writers all arrive', async () => {
  const { client } = server;
  await client.create(configMapKind, { metadata: ref('counter'), data: { n: '0' } });
  const count = () =>
    modify(client, configMapKind, ref('counter'), (object) => ({ ...object, data: { n: String(Number(object.data?.n) + 1) } }), { attempts: 50 });
  await Promise.all(Array.from({ length: 8 }, count));
  const now = await client.get(configMapKind, ref('counter'));
  expect(now?.data).toEqual({ n: '8' });
  expect(await modify(client, configMapKind, ref('counter'), () => undefined)).toEqual(now);
  expect((await refused(modify(client, configMapKind, ref('none'), (object) => object))).code).toBe('NOT_FOUND');
});

test('only conflicts are tried again, and not for ever', async () => {
  const { client } = server;
  const made = await client.create(configMapKind, { metadata: ref('stale') });
  await client.update(configMapKind, { ...made, data: { a: '1' } });
  let calls = 0;
  const stale = retryOnConflict(() => (calls++, client.update(configMapKind, { ...made, data: { a: '2' } })), { attempts: 3 });
  expect((await refused(stale)).code).toBe('CONFLICT');
  const twice = retryOnConflict(() => (calls++, client.create(configMapKind, { metadata: ref('stale') })));
  expect((await refused(twice)).code).toBe('ALREADY_EXISTS');
  expect(calls).toBe(4);
});
