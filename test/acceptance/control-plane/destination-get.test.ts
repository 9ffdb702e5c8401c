// Destination.Get of the process against the embedded API server. spec/control-plane.md §1.2 – §1.6; spec/wire.md, Get stream semantics.
import type { EndpointSet } from '@weft/core';
import { nodeKind, podKind, replicaSetKind, serviceKind } from '@weft/kube';
import { applyUpdate, destinationService, RpcCode } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointOf, startCluster, type TestCluster } from './cluster.ts';
import { type Controller, isForeign, startController, stopControllers } from './controller.ts';
import { stalledReader } from './stalled-reader.ts';
import { addressesOf, openEndpoints, openStream } from './stream.ts';

let cluster: TestCluster;
let destination: Controller;

beforeAll(async () => {
  cluster = await startCluster();
  await cluster.client.create(nodeKind, { metadata: { name: 'node-a', labels: { 'topology.kubernetes.io/zone': 'zone-a' } } });
  destination = await startController('destination', [`--kubeconfig=${cluster.kubeconfig}`, '--default-opaque-ports=3306']);
});

afterAll(async () => {
  await stopControllers();
  await cluster?.[Symbol.asyncDispose]();
});

test('a meshed pod is an endpoint with its identity, its labels and an HTTP/2 hint', async () => {
  const ns = await cluster.namespace();
  const owner = await ns.deployment('web');
  await ns.service('web');
  const pod = await ns.pod('web-6c-1', { ip: '10.42.0.5', owner, labels: { 'pod-template-hash': '6c' }, spec: { serviceAccountName: 'web' } });
  await ns.slice('web', [endpointOf(pod, { zone: 'zone-a' })]);
  const stream = openEndpoints(destination.channel(), {
    path: ns.authority('web'),
    contextToken: `${JSON.stringify({ ns: ns.name, nodeName: 'node-a', pod: 'client' })}\n`,
  });
  const name = `web.${ns.name}.serviceaccount.identity.linkerd.cluster.local`;
  const [endpoint] = await stream.until((set) => set[0]?.labels['deployment'] !== undefined);
  expect(endpoint).toMatchObject({
    address: { ip: '10.42.0.5', port: 8080 },
    weight: 10_000,
    identity: { id: { kind: 'dns', name }, serverName: name },
    hint: 'h2',
    labels: {
      service: 'web',
      namespace: ns.name,
      pod: 'web-6c-1',
      deployment: 'web',
      serviceaccount: 'web',
      control_plane_ns: 'linkerd',
      pod_template_hash: '6c',
      zone: 'zone-a',
      zone_locality: 'local',
    },
  });
  expect(endpoint?.opaqueTransportPort).toBeUndefined();
  expect(stream.messages.at(-1)?.add?.metricLabels).toEqual({ service: 'web', namespace: ns.name });
});

test('a pod without a proxy is an endpoint without identity and hint', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const pod = await ns.pod('web', { ip: '10.42.0.5', meshed: false });
  await ns.slice('web', [endpointOf(pod), { addresses: ['192.0.2.7'], conditions: { ready: true } }]);
  const set = await openEndpoints(destination.channel(), { path: ns.authority('web') }).has('10.42.0.5:8080', '192.0.2.7:8080');
  expect(set.map(({ identity, hint }) => [identity, hint])).toEqual([
    [undefined, 'none'],
    [undefined, 'none'],
  ]);
});

test('endpoints come, change and go while the stream is open', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const [one, two] = [await ns.pod('one', { ip: '10.42.0.1' }), await ns.pod('two', { ip: '10.42.0.2' })];
  await ns.slice('web', [endpointOf(one)]);
  const stream = openEndpoints(destination.channel(), { path: ns.authority('web') });
  await stream.has('10.42.0.1:8080');
  await ns.slice('web', [endpointOf(one), endpointOf(two)]);
  await stream.has('10.42.0.1:8080', '10.42.0.2:8080');
  await cluster.client.patch(
    podKind,
    { namespace: ns.name, name: 'two' },
    { kind: 'merge', value: { metadata: { annotations: { 'config.linkerd.io/opaque-ports': 'http' } } } },
  );
  // Linkerd's looks at pods again when their slice changes.
  if (isForeign('destination')) await ns.slice('web', [endpointOf(one), endpointOf(two, { zone: 'zone-a' })]);
  await stream.until((set) => set.some(({ hint, opaqueTransportPort }) => hint === 'opaque' && opaqueTransportPort === 4143));
  const changed = stream.messages.at(-1);
  expect([changed?.add?.addrs?.length, changed?.remove ?? undefined]).toEqual([1, undefined]);
  await ns.slice('web', [endpointOf(two)]);
  await stream.has('10.42.0.2:8080');
  await ns.slice('web', []);
  await stream.has();
  expect(stream.messages.at(-1)?.remove?.addrs).toHaveLength(1);
});

