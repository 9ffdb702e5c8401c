// Through real sockets and a front that fails in every way: no object is lost, none is stale for good, none that stays is ever taken away.
import { createRegistry, manualClock, seeded } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { type ConfigMap, configMapKind, type KubeClient, kubeClient, type ResourceStore, type ResourceStoreOptions, resourceStore } from '../index.ts';
import { type TestServer, testServer } from '../server/test-server.ts';
import { checked, record } from '../shape/index.ts';
import { type FaultFront, faultFront, type LineAction } from './fault-front.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Scene {
  readonly server: TestServer;
  readonly front: FaultFront;
  /** Through the front. */
  readonly client: KubeClient;
  watch(options?: ResourceStoreOptions<ConfigMap>): ResourceStore<ConfigMap>;
}

async function scene(options: Parameters<typeof testServer>[0] = {}): Promise<Scene> {
  const server = await testServer({ listen: {}, ...options });
  closers.push(() => server.close());
  const front = await faultFront(server.api.port);
  closers.push(() => front.close());
  const client = kubeClient({ server: front.url });
  closers.push(() => client.close());
  return {
    server,
    front,
    client,
    watch(storeOptions = {}) {
      const store = resourceStore(client, configMapKind, { namespace: 'default', labelSelector: 'own=yes', ...storeOptions });
      closers.push(() => store.close());
      return store;
    },
  };
}

const put = (client: KubeClient, name: string, v = '0'): Promise<ConfigMap> =>
  client.create(configMapKind, { metadata: { namespace: 'default', name, labels: { own: 'yes' } }, data: { v } });
const set = (client: KubeClient, name: string, v: string): Promise<ConfigMap> =>
  client.patch(configMapKind, { namespace: 'default', name }, { kind: 'merge', value: { data: { v } } });
const drop = (client: KubeClient, name: string): Promise<boolean> => client.delete(configMapKind, { namespace: 'default', name });
const stateOf = (items: readonly ConfigMap[]): string =>
  items
    .map(({ metadata, data }) => `${metadata.name}=${data?.v}`)
    .sort()
    .join();

function until(store: ResourceStore<ConfigMap>, check: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const done = store.subscribe(() => {
      if (check()) queueMicrotask(() => (done(), resolve()));
    });
  });
}

const quick = { backoffMs: { min: 1, max: 10 }, idleMs: 100 } as const;
const gone = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired', message: 'too old' };
const GARBAGE = [
  '',
  'hello',
  '{"type":"ADDED"',
  '{"type":"ADDED","object":{}}',
  '{"type":"NEWS","object":{"metadata":{"name":"x"}}}',
  '[]',
  'null',
  '{"type":"DELETED","object":null}',
];

