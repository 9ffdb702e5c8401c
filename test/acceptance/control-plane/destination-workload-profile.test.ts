// Profiles of addresses: cluster IPs, pods, host ports, nobody's. spec/control-plane.md §1.10, §6 rows 9 to 12, 15, 16, 22.
import { podKind } from '@weft/kube';
import { destinationService, profileFromWire, RpcCode } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiFront } from './api-front.ts';
import { endpointOf } from './cluster.ts';
import { isForeign, startController, stopControllers } from './controller.ts';
import { DEFAULT_BUDGET, type DestinationScene, destinationScene, dualStack, questions } from './destination-scene.ts';
import { openStream } from './stream.ts';

let scene: DestinationScene;
beforeAll(async () => {
  scene = await destinationScene();
});
afterAll(async () => {
  await stopControllers();
  await scene?.[Symbol.asyncDispose]();
});

const labelled = (pod: string) => (profile: { readonly endpoint?: { readonly labels: Readonly<Record<string, string>> } | undefined }) =>
  profile.endpoint?.labels['pod'] === pod;

// Row 9.
test('both cluster IPs of a Service have the profile with its name', async () => {
  const ns = await scene.cluster.namespace();
  const { spec } = await ns.service('web', undefined, {
    clusterIP: '10.43.9.9',
    clusterIPs: ['10.43.9.9', 'fd00:43::9'],
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'PreferDualStack',
  });
  expect(spec.clusterIPs).toEqual(['10.43.9.9', 'fd00:43::9']);
  // Whoever knows the Service by its name knows it by its addresses.
  await scene.profileOf(ns.authority('web'));
  for (const path of ['10.43.9.9:80', '[fd00:43::9]:80']) {
    const profile = await scene.profileOf(path, ({ fullyQualifiedName }) => fullyQualifiedName !== '');
    expect([profile.fullyQualifiedName, profile.endpoint]).toEqual([`web.${ns.name}.svc.cluster.local`, undefined]);
  }
});

// Row 10.
test('the DNS name of a pod and each of its addresses have a profile with that endpoint, its namespace, and no name', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('db', undefined, { clusterIP: 'None' });
  const pod = await ns.pod('db-0', dualStack('10.42.4.1', '2001:db8:4::1'));
  await ns.slice('db', [endpointOf(pod, { hostname: 'db-0' })]);
  // Pods are seen in the order they are written in: whoever knows the second knows all of the first.
  await ns.pod('marker', { ip: '10.42.4.9' });
  await scene.profileOf('10.42.4.9:8080', labelled('marker'));
  for (const [path, ip] of [
    [`db-0.${ns.authority('db', 8080)}`, '10.42.4.1'],
    ['10.42.4.1:8080', '10.42.4.1'],
    ['[2001:db8:4::1]:8080', '2001:db8:4::1'],
  ] as const) {
    const profile = await scene.profileOf(path, labelled('db-0'));
    expect(profile).toMatchObject({ fullyQualifiedName: '', endpoint: { address: { ip, port: 8080 }, labels: { namespace: ns.name } } });
  }
});

// Row 11.
test('a pod is found by its address as a dual-stack socket writes it', async () => {
  const ns = await scene.cluster.namespace();
  await ns.pod('mapped', { ip: '10.42.77.1' });
  expect((await scene.profileOf('[::ffff:10.42.77.1]:8080', labelled('mapped'))).endpoint?.address).toEqual({ ip: '10.42.77.1', port: 8080 });
});

// Linkerd's controller ends there.
test.skipIf(isForeign('destination'))('the host name of an endpoint that is no pod is NotFound', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('db', undefined, { clusterIP: 'None' });
  await ns.slice('db', [{ addresses: ['192.0.2.7'], hostname: 'db-0' }]);
  await scene.profileOf(ns.authority('db'));
  expect(await openStream(scene.destination.channel(), destinationService.GetProfile, { path: `db-0.${ns.authority('db')}` }).ended).toBe(RpcCode.NOT_FOUND);
});

test('a pod that does not run has no identity in its profile, and a second message has it when it runs', async () => {
  const ns = await scene.cluster.namespace();
  const pod = await ns.pod('web', { ip: '10.42.4.2', phase: 'Pending' });
  const stream = scene.profile('10.42.4.2:8080');
  expect((await stream.next()).endpoint?.tlsIdentity ?? undefined).toBeUndefined();
  await scene.cluster.client.updateStatus(podKind, { ...pod, status: { ...pod.status, phase: 'Running' } });
  const { endpoint } = profileFromWire(await stream.next());
  expect(endpoint?.identity?.serverName).toBe(`default.${ns.name}.serviceaccount.identity.linkerd.cluster.local`);
});

