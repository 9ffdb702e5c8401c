import { manualClock, seeded } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { type ConfigMap, configMapKind, type KubeClient, KubeError, kubeClient, type ResourceStore, resourceStore, type StoreEvent } from '../index.ts';
import { startApiServer } from '../server/index.ts';
import { type TestServer, testServer } from '../server/test-server.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(options: Parameters<typeof testServer>[0] = {}): Promise<TestServer> {
  const server = await testServer(options);
  closers.push(() => server.close());
  return server;
}

/** Waits until the store says so, by its own events. */
function until(store: ResourceStore<ConfigMap>, check: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const done = store.subscribe(() => {
      if (check()) queueMicrotask(() => (done(), resolve()));
    });
  });
}

const put = (client: KubeClient, name: string, data: Record<string, string> = {}): Promise<ConfigMap> =>
  client.create(configMapKind, { metadata: { namespace: 'default', name, labels: { own: 'yes' } }, data });
const options = { namespace: 'default', labelSelector: 'own=yes' } as const;

describe('a resource store', () => {
  test('holds what was there and follows every change with what was before', async () => {
    const { client } = await open();
    await put(client, 'a', { v: '1' });
    const store = resourceStore(client, configMapKind, options);
    closers.push(() => store.close());
    await store.synced;
    expect(store.get('default', 'a')?.data).toEqual({ v: '1' });
    const events: StoreEvent<ConfigMap>[] = [];
    store.subscribe((event) => void events.push(event));
    await put(client, 'b');
    await client.patch(configMapKind, { namespace: 'default', name: 'a' }, { kind: 'merge', value: { data: { v: '2' } } });
    const gone = until(store, () => store.get('default', 'b') === undefined);
    await client.delete(configMapKind, { namespace: 'default', name: 'b' });
    await gone;
    expect(events.map((event) => `${event.kind} ${(event.kind === 'deleted' ? event.old : event.object).metadata.name}`)).toEqual([
      'added a',
      'added b',
      'updated a',
      'deleted b',
    ]);
    const update = events.find((event) => event.kind === 'updated');
    expect(update?.kind === 'updated' && [update.old.data, update.object.data]).toEqual([{ v: '1' }, { v: '2' }]);
    expect(store.list('default').map((item) => item.metadata.name)).toEqual(['a']);
    expect(store.isStale).toBe(false);
  });

  test('harms no other subscriber when one throws', async () => {
    const { client } = await open();
    const store = resourceStore(client, configMapKind, options);
    closers.push(() => store.close());
    await store.synced;
    store.subscribe(() => {
      throw new Error('mine alone');
    });
    const seen = until(store, () => store.get('default', 'c') !== undefined);
    await put(client, 'c');
    await seen;
    expect(store.isSynced).toBe(true);
  });

  test('keeps the last state while the server is away and takes the new one when it is back', async () => {
    const first = await startApiServer({ namespaceEmptyAfterMs: 0 });
    const client = kubeClient({ server: first.url });
    closers.push(() => client.close());
    await put(client, 'kept');
    await put(client, 'lost');
    const clock = manualClock({ wall: Date.now() });
    const breaks: (() => void)[] = [];
    const broken = (): Promise<void> => new Promise((resolve) => void breaks.push(resolve));
    const store = resourceStore(client, configMapKind, {
      ...options,
      clock,
      random: seeded(1),
      onBreak: () => breaks.splice(0).forEach((resolve) => resolve()),
    });
    closers.push(() => store.close());
    await store.synced;
    const away = broken();
    await first.close();
    await away;
    expect(store.isStale).toBe(true);
    expect(store.list().map((item) => item.metadata.name)).toEqual(['kept', 'lost']);

    const second = await startApiServer({ listen: { port: first.port } });
    closers.push(() => second.close());
    const other = second.client();
    await put(other, 'kept', { from: 'second' });
    const replaced = until(store, () => store.get('default', 'lost') === undefined && store.get('default', 'kept')?.data?.from === 'second');
    // Its versions began anew, so the store is told to list again; each attempt waits on the manual clock.
    let done = false;
    void replaced.then(() => (done = true));
    while (!done) {
      clock.advance(30_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(store.isStale).toBe(false);
  });

  test('lists again when the history it wants to resume from is gone', async () => {
    const { client } = await open({ maxHistory: 4 });
    await put(client, 'a');
    // A client whose first watch begins far in the past, as one that slept would.
    let tampered = 0;
    const late: KubeClient = {
      ...client,
      watch: (kind, watchOptions) => client.watch(kind, tampered++ === 0 ? { ...watchOptions, resourceVersion: '1' } : watchOptions),
    };
    const codes: string[] = [];
    const store = resourceStore(late, configMapKind, { ...options, onBreak: (error) => void codes.push(error.code) });
    closers.push(() => store.close());
    await store.synced;
    const seen = until(store, () => store.get('default', 'b') !== undefined);
    await put(client, 'b');
    await seen;
    expect(codes).toEqual(['EXPIRED']);
  });

  test('waits longer after each failure and goes on after garbage', async () => {
    const { client } = await open();
    const clock = manualClock();
    let calls = 0;
    const waits: number[] = [];
    const flaky: KubeClient = {
      ...client,
      list: (kind, listOptions) =>
        calls++ < 4 ? Promise.reject(new KubeError(calls === 2 ? 'PROTOCOL' : 'UNREACHABLE', 'away')) : client.list(kind, listOptions),
    };
    const recorded = { ...clock, after: (ms: number, fn: () => void) => (waits.push(ms), queueMicrotask(fn), { cancel: () => undefined }) };
    const store = resourceStore(flaky, configMapKind, { ...options, clock: recorded, random: { next: () => 1 }, backoffMs: { min: 100, max: 500 } });
    closers.push(() => store.close());
    await store.synced;
    expect(waits.slice(0, 4)).toEqual([100, 200, 400, 500]);
  });

  test('does not ask a server in a tight circle that lists but forgets at once', async () => {
    const { client } = await open();
    const waits: number[] = [];
    const clock = manualClock();
    const recorded = {
      ...clock,
      after: (ms: number, fn: () => void) => (waits.push(ms), waits.length < 3 ? queueMicrotask(fn) : enough(), { cancel: () => undefined }),
    };
    let enough: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (enough = resolve));
    const forgetful: KubeClient = {
      ...client,
      watch: () => {
        throw new KubeError('EXPIRED', 'too old');
      },
    };
    const store = resourceStore(forgetful, configMapKind, { ...options, clock: recorded, random: { next: () => 1 }, backoffMs: { min: 100, max: 500 } });
    closers.push(() => store.close());
    await reached;
    expect(waits).toEqual([200, 400, 500]);
  });

  test('rejects synced when it is closed before', async () => {
    const client = kubeClient({ server: 'http://127.0.0.1:1' });
    const store = resourceStore(client, configMapKind);
    store.close();
    await expect(store.synced).rejects.toThrow('closed');
    client.close();
  });
});
