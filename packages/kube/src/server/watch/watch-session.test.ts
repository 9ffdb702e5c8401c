import { manualClock } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { configMapKind, KubeError, namespaceKind, podKind, type WatchEvent } from '../../index.ts';
import { type TestServer, testServer } from '../test-server.ts';

let server: TestServer | undefined;
afterEach(() => server?.close());

const ref = (name: string) => ({ namespace: 'default', name });
const names = (event: WatchEvent<{ apiVersion: string; kind: string; metadata: { name: string } }>): string =>
  event.type === 'BOOKMARK' ? event.type : `${event.type} ${event.object.metadata.name}`;

async function take<T>(events: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}

describe('a watch', () => {
  test('begins with what is there, then follows', async () => {
    server = await testServer();
    const { client } = server;
    await client.create(configMapKind, { metadata: ref('a') });
    const events = take(client.watch(configMapKind, { namespace: 'default', labelSelector: '!none' }), 3);
    await client.create(configMapKind, { metadata: ref('z') });
    expect((await events).map(names).sort()).toEqual(['ADDED a', 'ADDED kube-root-ca.crt', 'ADDED z']);
  });

  test('shows objects that enter or leave the selection as added and deleted', async () => {
    server = await testServer();
    const { client } = server;
    const { resourceVersion } = await client.list(configMapKind);
    const label = (on: string | null) => client.patch(configMapKind, ref('a'), { kind: 'merge', value: { metadata: { labels: { on } } } });
    await client.create(configMapKind, { metadata: ref('a') });
    await label('yes');
    await client.patch(configMapKind, ref('a'), { kind: 'merge', value: { data: { k: 'v' } } });
    await label(null);
    await client.delete(configMapKind, ref('a'));
    await client.create(configMapKind, { metadata: { ...ref('end'), labels: { on: 'yes' } } });
    const events = await take(client.watch(configMapKind, { resourceVersion, labelSelector: 'on=yes' }), 4);
    expect(events.map(names)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED end']);
  });

  test('resumes from any version that is still known, and is told when it is not', async () => {
    server = await testServer({ maxHistory: 5 });
    const { client } = server;
    const versions: string[] = [];
    for (let i = 0; i < 8; i++) versions.push((await client.create(configMapKind, { metadata: ref(`c${i}`) })).metadata.resourceVersion ?? '');
    const from = (i: number) => client.watch(configMapKind, { namespace: 'default', resourceVersion: versions[i] ?? '' });
    for (const i of [0, 1]) await expect(take(from(i), 1)).rejects.toMatchObject({ code: 'EXPIRED', status: { code: 410, reason: 'Expired' } });
    for (const i of [2, 4, 6]) expect((await take(from(i), 7 - i)).map(names)).toEqual(versions.slice(i + 1).map((_, j) => `ADDED c${i + 1 + j}`));
    await expect(take(client.watch(configMapKind, { resourceVersion: '99999999999999999999' }), 1)).rejects.toBeInstanceOf(KubeError);
    await expect(take(client.watch(configMapKind, { resourceVersion: String(Number(versions[7]) + 1000) }), 1)).rejects.toMatchObject({ code: 'EXPIRED' });
  });

  test('carries the last state of a deleted object with the version of its deletion', async () => {
    server = await testServer();
    const { client } = server;
    const made = await client.create(configMapKind, { metadata: ref('a'), data: { k: 'v' } });
    await client.delete(configMapKind, ref('a'));
    const [event] = await take(client.watch(configMapKind, { resourceVersion: made.metadata.resourceVersion ?? '' }), 1);
    expect(event).toMatchObject({ type: 'DELETED', object: { data: { k: 'v' } } });
    expect(Number(event?.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
  });

  test('gets bookmarks with the newest version when it asked for them', async () => {
    const clock = manualClock();
    server = await testServer({ clock, bookmarkMs: 1000 });
    const { client } = server;
    const events = client.watch(namespaceKind)[Symbol.asyncIterator]();
    for (let i = 0; i < 2; i++) expect((await events.next()).value).toMatchObject({ type: 'ADDED' });
    const made = await client.create(configMapKind, { metadata: ref('elsewhere') });
    clock.advance(1000);
    expect((await events.next()).value).toEqual({ type: 'BOOKMARK', resourceVersion: made.metadata.resourceVersion });
    await events.return?.();
  });

  test('says where the initial state ends when it streams the list', async () => {
    server = await testServer({ listen: {} });
    const path = '/api/v1/namespaces?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1';
    const lines = (await (await fetch(server.api.url + path)).text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; object: { metadata: { annotations?: object } } });
    expect(lines.map((line) => line.type)).toEqual(['ADDED', 'ADDED', 'BOOKMARK']);
    expect(lines[2]?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  test('is cut off when its reader falls too far behind', async () => {
    server = await testServer({ maxWatchLagBytes: 100_000 });
    const { client } = server;
    const events = client.watch(configMapKind)[Symbol.asyncIterator]();
    await events.next();
    for (let i = 0; i < 10; i++) await client.create(configMapKind, { metadata: ref(`big-${i}`), data: { a: 'x'.repeat(50_000) } });
    const rest = async (): Promise<void> => {
      while (!(await events.next()).done);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('ends with the server', async () => {
    server = await testServer();
    const events = take(server.client.watch(podKind), 1);
    const outcome = events.then(
      (taken) => taken.length,
      (error: unknown) => (error instanceof KubeError ? error.code : 'other'),
    );
    await new Promise((resolve) => setImmediate(resolve));
    await server.close();
    expect(['UNREACHABLE', 0]).toContain(await outcome);
  });
});
