import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linkerdDefinitions } from '../../crds/index.ts';
import { configMapKind, customResourceDefinitionKind, resourceKind } from '../../index.ts';
import { type ApiServer, startApiServer } from '../index.ts';

let directory = '';
let path = '';
let open: ApiServer | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-journal-'));
  path = join(directory, 'journal');
});
afterEach(async () => {
  await open?.close();
  rmSync(directory, { recursive: true, force: true });
});

const start = async (compactAboveBytes = 1_000_000): Promise<ApiServer> => {
  open = await startApiServer({ listen: false, namespaceEmptyAfterMs: 0, journal: { path, compactAboveBytes } });
  return open;
};
const ref = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

describe('a journal', () => {
  test('brings back every object with its version, and goes on counting', async () => {
    const first = await start();
    const client = first.client();
    const made = await client.create(configMapKind, { metadata: ref('a'), data: { text: 'line\nbreak "quoted" é' } });
    await client.create(configMapKind, { metadata: ref('b') });
    const changed = await client.patch(configMapKind, ref('b'), { kind: 'merge', value: { data: { k: 'v' } } });
    await client.create(configMapKind, { metadata: ref('c') });
    await client.delete(configMapKind, ref('c'));
    const { resourceVersion } = await client.list(configMapKind);
    await first.close();

    const again = (await start()).client();
    expect(await again.get(configMapKind, ref('a'))).toEqual(made);
    expect(await again.get(configMapKind, ref('b'))).toEqual(changed);
    expect(await again.get(configMapKind, ref('c'))).toBeUndefined();
    const next = await again.create(configMapKind, { metadata: ref('d') });
    expect(Number(next.metadata.resourceVersion)).toBeGreaterThan(Number(resourceVersion));
    expect(Number(next.metadata.resourceVersion)).toBeLessThan(Number(resourceVersion) + 100);
  });

  test('has no line that is too long to be read at once, however much comes together', async () => {
    const first = await start(1);
    const client = first.client();
    const value = 'x'.repeat(1_000_000);
    const names = Array.from({ length: 12 }, (_, at) => `big-${at}`);
    await Promise.all(names.map((name) => client.create(configMapKind, { metadata: ref(name), data: { value } })));
    const longest = (): number =>
      Math.max(
        ...readFileSync(path, 'utf8')
          .split('\n')
          .map((line) => line.length),
      );
    expect(longest()).toBeLessThan(6_000_000);
    // Until the file is written anew.
    const before = statSync(path).ino;
    for (let turn = 0; statSync(path).ino === before; turn++)
      await Promise.all(names.map((name) => client.patch(configMapKind, ref(name), { kind: 'merge', value: { data: { value: 'y'.repeat(999_000 + turn) } } })));
    expect(longest()).toBeLessThan(6_000_000);
    await first.close();
    expect(await (await start()).client().list(configMapKind, { namespace: 'default' })).toMatchObject({ items: { length: names.length + 1 } });
  });

  test('lets a watch resume from the last version of the earlier life, and from none before it', async () => {
    const first = await start();
    const client = first.client();
    const old = await client.create(configMapKind, { metadata: ref('a') });
    await client.create(configMapKind, { metadata: ref('b') });
    const { resourceVersion } = await client.list(configMapKind);
    await first.close();
    const again = (await start()).client();
    const watching = (async () => {
      for await (const event of again.watch(configMapKind, { resourceVersion })) return event;
      return undefined;
    })();
    await again.create(configMapKind, { metadata: ref('c') });
    expect(await watching).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'c' } } });
    const tooOld = again.watch(configMapKind, { resourceVersion: old.metadata.resourceVersion ?? '' });
    await expect(tooOld[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'EXPIRED' });
  });

  test.each([
    ['half a line', (bytes: Buffer) => bytes.subarray(0, bytes.length - 9)],
    ['a line of nothing', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(300)])],
    ['a line whose end is there and whose middle is not', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(300), Buffer.from('\n')])],
  ])('whose last write was torn to %s drops it, and only it', async (what, tear) => {
    const first = await start();
    await first.client().create(configMapKind, { metadata: ref('kept') });
    await first.close();
    const before = readFileSync(path);
    const second = await start();
    await second.client().create(configMapKind, { metadata: ref('torn') });
    await second.close();
    writeFileSync(path, tear(readFileSync(path)));
    const third = await start();
    expect(await third.client().get(configMapKind, ref('kept'))).toBeDefined();
    expect((await third.client().get(configMapKind, ref('torn'))) === undefined).toBe(what === 'half a line');
    expect(before.length).toBeGreaterThan(0);
    // What follows is readable again.
    await third.client().create(configMapKind, { metadata: ref('after') });
    await third.close();
    expect(await (await start()).client().get(configMapKind, ref('after'))).toBeDefined();
  });

  test('that is damaged before its end is refused, with the place', async () => {
    const first = await start();
    for (const name of ['a', 'b', 'c']) await first.client().create(configMapKind, { metadata: ref(name) });
    await first.close();
    const bytes = readFileSync(path);
    bytes[bytes.indexOf('"name":"b"') + 8] = 0x7a;
    writeFileSync(path, bytes);
    await expect(start()).rejects.toThrow(/is damaged at byte \d+/);
  });

  test('that is some other file is refused and left alone', async () => {
    const text = 'something else\n'.repeat(500);
    writeFileSync(path, text);
    await expect(start()).rejects.toThrow(/damaged|not a journal/);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  test('belongs to one server at a time', async () => {
    const first = await start();
    await expect(startApiServer({ listen: false, journal: { path } })).rejects.toThrow(`is in use by process ${process.pid}`);
    await first.close();
    expect(existsSync(`${path}.lock`)).toBe(false);
    await (await start()).close();
    // Left by a process that is no more, under a number that is used again.
    writeFileSync(`${path}.lock`, `${process.pid} 1`);
    await start();
  });

  test('is written anew when it has outgrown its state, and is readable by its owner only', async () => {
    const first = await start(4000);
    const client = first.client();
    await client.create(configMapKind, { metadata: ref('a') });
    for (let i = 0; i < 200; i++) await client.patch(configMapKind, ref('a'), { kind: 'merge', value: { data: { i: String(i) } } });
    await first.close();
    expect(statSync(path).size).toBeLessThan(20_000);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await (await start()).client().get(configMapKind, ref('a')))?.data).toEqual({ i: '199' });
  });

  test('keeps concurrent writes in one line', async () => {
    const first = await start();
    await first.client().create(configMapKind, { metadata: ref('warm') });
    const lines = (): number => readFileSync(path, 'utf8').split('\n').length;
    const before = lines();
    await Promise.all(Array.from({ length: 50 }, (_, i) => first.client().create(configMapKind, { metadata: ref(`n${i}`) })));
    expect(lines() - before).toBeLessThan(25);
  });

  test('keeps tokens valid in the next life', async () => {
    const first = await startApiServer({ journal: { path } });
    open = first;
    const client = first.client();
    for await (const { type } of client.watch(resourceKind({ group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true }), {
      namespace: 'default',
    }))
      if (type === 'ADDED') break;
    const { token } = await client.tokenRequest(ref('default'), {});
    await first.close();
    const again = (await start()).client();
    expect(await again.tokenReview(token)).toMatchObject({ authenticated: true });
  });

  test('tells a watch of every deletion before it ends with its definition', async () => {
    const client = (await start()).client();
    const definition = linkerdDefinitions.find(({ metadata }) => metadata.name === 'serviceprofiles.linkerd.io');
    if (!definition) throw new Error('the definition is missing');
    await client.create(customResourceDefinitionKind, definition);
    const profileKind = resourceKind({ group: 'linkerd.io', version: 'v1alpha2', kind: 'ServiceProfile', plural: 'serviceprofiles', namespaced: true });
    for (const name of ['a', 'b']) await client.create(profileKind, { metadata: ref(name), spec: {} } as never);
    const { resourceVersion } = await client.list(profileKind);
    const watching = (async () => {
      const seen: string[] = [];
      for await (const event of client.watch(profileKind, { resourceVersion }))
        if (event.type !== 'BOOKMARK') seen.push(`${event.type} ${event.object.metadata.name}`);
      return seen;
    })();
    // The watch must be held before its end comes.
    await client.create(profileKind, { metadata: ref('c'), spec: {} } as never);
    await client.delete(customResourceDefinitionKind, { name: definition.metadata.name });
    expect(await watching).toEqual(['ADDED c', 'DELETED a', 'DELETED b', 'DELETED c']);
  });

  test('brings back definitions with their objects and owners with what they own', async () => {
    const first = await start();
    const client = first.client();
    for (const definition of linkerdDefinitions) await client.create(customResourceDefinitionKind, definition);
    const serverKind = resourceKind({ group: 'policy.linkerd.io', version: 'v1beta3', kind: 'Server', plural: 'servers', namespaced: true });
    await client.create(serverKind, { metadata: ref('s'), spec: { port: 80, podSelector: {} } } as never);
    const owner = await client.create(configMapKind, { metadata: ref('owner') });
    const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: owner.metadata.uid ?? '' }];
    await client.create(configMapKind, { metadata: { ...ref('owned'), ownerReferences } });
    await first.close();
    const again = await start();
    const second = again.client();
    expect(await second.get(serverKind, ref('s'))).toMatchObject({ spec: { accessPolicy: 'deny' } });
    const gone = (async () => {
      for await (const event of second.watch(configMapKind, { namespace: 'default' }))
        if (event.type === 'DELETED' && event.object.metadata.name === 'owned') return;
    })();
    await second.delete(configMapKind, ref('owner'));
    await gone;
  });
});