test('endpoints that are not ready are left out until they are', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const pods = [await ns.pod('one', { ip: '10.42.0.1' }), await ns.pod('two', { ip: '10.42.0.2' }), await ns.pod('three', { ip: '10.42.0.3' })] as const;
  const endpoints = (ready: boolean) => [endpointOf(pods[0]), endpointOf(pods[1], { conditions: { ready } }), endpointOf(pods[2], { conditions: {} })];
  await ns.slice('web', endpoints(false));
  const stream = openEndpoints(destination.channel(), { path: ns.authority('web') });
  await stream.has('10.42.0.1:8080', '10.42.0.3:8080');
  await ns.slice('web', endpoints(true));
  await stream.has('10.42.0.1:8080', '10.42.0.2:8080', '10.42.0.3:8080');
  await ns.slice('web', endpoints(false));
  const left = await stream.has('10.42.0.1:8080', '10.42.0.3:8080');
  expect(new Set(left.map(({ labels }) => labels['pod']))).toEqual(new Set(['one', 'three']));
});

// Linkerd's own is silent.
test.skipIf(isForeign('destination'))('a Service without endpoints is told to exist, and its first endpoint follows', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const stream = openEndpoints(destination.channel(), { path: ns.authority('web') });
  expect((await stream.next()).noEndpoints).toEqual({ exists: true });
  await ns.slice('web', [endpointOf(await ns.pod('one', { ip: '10.42.0.1' }))]);
  await stream.has('10.42.0.1:8080');
});

// Linkerd's own forgets it until its slice changes.
test.skipIf(isForeign('destination'))('an address waits for the pod that it refers to', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const targetRef = { kind: 'Pod', name: 'late', namespace: ns.name };
  await ns.slice('web', [{ addresses: ['10.42.0.1'], targetRef }]);
  const stream = openEndpoints(destination.channel(), { path: ns.authority('web') });
  expect((await stream.next()).noEndpoints).toBeDefined();
  await ns.pod('late', { ip: '10.42.0.1' });
  const set = await stream.has('10.42.0.1:8080');
  expect(set[0]?.identity).toBeDefined();
});

test.skipIf(isForeign('destination'))('the owner of a pod is corrected when its ReplicaSet becomes known', async () => {
  const ns = await cluster.namespace();
  const owner = await ns.deployment('web');
  const { uid = '', ownerReferences = [] } = owner.metadata;
  await cluster.client.patch(replicaSetKind, { namespace: ns.name, name: 'web-6c' }, { kind: 'merge', value: { metadata: { ownerReferences: null } } });
  await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('web-6c-1', { ip: '10.42.0.1', owner }))]);
  const stream = openEndpoints(destination.channel(), { path: ns.authority('web') });
  await stream.until((set) => set[0]?.labels['replicaset'] === 'web-6c');
  await cluster.client.patch(replicaSetKind, { namespace: ns.name, name: 'web-6c' }, { kind: 'merge', value: { metadata: { uid, ownerReferences } } });
  const [endpoint] = await stream.until((set) => set[0]?.labels['deployment'] === 'web');
  expect(endpoint?.labels['replicaset']).toBeUndefined();
});

