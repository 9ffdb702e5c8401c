// A mesh that is started again with its journal, after a good end and after a sudden one: its objects are there, and nothing that ran is believed to run.
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  configMapKind,
  deploymentKind,
  endpointSliceKind,
  type KubeObject,
  kubeClient,
  namespaceKind,
  type Pod,
  podKind,
  replicaSetKind,
  serviceKind,
} from '@weft/kube';
import { startApiServer } from '@weft/kube/server';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Mesh, type MeshOptions, startMesh } from '../mesh.ts';

const SERVER = `
import { createServer } from 'node:http';
createServer((_request, response) => response.end(String(process.pid))).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

let directory = '';
let running: Mesh | undefined;
beforeEach(async () => {
  directory = await fs.mkdtemp(join(tmpdir(), 'mesh-journal-'));
  await fs.writeFile(join(directory, 'server.mjs'), SERVER);
});
afterEach(async () => {
  await running?.close();
  await fs.rm(directory, { recursive: true, force: true });
});

async function start(options: MeshOptions = {}): Promise<Mesh> {
  running = await startMesh({ programs: { files: { server: join(directory, 'server.mjs') } }, journal: join(directory, 'journal'), ...options });
  return running;
}

const labels = { app: 'web' };
const container = {
  name: 'app',
  image: 'shop/server:1',
  command: ['server'],
  ports: [{ name: 'http', containerPort: 8080 }],
  env: [{ name: 'PORT', value: '8080' }],
  readinessProbe: { httpGet: { path: '/', port: 'http' } },
};
const ref = { namespace: 'shop', name: 'web' };
const alone = { namespace: 'shop', name: 'alone' };

async function fill(mesh: Mesh): Promise<void> {
  const { client } = mesh;
  await client.create(namespaceKind, { metadata: { name: 'shop' } });
  await client.create(configMapKind, { metadata: { namespace: 'shop', name: 'settings' }, data: { color: 'blue' } });
  await client.create(serviceKind, { metadata: ref, spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] } });
  const template = { metadata: { labels }, spec: { containers: [container] } };
  await client.create(deploymentKind, { metadata: ref, spec: { replicas: 2, selector: { matchLabels: labels }, template } });
  await client.create(podKind, { metadata: { ...alone, labels: { app: 'alone' } }, spec: { containers: [container] } });
  await mesh.waitReady({ timeoutMs: 15_000 });
  await runs(mesh);
}

const isReady = ({ status }: Pod): boolean => status?.conditions?.some(({ type, status: on }) => type === 'Ready' && on === 'True') ?? false;

/** Waits until the three pods are ready, and are the processes that run. */
async function runs(mesh: Mesh): Promise<readonly Pod[]> {
  await expect.poll(() => mesh.pods('shop').filter(isReady).length, { timeout: 15_000 }).toBe(3);
  const names = (list: readonly string[]): string => [...list].sort().join();
  expect(names(mesh.processes().map(({ pod }) => pod))).toBe(names(mesh.pods('shop').map(({ metadata }) => metadata.name)));
  return mesh.pods('shop');
}

async function answer(mesh: Mesh): Promise<string> {
  const { host, port } = await mesh.forward({ namespace: 'shop', name: 'web', port: 80 });
  return (await fetch(`http://${host}:${port}/`)).text();
}

const uids = (objects: readonly KubeObject[]): readonly (string | undefined)[] => objects.map(({ metadata }) => metadata.uid);

test('a mesh started again with its journal has its objects, and its pods run anew', async () => {
  const first = await start();
  await fill(first);
  const before = first.pods('shop');
  const service = await first.client.get(serviceKind, ref);
  const former = await answer(first);
  await first.close();

  const second = await start();
  expect((await second.client.get(configMapKind, { namespace: 'shop', name: 'settings' }))?.data).toEqual({ color: 'blue' });
  expect((await second.client.get(serviceKind, ref))?.spec.clusterIP).toBe(service?.spec.clusterIP);
  // What is ready is so by what runs now.
  await second.waitReady({ timeoutMs: 15_000 });
  const after = await runs(second);
  const kept = after.filter(({ metadata }) => uids(before).includes(metadata.uid));
  expect(kept.map(({ metadata }) => metadata.name)).toEqual(['alone']);
  expect(await answer(second)).not.toBe(former);
  const slices = await second.client.list(endpointSliceKind, { namespace: 'shop' });
  const served = slices.items.flatMap(({ endpoints }) => endpoints.map(({ targetRef }) => targetRef?.uid));
  expect(new Set(served)).toEqual(new Set(uids(after.filter((pod) => pod.metadata.labels?.['app'] === 'web'))));
  expect(served).toHaveLength(2);
}, 60_000);

test('of a mesh that ended in the middle nothing is believed: neither what was ready, nor what was being deleted', async () => {
  // As a mesh leaves it that is killed: objects that say of pods that they run.
  const journal = { path: join(directory, 'journal') };
  const api = await startApiServer({ journal, kubelet: true });
  const client = kubeClient({ server: api.url });
  await client.create(namespaceKind, { metadata: { name: 'shop' } });
  const status = { phase: 'Running' as const, podIP: '10.42.0.9', podIPs: [{ ip: '10.42.0.9' }], conditions: [{ type: 'Ready', status: 'True' as const }] };
  const old = async (name: string, extra: object = {}): Promise<Pod> => {
    const spec = { nodeName: 'weft-local', containers: [container] };
    const pod = await client.create(podKind, { metadata: { namespace: 'shop', name, labels: { app: name }, ...extra }, spec });
    await says(pod, status);
    return pod;
  };
  const says = ({ metadata: { namespace = '', name } }: Pod, value: Pod['status']) =>
    client.patch(podKind, { namespace, name }, { kind: 'merge', value: { status: value } }, { subresource: 'status' });
  const template = { metadata: { labels }, spec: { containers: [container] } };
  const set = await client.create(replicaSetKind, { metadata: ref, spec: { replicas: 1, selector: { matchLabels: labels }, template } });
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: set.metadata.uid ?? '', controller: true };
  await old('alone');
  await old('owned', { labels, ownerReferences: [owner] });
  await old('leaving');
  await client.delete(podKind, { namespace: 'shop', name: 'leaving' });
  const done = await old('done');
  await says(done, { phase: 'Succeeded' });
  expect((await client.get(podKind, { namespace: 'shop', name: 'leaving' }))?.metadata.deletionTimestamp).toBeDefined();
  client.close();
  await api.close();

  const mesh = await start({ programs: {} });
  const names = async (): Promise<readonly string[]> =>
    (await mesh.client.list(podKind, { namespace: 'shop' })).items.map(({ metadata }) => metadata.name.replace(/^web-.*/, 'one of web')).sort();
  await expect.poll(names).toEqual(['alone', 'done', 'one of web']);
  const { items } = await mesh.client.list(podKind, { namespace: 'shop' });
  expect(items.find(({ metadata }) => metadata.name === 'done')?.status?.phase).toBe('Succeeded');
  // Its program is not there: it does not run, and nothing says so.
  const pod = (): Pod | undefined => mesh.pods('shop').find(({ metadata }) => metadata.name === 'alone');
  await expect.poll(() => pod()?.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('CreateContainerConfigError');
  expect(pod()).toSatisfy((one: Pod) => !isReady(one) && one.status?.podIP !== '10.42.0.9');
}, 60_000);
