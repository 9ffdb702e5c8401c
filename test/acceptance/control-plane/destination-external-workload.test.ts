// External workloads as endpoints, and the slices that are written for them. spec/control-plane.md §1.6, §1.9, §6 rows 22 and 44.
import { type EndpointSlice, type ExternalWorkload, endpointSliceKind, externalWorkloadKind, leaseKind, type Service } from '@weft/kube';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestNamespace } from './cluster.ts';
import { startController, stopControllers } from './controller.ts';
import { type DestinationScene, destinationScene } from './destination-scene.ts';

let scene: DestinationScene;
beforeAll(async () => {
  scene = await destinationScene();
});
afterAll(async () => {
  await stopControllers();
  await scene?.[Symbol.asyncDispose]();
});

const MANAGER = 'linkerd-external-workloads-controller';
const labels = { app: 'vm' };
const ports = [{ name: 'http', port: 8080 }];
const selected = (ns: TestNamespace, more: Partial<Service['spec']> = {}) => ns.service('vms', undefined, { selector: labels, ...more });
const vm = (ns: TestNamespace, name: string, spec: Partial<ExternalWorkload['spec']>) => ns.externalWorkload(name, { ports, ...spec }, { labels });

/** The slices that the controller wrote in a namespace, as soon as they satisfy `test`. */
async function slices(ns: TestNamespace, check: (slices: readonly EndpointSlice[]) => boolean): Promise<readonly EndpointSlice[]> {
  let found: readonly EndpointSlice[] = [];
  await expect
    .poll(
      async () => {
        const { items } = await scene.cluster.client.list(endpointSliceKind, { namespace: ns.name });
        found = items.filter(({ metadata }) => metadata.labels?.['endpointslice.kubernetes.io/managed-by'] === MANAGER);
        return check(found);
      },
      { timeout: 8000 },
    )
    .toBe(true);
  return found;
}
const count = (found: readonly EndpointSlice[]): number => found.reduce((sum, { endpoints }) => sum + endpoints.length, 0);

// Row 22.
test('an external workload is an endpoint with a URI as identity, its server name, and port 4143 unless it names another', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('vms');
  const spec = { meshTLS: { identity: 'vm.dns.shaped', serverName: 'vm.cluster.local' } };
  const { metadata } = await ns.deployment('fleet');
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: metadata.name, uid: metadata.uid ?? '' };
  await ns.externalWorkload('plain', { ...spec, ports }, { ownerReferences: [owner] });
  await ns.externalWorkload('other', { ...spec, ports: [...ports, { name: 'linkerd-proxy', port: 14_143 }] });
  await ns.opaqueServer('vms', { externalWorkloadSelector: {}, port: 'http' });
  const target = (name: string) => ({ kind: 'ExternalWorkload', name, namespace: ns.name });
  await ns.slice('vms', [
    { addresses: ['198.51.100.1'], targetRef: target('plain'), zone: 'zone-b' },
    { addresses: ['198.51.100.2'], targetRef: target('other') },
  ]);
  const stream = scene.get(ns.authority('vms'), { nodeName: 'node-a' });
  const set = await stream.until((now) => now.length === 2 && now.every(({ hint }) => hint === 'opaque'));
  const [plain, other] = [...set].sort((a, b) => (a.address.ip < b.address.ip ? -1 : 1));
  expect(plain).toMatchObject({
    hint: 'opaque',
    opaqueTransportPort: 4143,
    labels: { external_workload: 'plain', replicaset: 'fleet-6c', zone: 'zone-b', zone_locality: 'remote', service: 'vms', namespace: ns.name },
  });
  expect(other?.opaqueTransportPort).toBe(14_143);
  const identities = stream.messages.flatMap(({ add }) => add?.addrs ?? []).map(({ tlsIdentity }) => tlsIdentity);
  for (const identity of identities) expect([identity?.uriLikeIdentity?.uri, identity?.serverName?.name]).toEqual(['vm.dns.shaped', 'vm.cluster.local']);
});

// Row 44.
test('slices are written for each family that a Service has, with the ports that the workload declares', async () => {
  const ns = await scene.cluster.namespace();
  const service = await selected(ns, {
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'PreferDualStack',
    ports: [{ name: 'web', port: 80, targetPort: 'http' }],
  });
  await vm(ns, 'one', { workloadIPs: [{ ip: '198.51.100.1' }, { ip: '2001:db8::1' }] });
  await vm(ns, 'two', { workloadIPs: [{ ip: '198.51.100.2' }], ports: [{ name: 'http', port: 9090 }] });
  await vm(ns, 'udp', { workloadIPs: [{ ip: '198.51.100.3' }], ports: [{ name: 'http', port: 53, protocol: 'UDP' }] });
  await ns.externalWorkload('other', { workloadIPs: [{ ip: '198.51.100.4' }], ports });
  const found = await slices(ns, (now) => count(now) === 4);
  const flat = found.flatMap((slice) =>
    slice.endpoints.map(({ addresses }) => `${slice.addressType} ${addresses.join()} ${(slice.ports ?? []).map(({ name, port }) => `${name}=${port}`).join()}`),
  );
  expect(flat.sort()).toEqual(['IPv4 198.51.100.1 web=8080', 'IPv4 198.51.100.2 web=9090', 'IPv4 198.51.100.3 ', 'IPv6 2001:db8::1 web=8080']);
  for (const { metadata } of found) {
    expect(metadata.name).toMatch(/^linkerd-external-vms-/);
    expect(metadata.ownerReferences).toMatchObject([{ kind: 'Service', name: 'vms', uid: service.metadata.uid, controller: true }]);
    expect(metadata.labels).toMatchObject({ 'kubernetes.io/service-name': 'vms' });
  }
});