test.skipIf(isForeign('destination'))('the zone of the client is that of its node, also when the node comes later', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('one', { ip: '10.42.0.1' }), { zone: 'zone-b' })]);
  const stream = openEndpoints(destination.channel(), { path: ns.authority('web'), contextToken: '{"nodeName":"node-b"}' });
  await stream.until((set) => set[0]?.labels['zone_locality'] === 'unknown');
  await cluster.client.create(nodeKind, { metadata: { name: 'node-b', labels: { 'topology.kubernetes.io/zone': 'zone-b' } } });
  const [endpoint] = await stream.until((set) => set[0]?.labels['zone_locality'] === 'local');
  expect(endpoint?.labels['zone']).toBe('zone-b');
});

test('a local traffic policy leaves the pods of the node that the context token names', async () => {
  const ns = await cluster.namespace();
  await ns.service('web', undefined, { internalTrafficPolicy: 'Local' });
  const here = await ns.pod('here', { ip: '10.42.0.1', spec: { nodeName: 'node-a' } });
  const there = await ns.pod('there', { ip: '10.42.0.2', spec: { nodeName: 'node-z' } });
  await ns.slice('web', [endpointOf(here), endpointOf(there)]);
  const path = ns.authority('web');
  await openEndpoints(destination.channel(), { path, contextToken: '{"nodeName":"node-a"}' }).has('10.42.0.1:8080');
  const other = await openEndpoints(destination.channel(), { path, contextToken: '{"nodeName":"node-z"}' }).has('10.42.0.2:8080');
  expect(other[0]?.labels['pod']).toBe('there');
});

test('removes the addresses of a deleted Service and keeps the stream open', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const pod = await ns.pod('one', { ip: '10.42.0.1' });
  await ns.slice('web', [endpointOf(pod)]);
  const stream = openEndpoints(destination.channel(), { path: ns.authority('web') });
  await stream.has('10.42.0.1:8080');
  await cluster.client.delete(serviceKind, { namespace: ns.name, name: 'web' });
  await stream.has();
  expect(stream.messages.at(-1)?.remove?.addrs).toHaveLength(1);
  await ns.service('web');
  // Linkerd's looks at slices again when they change.
  if (isForeign('destination')) await ns.slice('web', [endpointOf(pod, { zone: 'zone-a' })]);
  await stream.has('10.42.0.1:8080');
});

test('a port that the Service does not define is used as the port of the endpoints', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('one', { ip: '10.42.0.1' }))]);
  const set = await openEndpoints(destination.channel(), { path: ns.authority('web', 9999) }).has('10.42.0.1:9999');
  expect(set[0]?.identity).toBeDefined();
});

test('a host name in front of a Service selects the one pod', async () => {
  const ns = await cluster.namespace();
  await ns.service('db', undefined, { clusterIP: 'None' });
  const [zero, one] = [await ns.pod('db-0', { ip: '10.42.0.1' }), await ns.pod('db-1', { ip: '10.42.0.2' })];
  await ns.slice('db', [endpointOf(zero, { hostname: 'db-0' }), endpointOf(one, { hostname: 'db-1' })]);
  const set = await openEndpoints(destination.channel(), { path: `db-1.${ns.authority('db')}` }).has('10.42.0.2:8080');
  expect(set[0]?.labels['pod']).toBe('db-1');
});

test.each([
  ['config.linkerd.io/skip-inbound-ports', '8080', { hint: 'none', identity: undefined, opaqueTransportPort: undefined }],
  ['config.linkerd.io/opaque-ports', '', { hint: 'h2', opaqueTransportPort: undefined }],
  ['config.linkerd.io/opaque-ports', '8000-9000', { hint: 'opaque', opaqueTransportPort: 4143 }],
])('the annotation %s=%j gives %j', async (key, value, expected) => {
  const ns = await cluster.namespace();
  await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('one', { ip: '10.42.0.1', annotations: { [key]: value } }))]);
  const [endpoint] = await openEndpoints(destination.channel(), { path: ns.authority('web') }).has('10.42.0.1:8080');
  expect(endpoint).toMatchObject(expected);
});

test('a port that is opaque by default is reached through the transport header', async () => {
  const ns = await cluster.namespace();
  await ns.service('db', [{ name: 'mysql', port: 3306 }]);
  await ns.slice('db', [endpointOf(await ns.pod('db', { ip: '10.42.0.1' }))], [{ name: 'mysql', port: 3306 }]);
  const [endpoint] = await openEndpoints(destination.channel(), { path: ns.authority('db', 3306) }).has('10.42.0.1:3306');
  expect(endpoint).toMatchObject({ hint: 'opaque', opaqueTransportPort: 4143 });
});

