// What is told of an endpoint, to whom, and how streams carry it. spec/control-plane.md §1.2, §1.6, §1.7, §5, §6 rows 1, 4, 17, 18, 21, 24.
import { customResourceDefinitionKind, jobKind, serviceKind } from '@weft/kube';
import { linkerdDefinitions } from '@weft/kube/crds';
import { destinationService, profileFromWire, RpcCode } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointOf, startCluster } from './cluster.ts';
import { isForeign, startController, stopControllers } from './controller.ts';
import { type DestinationScene, destinationScene, questions } from './destination-scene.ts';
import { openStream } from './stream.ts';

const HTTP2 = '{"keep_alive":{"interval":{"seconds":10},"timeout":{"seconds":3},"while_idle":true}}';

let scene: DestinationScene;
beforeAll(async () => {
  scene = await destinationScene([`-meshed-http2-client-params=${HTTP2}`]);
});
afterAll(async () => {
  await stopControllers();
  await scene?.[Symbol.asyncDispose]();
});

// Row 1.
test.each([
  ['Get', destinationService.Get],
  ['GetProfile', destinationService.GetProfile],
] as const)('%s of a name outside of the cluster, or of another cluster domain, is an InvalidArgument', async (_name, method) => {
  for (const path of ['linkerd.io', 'linkerd.io:80', 'web.shop.svc.other.domain:80']) {
    expect(await openStream(scene.destination.channel(), method as typeof destinationService.Get, { path }).ended).toBe(RpcCode.INVALID_ARGUMENT);
  }
});

// Rows 1 and §1.10: the port check comes first.
test('an ExternalName Service is an InvalidArgument, and has the empty profile for ports that it does not declare', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('out', [{ port: 443 }], { type: 'ExternalName', externalName: 'example.com' });
  expect(await scene.get(ns.authority('out', 443)).ended).toBe(RpcCode.INVALID_ARGUMENT);
  expect(await scene.profileOf(ns.authority('out', 80))).toEqual(profileFromWire({}));
  expect(await scene.profile(ns.authority('out', 443)).ended).toBe(RpcCode.INVALID_ARGUMENT);
});

// Row 4.
test('a meshed endpoint has the HTTP/2 parameters that are configured, one without a proxy has none', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const [meshed, plain] = [await ns.pod('meshed', { ip: '10.42.8.1' }), await ns.pod('plain', { ip: '10.42.8.2', meshed: false })];
  await ns.slice('web', [endpointOf(meshed), endpointOf(plain)]);
  const set = await scene.get(ns.authority('web')).has('10.42.8.1:8080', '10.42.8.2:8080');
  const http2 = new Map(set.map((endpoint) => [endpoint.labels['pod'], endpoint.http2]));
  expect(http2.get('meshed')).toMatchObject({ keepAlive: { intervalMs: 10_000, timeoutMs: 3000, whileIdle: true } });
  expect(http2.get('plain')).toBeUndefined();
});

// Row 17.
test.each([
  ['JSON', (ns: string) => `{"ns":"${ns}","nodeName":"node-a","pod":"client"}\n`, 'local', 'own'],
  ['the old form', (ns: string) => `ns:${ns}`, 'unknown', 'own'],
  ['garbage', () => 'n0t-json', 'unknown', undefined],
  ['the old form with too much', (ns: string) => `ns:${ns}:more`, 'unknown', undefined],
  ['nothing', () => '', 'unknown', undefined],
])('a context token of %s is understood as far as it goes', async (_form, tokenOf, locality, route) => {
  const [ns, own] = [await scene.cluster.namespace(), await scene.cluster.namespace()];
  await ns.service('web');
  await own.serviceProfile(`web.${ns.name}.svc.cluster.local`, { routes: [{ name: 'own', condition: { method: 'GET' } }] });
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.8.3' }), { zone: 'zone-a' })]);
  const [endpoint] = await scene.get(ns.authority('web'), tokenOf(own.name)).has('10.42.8.3:8080');
  expect(endpoint?.labels['zone_locality']).toBe(locality);
  // Whoever knows the profile by the namespace itself has seen it.
  await scene.profileOf(ns.authority('web'), ({ routes }) => routes.length > 0, { ns: own.name });
  expect((await scene.profileOf(ns.authority('web'), () => true, tokenOf(own.name))).routes[0]?.labels['route']).toBe(route);
});

// Row 18.
test('an addition and a removal are two messages, and after the last removal another addition works', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const pod = await ns.pod('web', { ip: '10.42.8.4' });
  await ns.slice('web', [endpointOf(pod)]);
  const stream = scene.get(ns.authority('web'));
  await stream.has('10.42.8.4:8080');
  await ns.slice('web', []);
  await stream.has();
  expect(stream.messages.slice(-2).map(({ add, remove }) => [add?.addrs?.length, remove?.addrs?.length])).toEqual([
    [1, undefined],
    [undefined, 1],
  ]);
  await ns.slice('web', [endpointOf(pod)]);
  await stream.has('10.42.8.4:8080');
});