describe('through a front that fails', () => {
  test.each([1, 2, 3, 4])('every object arrives and none goes that stays (seed %i)', async (seed) => {
    const random = seeded(seed);
    const { server, front, watch } = await scene({ maxHistory: 40 });
    const chance = (share: number): boolean => random.next() < share;
    const anchors = ['anchor-1', 'anchor-2', 'anchor-3'];
    for (const name of anchors) await put(server.client, name);
    const store = watch({ ...quick, random: seeded(seed + 100), pageSize: 3 });
    await store.synced;
    const taken: string[] = [];
    store.subscribe((event) => {
      if (event.kind === 'deleted' && event.old.metadata.name.startsWith('anchor')) taken.push(event.old.metadata.name);
    });
    const faults: (() => LineAction)[] = [
      () => 'cut',
      () => 'end',
      () => 'stall',
      () => ({ text: GARBAGE[Math.floor(random.next() * GARBAGE.length)] ?? '' }),
      () => ({ text: JSON.stringify({ type: 'ERROR', object: gone }) }),
      () => ({ text: JSON.stringify({ type: 'ERROR', object: { ...gone, code: 500, reason: 'InternalError' } }) }),
    ];
    front.line = () => (chance(0.15) ? (faults[Math.floor(random.next() * faults.length)]?.() ?? 'pass') : 'pass');
    front.answer = (path) => {
      if (!chance(0.2)) return undefined;
      if (path.includes('continue=')) return { code: 410, body: JSON.stringify(gone) };
      return chance(0.5) ? { code: 429, headers: { 'retry-after': '0' }, body: '' } : { code: 503, body: 'away' };
    };
    front.page = (text) => (chance(0.1) ? text.slice(0, text.length >> 1) : chance(0.1) ? text.replace('"name":"anchor-2"', '"name":7') : text);
    const names = new Set<string>();
    for (let i = 0; i < 150; i++) {
      const name = `m-${Math.floor(random.next() * 12)}`;
      if (!names.has(name)) await put(server.client, name, String(i)).then(() => names.add(name));
      else if (chance(0.4)) await drop(server.client, name).then(() => names.delete(name));
      else await set(server.client, name, String(i));
      if (chance(0.2)) await set(server.client, anchors[i % 3] ?? '', String(i));
    }
    front.line = () => 'pass';
    front.answer = () => undefined;
    front.page = (text) => text;
    const { items } = await server.client.list(configMapKind, { namespace: 'default', labelSelector: 'own=yes' });
    await until(store, () => stateOf(store.list()) === stateOf(items));
    expect(taken).toEqual([]);
    // It goes on from there.
    const after = until(store, () => store.get('default', 'after') !== undefined);
    await put(server.client, 'after');
    await after;
  });

  test('an ordinary end is resumed from where it was, without a list', async () => {
    const { server, front, watch } = await scene();
    const store = watch(quick);
    await store.synced;
    for (const name of ['a', 'b', 'c']) {
      const seen = until(store, () => store.get('default', name) !== undefined);
      let ended = false;
      front.line = () => (ended ? 'pass' : ((ended = true), name === 'b' ? 'cut' : 'end'));
      await put(server.client, name);
      await seen;
    }
    expect(front.asked.filter((one) => !one.includes('watch=true'))).toHaveLength(1);
  });

  test('garbage is skipped, later events are read, and a list follows that brings what was lost', async () => {
    const { server, front, watch } = await scene();
    await put(server.client, 'doomed');
    const registry = createRegistry();
    const skipped: string[] = [];
    const store = watch({ ...quick, registry, onSkipped: (error) => void skipped.push(error.code) });
    await store.synced;
    let lines = 0;
    front.line = () => (lines++ === 0 ? { text: '{"type":"DELETED","object":{"metadata":{}}}' } : 'pass');
    const both = until(store, () => store.get('default', 'doomed') === undefined && store.get('default', 'later') !== undefined);
    await drop(server.client, 'doomed');
    await put(server.client, 'later');
    await both;
    expect(skipped).toEqual(['PROTOCOL']);
    expect(registry.render()).toContain('weft_kube_skipped_objects_total{kind="configmap",cluster="local"} 1\n');
    expect(registry.render()).toContain('weft_kube_watch_restarts_total{kind="configmap",cluster="local",cause="garbage"} 1\n');
  });

  test('an object that a list garbles keeps its last state until it can be read again', async () => {
    const { server, front, watch } = await scene();
    await put(server.client, 'kept', '1');
    const store = watch(quick);
    await store.synced;
    const events: string[] = [];
    store.subscribe((event) => void events.push(event.kind));
    let pages = 0;
    front.page = (text) => (pages++ === 0 ? text.replace('"name":"kept"', '"name":{}') : text);
    let told = false;
    front.line = () => (told ? 'pass' : ((told = true), { text: JSON.stringify({ type: 'ERROR', object: gone }) }));
    const seen = until(store, () => store.get('default', 'kept')?.data?.v === '2');
    await set(server.client, 'kept', '2');
    await seen;
    expect(pages).toBeGreaterThanOrEqual(2);
    expect(events).toEqual(['added', 'updated']);
  });

  test('an object that its reader cannot use keeps its last state, in events and in lists, and nothing is listed for it', async () => {
    const { server, front, watch } = await scene();
    for (const name of ['bad', 'good']) await put(server.client, name, '1');
    const skipped: string[] = [];
    const registry = createRegistry();
    const check = record({ data: record({ v: checked('a number', (value) => Number.isFinite(Number(value))) }) });
    const store = watch({
      ...quick,
      registry,
      check,
      onSkipped: (error, object) => void skipped.push(`${error.code} ${object?.metadata.name} ${error.message}`),
    });
    await store.synced;
    const events: string[] = [];
    store.subscribe(({ kind }) => void events.push(kind));
    const seen = async (name: string, v: string): Promise<void> => {
      const done = until(store, () => store.get('default', name)?.data?.v === v);
      await set(server.client, name, v);
      await done;
    };
    await set(server.client, 'bad', 'seven');
    await put(server.client, 'new', 'eight');
    await seen('good', '2');
    expect(stateOf(store.list())).toBe('bad=1,good=2');
    const lists = (): number => front.asked.filter((one) => !one.includes('watch=true')).length;
    expect(lists()).toBe(1);
    // Forgotten history: a list, in which they are not as they should be either.
    let told = false;
    front.line = () => (told ? 'pass' : ((told = true), { text: JSON.stringify({ type: 'ERROR', object: gone }) }));
    await seen('good', '3');
    expect(stateOf(store.list())).toBe('bad=1,good=3');
    expect(lists()).toBe(2);
    await seen('bad', '4');
    const away = until(store, () => store.get('default', 'bad') === undefined);
    await set(server.client, 'bad', 'nine');
    await drop(server.client, 'bad');
    await away;
    expect(events).toEqual(['added', 'added', 'updated', 'updated', 'updated', 'deleted']);
    const of = (name: string, v: string): string => `UNREADABLE ${name} ConfigMap default/${name}: data.v: "${v}" is not a number`;
    expect(skipped).toEqual([of('bad', 'seven'), of('new', 'eight'), of('bad', 'seven'), of('new', 'eight'), of('bad', 'nine')]);
    expect(registry.render()).toContain('weft_kube_skipped_objects_total{kind="configmap",cluster="local"} 5\n');
  });

  test('a storm of 410 and 429 is met with growing pauses', async () => {
    const { front, watch } = await scene();
    const waits: number[] = [];
    const clock = manualClock();
    let release: () => void = () => undefined;
    const enough = new Promise<void>((resolve) => (release = resolve));
    const recorded = {
      ...clock,
      after: (ms: number, fn: () => void) => {
        // Timeouts of requests stay with the client's own clock; these are the pauses, and the longest life of a watch.
        if (ms < 100_000) {
          if (waits.push(ms) < 6) queueMicrotask(fn);
          else release();
        }
        return { cancel: () => undefined };
      },
    };
    front.answer = (path) =>
      path.includes('watch=true')
        ? { code: 410, body: JSON.stringify(gone) }
        : waits.length === 2
          ? { code: 429, headers: { 'retry-after': '7' }, body: '' }
          : undefined;
    watch({ clock: recorded, random: { next: () => 1 }, backoffMs: { min: 100, max: 1000 } });
    await enough;
    expect(waits).toEqual([200, 400, 7000, 1000, 1000, 1000]);
  });
});