test('with transport-header every meshed endpoint but the ports of the proxy itself names its inbound port', async () => {
  const ns = await cluster.namespace();
  await ns.service('web', [
    { name: 'http', port: 80, targetPort: 8080 },
    { name: 'admin', port: 4191 },
  ]);
  const ports = [
    { name: 'http', port: 8080 },
    { name: 'admin', port: 4191 },
  ];
  await ns.slice('web', [endpointOf(await ns.pod('one', { ip: '10.42.0.1' }))], ports);
  const http2 = '{"keep_alive":{"interval":{"seconds":10},"timeout":{"seconds":3},"while_idle":true}}';
  await using other = await startController('destination', [
    `-kubeconfig=${cluster.kubeconfig}`,
    '-outbound-transport-mode=transport-header',
    `-meshed-http2-client-params=${http2}`,
  ]);
  const channel = other.channel();
  const [web] = await openEndpoints(channel, { path: ns.authority('web') }).has('10.42.0.1:8080');
  const [admin] = await openEndpoints(channel, { path: ns.authority('web', 4191) }).has('10.42.0.1:4191');
  expect([web?.hint, web?.opaqueTransportPort, admin?.opaqueTransportPort]).toEqual(['h2', 4143, undefined]);
  expect(web?.http2).toMatchObject({ keepAlive: { intervalMs: 10_000, timeoutMs: 3000, whileIdle: true } });
});

test('a Service that is not there is NotFound', async () => {
  const stream = openStream(destination.channel(), destinationService.Get, { path: 'none.default.svc.cluster.local:80' });
  expect([await stream.ended, stream.messages]).toEqual([RpcCode.NOT_FOUND, []]);
});

test.each([
  '',
  'linkerd.io:80',
  '10.42.0.1:80',
  '[::1]:80',
  'web.default.svc.cluster.local:0',
  'web.default.svc.cluster.local:65536',
  'web.default.svc.cluster.local:http',
  'web.default.svc.cluster.local.:80',
  'web.default.svc.other.domain:80',
  'a.b.web.default.svc.cluster.local:80',
  'svc.cluster.local:80',
])('the authority %j is an InvalidArgument', async (path) => {
  expect(await openEndpoints(destination.channel(), { path }).ended).toBe(RpcCode.INVALID_ARGUMENT);
});

// Linkerd's controller has no such bounds.
test.skipIf(isForeign('destination'))('what is longer than any name is refused, and cannot make labels of its length', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const [channel, long] = [destination.channel(), 'a'.repeat(1_000_000)];
  for (const path of [long, `${long}.${ns.authority('web')}`]) expect(await openEndpoints(channel, { path }).ended).toBe(RpcCode.INVALID_ARGUMENT);
  const stream = openEndpoints(channel, { path: ns.authority('web'), contextToken: JSON.stringify({ nodeName: long }) });
  await stream.next();
  expect((await destination.admin('/metrics')).body.length).toBeLessThan(long.length);
  expect(destination.log.length).toBeLessThan(long.length);
  stream.cancel();
});

test('a Service of type ExternalName is an InvalidArgument', async () => {
  const ns = await cluster.namespace();
  await ns.service('out', [], { type: 'ExternalName', externalName: 'example.com' });
  expect(await openEndpoints(destination.channel(), { path: ns.authority('out') }).ended).toBe(RpcCode.INVALID_ARGUMENT);
});

test('streams that ask the same are served alike, and one that leaves takes nothing from the other', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const pod = await ns.pod('one', { ip: '10.42.0.1' });
  await ns.slice('web', [endpointOf(pod)]);
  const channel = destination.channel();
  const [first, second] = [openEndpoints(channel, { path: ns.authority('web') }), openEndpoints(channel, { path: ns.authority('web') })];
  await Promise.all([first.has('10.42.0.1:8080'), second.has('10.42.0.1:8080')]);
  first.cancel();
  expect(await first.ended).toBe(RpcCode.CANCELLED);
  await ns.slice('web', []);
  expect(await second.has()).toEqual([]);
});