// Row 21.
test('labels of sets and of pods are those that metrics are known by, whoever owns the pod', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const replicaSet = await ns.deployment('web');
  const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'app', image: 'app' }] } };
  const job = await scene.cluster.client.create(jobKind, { metadata: { name: 'once', namespace: ns.name }, spec: { template } });
  const owned = await ns.pod('web-6c-1', { ip: '10.42.8.5', owner: replicaSet, labels: { 'pod-template-hash': '6c' }, spec: { serviceAccountName: 'web' } });
  const once = await ns.pod('once-1', { ip: '10.42.8.6', meshed: false });
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'once', uid: job.metadata.uid ?? '' };
  await scene.patchPod(once, { metadata: { ownerReferences: [owner] } });
  await ns
    .pod('alone', { ip: '10.42.8.7', meshed: false })
    .then((alone) => ns.slice('web', [endpointOf(owned, { zone: 'zone-a' }), endpointOf(once), endpointOf(alone)]));
  const stream = scene.get(ns.authority('web'), { nodeName: 'node-a' });
  await stream.until(
    (set) => set.length === 3 && set.some(({ labels }) => labels['k8s_job'] === 'once') && set.some(({ labels }) => labels['deployment'] === 'web'),
  );
  const sets = stream.messages.flatMap(({ add }) => add ?? []);
  for (const { metricLabels } of sets) expect(metricLabels).toEqual({ service: 'web', namespace: ns.name });
  const own = new Map(sets.flatMap(({ addrs = [] }) => addrs.map(({ metricLabels = {} }) => [metricLabels['pod'], metricLabels] as const)));
  expect(Object.fromEntries(own)).toEqual({
    'web-6c-1': {
      pod: 'web-6c-1',
      deployment: 'web',
      serviceaccount: 'web',
      control_plane_ns: 'linkerd',
      pod_template_hash: '6c',
      zone: 'zone-a',
      zone_locality: 'local',
    },
    'once-1': { pod: 'once-1', k8s_job: 'once', serviceaccount: 'default', zone: '', zone_locality: 'unknown' },
    alone: { pod: 'alone', serviceaccount: 'default', zone: '', zone_locality: 'unknown' },
  });
});

// Row 24.
test('a hundred changes at once and a hundred streams end in the same set for all', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  const streams = Array.from({ length: 100 }, () => scene.get(ns.authority('web')));
  const addresses = Array.from({ length: 100 }, (_, index) => `192.0.2.${index + 1}`);
  await Promise.all(addresses.map((ip, index) => ns.slice('web', [{ addresses: [ip] }], undefined, { name: `web-${index}` })));
  const sets = await Promise.all(streams.map((stream) => stream.until((set) => set.length === 100)));
  for (const set of sets) expect(new Set(set.map(({ address }) => address.ip))).toEqual(new Set(addresses));
  for (const stream of streams) stream.cancel();
});

test('endpoints are counted for each filter group, and no longer when its last stream has left', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.8.8' }))]);
  const labels = { cluster: 'local', namespace: ns.name, service: 'web', port: '80', hostname: '', nodename: 'node-a' };
  const streams = [1, 2].map(() => scene.get(ns.authority('web'), { nodeName: 'node-a' }));
  for (const stream of streams) await stream.has('10.42.8.8:8080');
  const metric = (name: string) => scene.destination.metric(`endpoints_${name}`, labels);
  expect(await metric('subscribers')).toBe(2);
  // Linkerd's counts only what comes after the first listener.
  const [pods, exists] = isForeign('destination') ? [1, 1] : [await metric('pods'), await metric('exists')];
  expect([pods, exists]).toEqual([1, 1]);
  for (const stream of streams) stream.cancel();
  await expect.poll(async () => (await scene.destination.admin('/metrics')).body.match(new RegExp(`^endpoints_.*namespace="${ns.name}"`, 'm'))).toBeNull();
});

test.skipIf(isForeign('destination'))('a cluster without the custom resources of the mesh is served without them, and with them when they come', async () => {
  await using cluster = await startCluster({ definitions: [] });
  const ns = await cluster.namespace();
  await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.8.9' }))]);
  await using destination = await startController('destination', [`-kubeconfig=${cluster.kubeconfig}`]);
  const stream = questions(destination.channel()).get(ns.authority('web'));
  await stream.has('10.42.8.9:8080');
  for (const kind of ['Server', 'ServiceProfile', 'ExternalWorkload']) expect(destination.log).toMatch(new RegExp(`cannot be read.*kind=${kind}`));
  for (const definition of linkerdDefinitions) await cluster.client.create(customResourceDefinitionKind, definition);
  await ns.opaqueServer('web', {});
  await stream.until(([endpoint]) => endpoint?.hint === 'opaque');
});

test.skipIf(isForeign('destination'))('objects that are not as they should be harm no others', async () => {
  const ns = await scene.cluster.namespace();
  await scene.cluster.client.create(serviceKind, { metadata: { name: 'web', namespace: ns.name }, spec: { ports: [{ name: 'http', port: 80 }] } });
  const stream = scene.get(ns.authority('web'));
  await stream.next();
  await ns.slice('web', null as never, undefined, { name: 'without-endpoints' });
  await ns.slice('web', [{ addresses: ['host.example'] }], undefined, { name: 'names', addressType: 'FQDN' });
  await ns.slice('web', [endpointOf(await ns.pod('web', { ip: '10.42.8.10', annotations: { 'config.linkerd.io/opaque-ports': 'no such,70000,,9-1' } }))]);
  const [endpoint] = await stream.has('10.42.8.10:8080');
  expect(endpoint?.hint).toBe('h2');
});
