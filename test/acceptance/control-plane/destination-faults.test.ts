// Discovery as a process, with live streams, over an API server that fails in every way: never an empty set, no endpoint lost, none stale in the end, and
// meanwhile the last state for those who ask. What fails and how often is told by requests, not by time.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubeClient, namespaceKind } from '@weft/kube';
import { afterAll, expect, test } from 'vitest';
import type { LineAction } from '../../../packages/kube/src/store/fault-front.ts';
import { type ApiProcess, startApiProcess } from '../journal/api-process.ts';
import { type ApiFront, apiFront } from './api-front.ts';
import { kubeconfigOf, namespaceOf, startCluster, type TestCluster } from './cluster.ts';
import { type Controller, isForeign, startController, stopControllers } from './controller.ts';
import { type SteadyStreams, steadyStreams } from './steady-streams.ts';

afterAll(stopControllers);

const statusOf = (code: number, reason: string) => ({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: reason });

interface Scene extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly front: ApiFront;
  readonly destination: Controller;
  readonly streams: SteadyStreams;
}

async function sceneOf(): Promise<Scene> {
  const cluster = await startCluster();
  const front = await apiFront(cluster);
  const destination = await startController('destination', [`-kubeconfig=${front.kubeconfig}`]);
  const streams = await steadyStreams(cluster.client, await cluster.namespace(), destination);
  return {
    cluster,
    front,
    destination,
    streams,
    async [Symbol.asyncDispose]() {
      await destination[Symbol.asyncDispose]();
      await front[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}

/** The kinds whose changes the streams show. */
const isShown = (path: string): boolean => /\/(pods|endpointslices)(\?|$)/.test(path);
const isWatch = (path: string): boolean => path.includes('watch=true');

/** For `front.line`: `action` for the first event of a pod and the first of a slice, which come on connections of their own. */
function firstOfEach(action: LineAction): { readonly line: ApiFront['line']; readonly done: ReadonlySet<string> } {
  const done = new Set<string>();
  const line = (text: string): LineAction => {
    const { kind = '' } = (JSON.parse(text) as { readonly object: { readonly kind?: string } }).object;
    if (!['Pod', 'EndpointSlice'].includes(kind) || done.has(kind)) return 'pass';
    done.add(kind);
    return action;
  };
  return { line, done };
}

test.skipIf(isForeign('destination'))(
  'an API server that is killed and comes back from its journal loses nothing, life after life',
  async () => {
    await using cluster = await startCluster();
    const path = join(cluster.dir, 'journal');
    let api: ApiProcess = await startApiProcess({ path });
    try {
      const { url } = api;
      const port = Number(new URL(url).port);
      const kubeconfig = join(cluster.dir, 'journalled');
      writeFileSync(kubeconfig, kubeconfigOf(url));
      const client = kubeClient({ server: url });
      for (const name of ['linkerd', 'shop']) await client.create(namespaceKind, { metadata: { name } });
      await using destination = await startController('destination', [`-kubeconfig=${kubeconfig}`]);
      const streams = await steadyStreams(client, namespaceOf(client, 'shop'), destination);
      for (let life = 0; life < 2; life++) {
        // What was acknowledged a moment before counts.
        await streams.change();
        await api.kill();
        await expect.poll(() => destination.metric('weft_kube_stale_stores')).toBeGreaterThan(0);
        expect((await destination.admin('/ready')).status).toBe(200);
        api = await startApiProcess({ path, port });
        await streams.change();
        await streams.settled();
        await streams.served();
      }
      streams.verify();
      client.close();
    } finally {
      await api.kill();
    }
  },
  60_000,
);

test.skipIf(isForeign('destination'))('the last state is served while the API server is away, to those who ask then as well', async () => {
  await using scene = await sceneOf();
  const { front, destination, streams } = scene;
  front.answer = () => ({ code: 503, body: statusOf(503, 'ServiceUnavailable') });
  front.cut();
  await streams.change();
  await expect.poll(() => destination.metric('weft_kube_stale_stores')).toBeGreaterThan(0);
  await streams.served(1);
  expect((await destination.admin('/ready')).status).toBe(200);
  front.answer = () => undefined;
  await streams.settled();
  streams.verify();
});

test.skipIf(isForeign('destination'))('watches that are cut in the middle of an event go on from there', async () => {
  await using scene = await sceneOf();
  const { front, destination, streams } = scene;
  const lists = () => front.asked.filter(({ method, path }) => method === 'GET' && isShown(path) && !isWatch(path)).length;
  const before = lists();
  for (let round = 0; round < 3; round++) {
    const cut = firstOfEach('cut');
    front.line = cut.line;
    await streams.change();
    await streams.settled();
    await expect.poll(() => cut.done.size).toBe(2);
  }
  await expect.poll(() => destination.metric('weft_kube_watch_restarts_total', { cause: 'broken' })).toBe(6);
  // Half an event is no garbage: nothing had to be listed for it.
  expect(lists()).toBe(before);
  expect(await destination.metric('weft_kube_skipped_objects_total')).toBe(0);
  streams.verify();
});

test.skipIf(isForeign('destination'))('history that is forgotten, at a resume and in the middle of a watch, is made up for by a list', async () => {
  await using scene = await sceneOf();
  const { front, destination, streams } = scene;
  const expired = () => destination.metric('weft_kube_watch_restarts_total', { cause: 'expired' });
  // In the place of an event, which is lost with it.
  const told = firstOfEach({ text: JSON.stringify({ type: 'ERROR', object: statusOf(410, 'Expired') }) });
  front.line = told.line;
  await streams.change();
  await streams.settled();
  await expect.poll(async () => [told.done.size, await expired()]).toEqual([2, 2]);
  front.line = () => 'pass';
  // At a resume, with changes made while nobody was watching: what went meanwhile is known by no event.
  const held = new Set<string>();
  front.answer = ({ path }) => {
    if (!isShown(path) || !isWatch(path)) return undefined;
    const kind = path.includes('pods') ? 'pods' : 'slices';
    if (held.has(kind)) return undefined;
    held.add(kind);
    return { code: 410, body: statusOf(410, 'Expired') };
  };
  const changed = streams.change();
  front.cut();
  await changed;
  await streams.change();
  await streams.settled();
  await expect.poll(async () => [held.size, await expired()]).toEqual([2, 4]);
  streams.verify();
});

test.skipIf(isForeign('destination'))(
  'a storm of 429 is sat out for as long as the server asks, on lists and on watches',
  async () => {
    await using scene = await sceneOf();
    const { front, destination, streams } = scene;
    const asked = new Map<string, number[]>();
    const refusals = new Map<string, number>();
    const REFUSED = 2;
    front.answer = ({ path }) => {
      if (!isShown(path)) return undefined;
      const key = `${path.includes('pods') ? 'pods' : 'slices'} ${isWatch(path) ? 'watch' : 'list'}`;
      asked.set(key, [...(asked.get(key) ?? []), performance.now()]);
      const refused = refusals.get(key) ?? 0;
      if (refused === REFUSED) return undefined;
      refusals.set(key, refused + 1);
      // The last refusal of the watch is that its history is gone: then the lists are refused.
      if (isWatch(path) && refused === REFUSED - 1) return { code: 410, body: statusOf(410, 'Expired') };
      return { code: 429, headers: { 'retry-after': '1' }, body: statusOf(429, 'TooManyRequests') };
    };
    front.cut();
    await streams.change();
    await streams.served(1);
    await streams.settled();
    expect(refusals).toEqual(new Map(['pods list', 'pods watch', 'slices list', 'slices watch'].map((key) => [key, REFUSED])));
    for (const kind of ['pods', 'slices']) {
      const [watched = [], listed = []] = [asked.get(`${kind} watch`), asked.get(`${kind} list`)];
      const times = [...watched.slice(0, 2), ...listed];
      const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
      // After the first refusal of the watch and those of the list; the list that follows a 410 is asked for at once.
      expect(pauses.filter((ms) => ms >= 990).length).toBeGreaterThanOrEqual(3);
    }
    expect(await destination.metric('http_client_requests_total', { client: 'k8s', code: '429' })).toBe(6);
    expect(await destination.metric('weft_kube_stale_stores')).toBe(0);
    streams.verify();
  },
  30_000,
);

test.skipIf(isForeign('destination'))(
  'an API server that hangs, connected and silent, holds up nobody: the last state is served until it is back',
  async () => {
    await using scene = await sceneOf();
    const { front, destination, streams } = scene;
    let stalled = 0;
    front.line = () => {
      stalled++;
      return 'stall';
    };
    front.answer = () => 'hold';
    await streams.change();
    await expect.poll(() => stalled).toBeGreaterThan(1);
    await streams.served(1);
    expect((await destination.admin('/ready')).status).toBe(200);
    front.line = () => 'pass';
    front.answer = () => undefined;
    // As when a peer that died is found out.
    front.cut();
    await streams.settled();
    streams.verify();
  },
);