test('a written endpoint is ready by its condition, and is served', async () => {
  const ns = await scene.cluster.namespace();
  await selected(ns);
  const workload = await ns.externalWorkload(
    'one',
    { ports, workloadIPs: [{ ip: '198.51.100.9' }] },
    { labels: { ...labels, 'topology.kubernetes.io/zone': 'zone-a' } },
  );
  const [before] = await slices(ns, (now) => count(now) === 1);
  expect(before?.endpoints).toMatchObject([
    { conditions: { ready: false, serving: false, terminating: false }, zone: 'zone-a', targetRef: { kind: 'ExternalWorkload', name: 'one' } },
  ]);
  expect(before?.endpoints[0]).not.toHaveProperty('hostname');
  const condition = { type: 'Ready', status: 'True' as const };
  await scene.cluster.client.updateStatus(externalWorkloadKind, { ...workload, status: { conditions: [condition] } });
  await scene.get(ns.authority('vms')).has('198.51.100.9:8080');
  await scene.cluster.client.delete(externalWorkloadKind, { namespace: ns.name, name: 'one' });
  await slices(ns, (now) => count(now) === 0);
});

test('endpoints of a headless Service have host names', async () => {
  const ns = await scene.cluster.namespace();
  await selected(ns, { clusterIP: 'None' });
  await vm(ns, 'one', { workloadIPs: [{ ip: '198.51.100.1' }] });
  const [slice] = await slices(ns, (now) => count(now) === 1);
  expect([slice?.endpoints[0]?.hostname, slice?.metadata.labels?.['service.kubernetes.io/headless']]).toEqual(['one', '']);
});

test('more than a hundred endpoints are split, and places that become free are used again', async () => {
  const ns = await scene.cluster.namespace();
  await selected(ns);
  await Promise.all(Array.from({ length: 120 }, (_, index) => vm(ns, `vm-${index}`, { workloadIPs: [{ ip: `198.18.0.${index}` }] })));
  const found = await slices(ns, (now) => count(now) === 120);
  expect(Math.max(...found.map(({ endpoints }) => endpoints.length))).toBeLessThanOrEqual(100);
  const names = new Set(found.map(({ metadata }) => metadata.name));
  await scene.cluster.client.delete(externalWorkloadKind, { namespace: ns.name, name: 'vm-0' });
  await slices(ns, (now) => count(now) === 119);
  await vm(ns, 'late', { workloadIPs: [{ ip: '198.18.1.1' }] });
  const after = await slices(ns, (now) => count(now) === 120);
  expect(after.every(({ metadata }) => names.has(metadata.name))).toBe(true);
  expect(new Set(after.flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses))).size).toBe(120);
});

test('a slice whose ports are no longer wanted is written anew rather than deleted', async () => {
  const ns = await scene.cluster.namespace();
  const service = await selected(ns);
  await vm(ns, 'one', { workloadIPs: [{ ip: '198.51.100.1' }], ports: [...ports, { name: 'other', port: 9090 }] });
  const [before] = await slices(ns, (now) => count(now) === 1);
  await scene.patchService(service, { spec: { ports: [{ name: 'http', port: 80, targetPort: 9090 }] } });
  const [after] = await slices(ns, ([slice]) => slice?.ports?.[0]?.port === 9090);
  expect([after?.metadata.name, after?.metadata.uid]).toEqual([before?.metadata.name, before?.metadata.uid]);
});

test('labels of the Service are kept up on its slices, but not those that are reserved', async () => {
  const ns = await scene.cluster.namespace();
  const service = await selected(ns);
  await vm(ns, 'one', { workloadIPs: [{ ip: '198.51.100.1' }] });
  await slices(ns, (now) => count(now) === 1);
  const reserved = { 'endpointslice.kubernetes.io/managed-by': 'me', 'kubernetes.io/service-name': 'other', 'service.kubernetes.io/headless': '' };
  await scene.patchService(service, { metadata: { labels: { team: 'a', ...reserved } } });
  const [slice] = await slices(ns, ([one]) => one?.metadata.labels?.['team'] === 'a');
  expect(slice?.metadata.labels).toEqual({ team: 'a', 'endpointslice.kubernetes.io/managed-by': MANAGER, 'kubernetes.io/service-name': 'vms' });
});

test('only the leader writes, and another one follows it', async () => {
  await using second = await startController('destination', [`-kubeconfig=${scene.cluster.kubeconfig}`], { hostname: 'second' });
  const lease = async () => (await scene.cluster.client.get(leaseKind, { namespace: 'linkerd', name: 'linkerd-destination-endpoint-write' }))?.spec;
  expect(await lease()).toMatchObject({ holderIdentity: 'linkerd-destination-0', leaseDurationSeconds: 30 });
  const ns = await scene.cluster.namespace();
  await selected(ns);
  await vm(ns, 'one', { workloadIPs: [{ ip: '198.51.100.1' }] });
  expect(await slices(ns, (now) => count(now) === 1)).toHaveLength(1);
  expect(await second.metric('workqueue_adds_total')).toBe(0);
  expect(await scene.destination.metric('workqueue_adds_total', { name: 'endpoints_controller_workqueue' })).toBeGreaterThan(0);
  expect(await scene.destination.terminate()).toBe(0);
  await expect.poll(async () => (await lease())?.holderIdentity, { timeout: 8000 }).toBe('second');
  await vm(ns, 'two', { workloadIPs: [{ ip: '198.51.100.2' }] });
  await slices(ns, (now) => count(now) === 2);
});