describe('silence', () => {
  test('is met first by resuming, then by a list that finds what no event brought', async () => {
    const { server, front } = await scene({ bookmarkMs: 3_600_000 });
    const clock = manualClock({ wall: Date.now() });
    const registry = createRegistry();
    const patient = kubeClient({ server: front.url, clock });
    closers.push(() => patient.close());
    const opened = { count: 0, waiting: (): void => undefined };
    const counting: KubeClient = {
      ...patient,
      watch: (kind, options) =>
        patient.watch(kind, {
          ...options,
          onOpen() {
            options?.onOpen?.();
            opened.count++;
            opened.waiting();
          },
        }),
    };
    const open = (count: number): Promise<void> =>
      new Promise((resolve) => {
        opened.waiting = () => opened.count >= count && resolve();
        opened.waiting();
      });
    await put(server.client, 'a', '1');
    const store = resourceStore(counting, configMapKind, {
      namespace: 'default',
      labelSelector: 'own=yes',
      registry,
      clock,
      idleMs: 1000,
      backoffMs: { min: 100, max: 1000 },
    });
    closers.push(() => store.close());
    await open(1);
    // The server forgets to tell.
    let forgotten: () => void = () => undefined;
    const dropped = new Promise<void>((resolve) => (forgotten = resolve));
    front.line = () => (forgotten(), 'drop');
    await set(server.client, 'a', '2');
    await dropped;
    clock.advance(1000);
    await open(2);
    // Resumed, it would be told again; here it is forgotten again.
    expect(store.isStale).toBe(false);
    const seen = until(store, () => store.get('default', 'a')?.data?.v === '2');
    clock.advance(1000);
    await seen;
    await open(3);
    expect(front.asked.filter((one) => !one.includes('watch=true'))).toHaveLength(2);
    expect(registry.render()).toContain('weft_kube_missed_events_total{kind="configmap",cluster="local"} 1\n');
    expect(registry.render()).toContain('weft_kube_watch_restarts_total{kind="configmap",cluster="local",cause="silent"} 2\n');
  });
});