// Row 12.
test.each([
  ['203.0.113.7:3306', true],
  ['203.0.113.7:80', false],
])('an address of nobody, %s, has a profile with the default budget, opaque: %s', async (path, opaqueProtocol) => {
  const profile = await scene.profileOf(path);
  expect(profile).toMatchObject({
    fullyQualifiedName: '',
    opaqueProtocol,
    retryBudget: DEFAULT_BUDGET,
    endpoint: { weight: 10_000, labels: {}, hint: 'none' },
  });
});

// Row 15.
test('a pod is found by its port on the host, and another one that takes its place as well', async () => {
  const ns = await scene.cluster.namespace();
  const spec = { nodeName: 'node-a', containers: [{ name: 'app', image: 'app', ports: [{ containerPort: 8080, hostPort: 7777 }] }] };
  const onHost = (name: string, ip: string) =>
    ns.pod(name, { ip, meshed: false, spec, status: { podIP: ip, hostIP: '192.0.2.20', hostIPs: [{ ip: '192.0.2.20' }] } });
  await onHost('first', '10.42.4.3');
  await scene.profileOf('192.0.2.20:7777', labelled('first'));
  const stream = scene.profile('192.0.2.20:7777');
  await stream.until(({ endpoint }) => endpoint?.metricLabels?.['pod'] === 'first');
  await scene.cluster.client.delete(podKind, { namespace: ns.name, name: 'first' });
  await stream.until(({ endpoint }) => endpoint?.metricLabels?.['pod'] === undefined);
  await onHost('second', '10.42.4.4');
  const { endpoint } = profileFromWire(await stream.until((message) => message.endpoint?.metricLabels?.['pod'] === 'second'));
  expect(endpoint?.address).toEqual({ ip: '192.0.2.20', port: 7777 });
  expect((await scene.profileOf('192.0.2.20:7778')).endpoint?.labels).toEqual({});
});

// Row 16.
test('a cluster IP of two Services is a FailedPrecondition', async () => {
  await using front = await apiFront(scene.cluster);
  const twice = ['one', 'two'].map((name, index) => ({
    metadata: { name, namespace: 'default', resourceVersion: String(index + 1) },
    spec: { type: 'ClusterIP', clusterIP: '10.43.99.99', clusterIPs: ['10.43.99.99'], ports: [{ port: 80 }] },
  }));
  // No API server gives one address to two Services; a cache may see it for a moment.
  const list = (await scene.cluster.client.raw('GET', '/api/v1/services')) as object;
  const refused = { apiVersion: 'v1', kind: 'Status', status: 'Failure', reason: 'Invalid', code: 422, message: 'no lists by watch' };
  front.answer = ({ path }) => {
    if (!path.startsWith('/api/v1/services')) return undefined;
    if (!path.includes('watch=')) return { code: 200, body: { ...list, items: twice } };
    return path.includes('sendInitialEvents') ? { code: 422, body: refused } : undefined;
  };
  await using destination = await startController('destination', [`-kubeconfig=${front.kubeconfig}`]);
  const ask = questions(destination.channel());
  expect(await ask.profile('10.43.99.99:80').ended).toBe(RpcCode.FAILED_PRECONDITION);
});

// Row 22.
test('the address of an external workload has its profile', async () => {
  const ns = await scene.cluster.namespace();
  await ns.externalWorkload('vm', { workloadIPs: [{ ip: '198.51.100.4' }], ports: [{ name: 'http', port: 8080 }] });
  const profile = await scene.profileOf('198.51.100.4:8080', ({ endpoint }) => endpoint?.identity !== undefined);
  expect(profile.endpoint).toMatchObject({
    identity: { id: { kind: 'uri', uri: 'spiffe://root.linkerd.cluster.local/vm' }, serverName: 'vm.cluster.local' },
    labels: { external_workload: 'vm', namespace: ns.name },
    hint: 'h2',
  });
  expect((await scene.profileOf('198.51.100.4:9090')).endpoint?.identity).toBeUndefined();
});
