// An API server that is killed while many write to it: what it acknowledged, and what a watch was told of, is there in its next life.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigMap, configMapKind, type KubeClient, KubeError, kubeClient, namespaceKind } from '@weft/kube';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ApiProcess, startApiProcess } from './api-process.ts';

const WRITERS = 8;
const KEYS = 5;
const LIVES = 3;
const ACKNOWLEDGED = 150;

let directory = '';
let running: ApiProcess | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-journal-'));
});
afterEach(async () => {
  await running?.kill();
  rmSync(directory, { recursive: true, force: true });
});

async function start(compactAboveBytes: number, maxFileKiB?: number): Promise<{ readonly child: ChildProcess; readonly client: KubeClient }> {
  const limit = maxFileKiB === undefined ? {} : { maxFileKiB };
  running = await startApiProcess({ path: join(directory, 'journal'), compactAboveBytes, ...limit });
  return { child: running.child, client: kubeClient({ server: running.url, rate: { qps: 100_000, burst: 100_000 } }) };
}

/** What is known of one object: what was acknowledged last (undefined: that it is gone), and what was asked for and not answered. */
interface Known {
  value: string | undefined;
  asked?: { readonly value: string | undefined };
}

const valueOf = (map: ConfigMap | undefined): string | undefined => map?.data?.value;

/** Writes, changes and deletes its own objects until the server is gone. */
async function write(client: KubeClient, writer: number, known: Map<string, Known>, acknowledged: (version: number) => void): Promise<void> {
  for (let i = 0; ; i++) {
    const name = `w${writer}-${i % KEYS}`;
    const ref = { namespace: 'load', name };
    const state = known.get(name) ?? { value: undefined };
    known.set(name, state);
    const value = state.value !== undefined && i % 7 === 6 ? undefined : `${writer}.${i}.${'x'.repeat(i % 50)}`;
    state.asked = { value };
    try {
      if (value === undefined) await client.delete(configMapKind, ref);
      else {
        const draft = { metadata: ref, data: { value } };
        const stored = await (state.value === undefined ? client.create(configMapKind, draft) : client.update(configMapKind, draft));
        acknowledged(Number(stored.metadata.resourceVersion));
      }
    } catch (error) {
      if (error instanceof KubeError && error.status === undefined) return;
      throw error;
    }
    state.value = value;
    delete state.asked;
  }
}

/** Remembers the newest state of each object that the watch told of. */
async function follow(client: KubeClient, from: string, seen: Map<string, { readonly version: number; readonly value: string | undefined }>): Promise<void> {
  try {
    for await (const event of client.watch(configMapKind, { namespace: 'load', resourceVersion: from })) {
      if (event.type === 'BOOKMARK') continue;
      const value = event.type === 'DELETED' ? undefined : valueOf(event.object);
      seen.set(event.object.metadata.name, { version: Number(event.object.metadata.resourceVersion), value });
    }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
  }
}

test.each([
  ['and its journal only grows', 1_000_000_000],
  ['and its journal is written anew again and again', 20_000],
])(
  'a server killed under load keeps what it acknowledged, life after life, %s',
  async (_what, compactAboveBytes) => {
    const known = new Map<string, Known>();
    let newest = 0;
    let current = await start(compactAboveBytes);
    for (let life = 0; life < LIVES; life++) {
      const { child, client } = current;
      if (life === 0) await client.create(namespaceKind, { metadata: { name: 'load' } });
      const { resourceVersion } = await client.list(configMapKind);
      expect(Number(resourceVersion)).toBeGreaterThanOrEqual(newest);
      const seen = new Map<string, { readonly version: number; readonly value: string | undefined }>();
      const following = follow(client, resourceVersion, seen);
      let count = 0;
      const acknowledged = (version: number): void => {
        newest = Math.max(newest, version);
        if (++count === ACKNOWLEDGED) child.kill('SIGKILL');
      };
      await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(client, writer, known, acknowledged)));
      await following;
      client.close();
      expect(count).toBeGreaterThanOrEqual(ACKNOWLEDGED);

      current = await start(compactAboveBytes);
      const after = await current.client.list(configMapKind, { namespace: 'load' });
      const there = new Map(after.items.map((map) => [map.metadata.name, map]));
      for (const [name, state] of known) {
        const value = valueOf(there.get(name));
        const possible = state.asked ? [state.value, state.asked.value] : [state.value];
        expect(possible, `object ${name} of life ${life}`).toContain(value);
        // What was told to a watch is known to have been stored: only a later write may stand in its place.
        const told = seen.get(name);
        const isLater = Number(there.get(name)?.metadata.resourceVersion ?? after.resourceVersion) > (told?.version ?? 0);
        expect(!told || told.value === value || isLater, `object ${name} of life ${life}, told to a watch`).toBe(true);
        known.set(name, { value });
      }
      expect(Number(after.resourceVersion)).toBeGreaterThanOrEqual(newest);
    }
    current.client.close();
  },
  60_000,
);

test('a server whose disk is full refuses everything, and its next life has all that was acknowledged', async () => {
  const { client, child } = await start(1_000_000_000, 100);
  await client.create(namespaceKind, { metadata: { name: 'load' } });
  const acknowledged: string[] = [];
  const fill = async (): Promise<void> => {
    for (let i = 0; ; i++) {
      await client.create(configMapKind, { metadata: { namespace: 'load', name: `c${i}` }, data: { value: 'x'.repeat(5000) } });
      acknowledged.push(`c${i}`);
    }
  };
  await expect(fill()).rejects.toMatchObject({ status: { code: 500, message: expect.stringContaining('cannot be written') as unknown } });
  expect(acknowledged.length).toBeGreaterThan(5);
  // What could not be kept is not shown either.
  await expect(client.list(configMapKind)).rejects.toMatchObject({ status: { code: 500 } });
  client.close();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const next = await start(1_000_000_000);
  const { items } = await next.client.list(configMapKind, { namespace: 'load' });
  expect(items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('c'))).toEqual([...acknowledged].sort());
  next.client.close();
}, 60_000);