// Linkerd's own keeps a hundred updates and then ends the stream.
test.skipIf(isForeign('destination'))('a slow reader harms nobody, and gets the present state when it reads on', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const rounds = 60;
  const many = (round: number) => Array.from({ length: 250 }, (_, index) => ({ addresses: [`192.0.${round}.${index}`] }));
  const isRound = (set: EndpointSet, round: number): boolean => set.length === 250 && set.every(({ address }) => address.ip.startsWith(`192.0.${round}.`));
  await ns.slice('web', many(0));
  const request = { path: ns.authority('web') };
  const eager = openEndpoints(destination.channel(), request);
  await eager.until((set) => isRound(set, 0));
  const slow = await stalledReader(destination.port, destinationService.Get, request);
  for (let round = 1; round <= rounds; round++) {
    await ns.slice('web', many(round));
    await eager.until((set) => isRound(set, round));
  }
  let [set, isFirst]: [EndpointSet, boolean] = [[], true];
  const messages = await slow.read((update) => {
    const applied = applyUpdate(set, update, isFirst);
    isFirst = false;
    set = applied.kind === 'endpoints' ? applied.endpoints : [];
    return isRound(set, rounds);
  });
  slow.close();
  expect(isRound(set, rounds)).toBe(true);
  // Most of the 120 changes were left out: what waits for a reader is one state, and what is in flight.
  expect(messages.length).toBeLessThan(60);
});

test('counts calls and open streams', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const labels = { grpc_service: 'io.linkerd.proxy.destination.Destination', grpc_method: 'Get' };
  await ns.slice('web', [{ addresses: ['192.0.2.9'] }]);
  const before = await destination.metric('grpc_server_started_total', labels);
  const stream = openEndpoints(destination.channel(), { path: ns.authority('web') });
  await stream.next();
  expect(await destination.metric('grpc_server_started_total', labels)).toBeGreaterThan(before);
  const streams = isForeign('destination') ? 1 : await destination.metric('weft_destination_streams', { method: 'Get' });
  expect(streams).toBeGreaterThanOrEqual(1);
  expect((await destination.admin('/ping')).body).toBe('pong\n');
  expect((await destination.admin('/ready')).body).toBe('ok\n');
});

test('zones weigh in when asked to', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  const [here, there] = [await ns.pod('here', { ip: '10.42.0.1' }), await ns.pod('there', { ip: '10.42.0.2' })];
  await ns.slice('web', [endpointOf(here, { zone: 'zone-a' }), endpointOf(there, { zone: 'zone-b' })]);
  await using other = await startController('destination', [`-kubeconfig=${cluster.kubeconfig}`, '-ext-endpoint-zone-weights', '-enable-pprof=false']);
  const stream = openEndpoints(other.channel(), { path: ns.authority('web'), contextToken: '{"nodeName":"node-a"}' });
  const set = await stream.has('10.42.0.1:8080', '10.42.0.2:8080');
  expect(new Map(set.map(({ labels, weight }) => [labels['pod'], weight]))).toEqual(
    new Map([
      ['here', 100_000],
      ['there', 10_000],
    ]),
  );
});

test('a shutdown ends the streams so that clients ask elsewhere, and exits with 0', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  await ns.slice('web', [{ addresses: ['192.0.2.9'] }]);
  await using other = await startController('destination', [`--kubeconfig=${cluster.kubeconfig}`]);
  const stream = openEndpoints(other.channel(), { path: ns.authority('web') });
  await stream.next();
  const code = other.terminate();
  expect(await stream.ended).toBe(RpcCode.OK);
  expect(await code).toBe(0);
});

test('one connection carries hundreds of streams', async () => {
  const ns = await cluster.namespace();
  await ns.service('web');
  await ns.slice('web', [endpointOf(await ns.pod('one', { ip: '10.42.0.1' }))]);
  const channel = destination.channel();
  const streams = Array.from({ length: 300 }, (_, index) => openEndpoints(channel, { path: ns.authority('web', 1000 + index) }));
  const sets = await Promise.all(streams.map((stream) => stream.until((set) => set.length === 1)));
  expect(new Set(sets.flatMap(addressesOf)).size).toBe(300);
  for (const stream of streams) stream.cancel();
});
