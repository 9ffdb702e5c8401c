// Other clusters: gateways, linked clusters, federated Services. spec/control-plane.md §1.8, §6 rows 7, 19, 42, 43.
import { readFileSync } from 'node:fs';
import { type Service, secretKind } from '@weft/kube';
import { destinationService, RpcCode } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { endpointOf, startCluster, type TestCluster, type TestNamespace } from './cluster.ts';
import { isForeign, stopControllers } from './controller.ts';
import { type DestinationScene, destinationScene, ips } from './destination-scene.ts';
import { openStream } from './stream.ts';

let scene: DestinationScene;
let remote: TestCluster;
beforeAll(async () => {
  [scene, remote] = await Promise.all([destinationScene(), startCluster()]);
});
afterAll(async () => {
  await stopControllers();
  await Promise.all([scene?.[Symbol.asyncDispose](), remote?.[Symbol.asyncDispose]()]);
});

const LINK = 'multicluster.linkerd.io';
const links = () => scene.destination.metric('cluster_store_size');

interface LinkOptions {
  readonly type?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly data?: Readonly<Record<string, string>>;
}

/** The Secret that links the remote cluster under a name. */
const link = (cluster: string, { type = 'mirror.linkerd.io/remote-kubeconfig', labels, annotations, data }: LinkOptions = {}) =>
  scene.cluster.client.create(secretKind, {
    metadata: {
      name: `cluster-credentials-${cluster}`,
      namespace: 'linkerd',
      labels: labels ?? { [`${LINK}/cluster-name`]: cluster },
      annotations: annotations ?? { [`${LINK}/trust-domain`]: 'remote.trust', [`${LINK}/cluster-domain`]: 'remote.domain' },
    },
    type,
    data: data ?? { kubeconfig: Buffer.from(readFileSync(remote.kubeconfig)).toString('base64') },
  });
const unlink = (cluster: string) => scene.cluster.client.delete(secretKind, { namespace: 'linkerd', name: `cluster-credentials-${cluster}` });

/** A namespace of the same name in both clusters. */
async function both(): Promise<readonly [local: TestNamespace, far: TestNamespace]> {
  const local = await scene.cluster.namespace();
  await remote.client.create({ group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false }, { metadata: { name: local.name } });
  return [local, remote.existing(local.name)];
}

/** A Service with one pod. */
async function served(ns: TestNamespace, name: string, ip: string): Promise<Service> {
  const service = await ns.service(name);
  await ns.slice(name, [endpointOf(await ns.pod(`${name}-0`, { ip, spec: { nodeName: 'node-z' } }), { zone: 'zone-a' })]);
  return service;
}

// Row 7.
test('a Service that stands for one of a linked cluster has the addresses and the trust domain of that cluster', async () => {
  await link('east');
  await expect.poll(links).toBe(1);
  const [local, far] = await both();
  await served(far, 'web', '10.52.0.1');
  const service = await local.service('web-east');
  await scene.patchService(service, { metadata: { labels: { [`${LINK}/remote-discovery`]: 'east', [`${LINK}/remote-service`]: 'web' } } });
  const stream = scene.get(local.authority('web-east'), { nodeName: 'node-a' });
  const [endpoint] = await stream.until((set) => ips(set).join() === '10.52.0.1');
  expect(endpoint).toMatchObject({
    identity: { serverName: `default.${local.name}.serviceaccount.identity.linkerd.remote.trust` },
    // The zone of the client is that of its own node.
    labels: { service: 'web', namespace: local.name, zone_locality: 'local' },
  });
  await far.slice('web', []);
  await stream.until((set) => set.length === 0);
  await unlink('east');
  // The question has no answer any more: the client is told to ask again.
  // Linkerd's leaves the stream as it is.
  const ended = isForeign('destination') ? RpcCode.OK : await stream.ended;
  expect(ended).toBe(RpcCode.OK);
  await expect.poll(links).toBe(0);
});

test.each([
  ['whose remote Service is not named', { [`${LINK}/remote-discovery`]: 'nowhere' }, RpcCode.FAILED_PRECONDITION],
  ['of a cluster that is not linked', { [`${LINK}/remote-discovery`]: 'nowhere', [`${LINK}/remote-service`]: 'web' }, RpcCode.NOT_FOUND],
])('a Service %s is refused', async (_name, labels, code) => {
  const ns = await scene.cluster.namespace();
  await scene.patchService(await ns.service('web'), { metadata: { labels } });
  const ask = () => openStream(scene.destination.channel(), destinationService.Get, { path: ns.authority('web') });
  // Before the Service is known the answer is NotFound as well; afterwards it does not change.
  await expect.poll(() => ask().ended).toBe(code);
});

// Row 42.
test('Secrets link a cluster only with their type, label, annotations and kubeconfig', async () => {
  const one = { [`${LINK}/trust-domain`]: 'remote.trust' };
  await link('no-type', { type: 'Opaque' });
  await link('no-label', { labels: {} });
  await link('no-domain', { annotations: one });
  await link('no-trust', { annotations: { [`${LINK}/cluster-domain`]: 'remote.domain' } });
  await link('no-key', { data: {} });
  await link('no-config', { data: { kubeconfig: Buffer.from('garbage').toString('base64') } });
  await link('west');
  await expect.poll(links).toBe(1);
  for (const cluster of ['no-type', 'no-label', 'no-domain', 'no-trust', 'no-key', 'no-config', 'west']) await unlink(cluster);
  await expect.poll(links).toBe(0);
});

test.skipIf(isForeign('destination'))('a Secret that changes links its cluster anew', async () => {
  await link('north');
  const [local, far] = await both();
  await served(far, 'web', '10.52.0.9');
  const service = await local.service('web-north');
  await scene.patchService(service, { metadata: { labels: { [`${LINK}/remote-discovery`]: 'north', [`${LINK}/remote-service`]: 'web' } } });
  await scene.get(local.authority('web-north')).until(([one]) => one?.identity?.serverName.endsWith('.remote.trust') === true);
  await scene.cluster.client.patch(
    secretKind,
    { namespace: 'linkerd', name: 'cluster-credentials-north' },
    { kind: 'merge', value: { metadata: { annotations: { [`${LINK}/trust-domain`]: 'other.trust' } } } },
  );
  await expect
    .poll(async () => (await scene.get(local.authority('web-north')).until((set) => set.length === 1))[0]?.identity?.serverName)
    .toMatch(/\.other\.trust$/);
  await unlink('north');
});

// Row 19.
test('the endpoint of a gateway has its identity and HTTP/2, and with the name of the remote Service its authority', async () => {
  const ns = await scene.cluster.namespace();
  await ns.service('web-south');
  const identity = { 'mirror.linkerd.io/remote-gateway-identity': 'gateway.linkerd-multicluster.serviceaccount.identity.linkerd.remote.trust' };
  const more = (annotations: Readonly<Record<string, string>>) => ({
    labels: { 'kubernetes.io/service-name': 'web-south', 'mirror.linkerd.io/cluster-name': 'south' },
    annotations,
  });
  await ns.slice('web-south', [{ addresses: ['198.51.100.1'] }], undefined, more(identity));
  const stream = scene.get(ns.authority('web-south', 80));
  const [first] = await stream.until((set) => set.length === 1);
  const name = identity['mirror.linkerd.io/remote-gateway-identity'];
  expect(first).toMatchObject({ identity: { id: { kind: 'dns', name } }, hint: 'h2', labels: { target_cluster: 'south' } });
  expect(first?.authorityOverride).toBeUndefined();
  const other = await scene.cluster.namespace();
  await other.service('web-south');
  const fqn = { 'mirror.linkerd.io/remote-svc-fq-name': 'web.shop.svc.remote.domain' };
  await other.slice('web-south', [{ addresses: ['198.51.100.1'] }], undefined, more({ ...identity, ...fqn }));
  const [named] = await scene.get(other.authority('web-south', 80)).until((set) => set.length === 1);
  expect(named).toMatchObject({
    authorityOverride: 'web.shop.svc.remote.domain:80',
    labels: { target_cluster: 'south', target_service: 'web', target_service_namespace: 'shop', service: 'web-south', namespace: other.name },
  });
});

// Row 43.
test('a federated Service merges its members; one that joins is added, one that leaves is removed alone', async () => {
  await link('federal');
  await expect.poll(links).toBe(1);
  const [local, far] = await both();
  await served(local, 'web', '10.42.5.1');
  await served(far, 'web', '10.52.5.1');
  await served(far, 'more', '10.52.5.2');
  const service = await local.service('web-federated');
  const members = (remoteMembers: string | null, own: string | null) =>
    scene.patchService(service, { metadata: { annotations: { [`${LINK}/remote-discovery`]: remoteMembers, [`${LINK}/local-discovery`]: own } } });
  await members('web@federal', 'web');
  const stream = scene.get(local.authority('web-federated'));
  await stream.until((set) => ips(set).join() === '10.42.5.1,10.52.5.1');
  await members('web@federal, broken, more@nowhere,more@federal', 'web');
  await stream.until((set) => ips(set).join() === '10.42.5.1,10.52.5.1,10.52.5.2');
  const before = stream.messages.length;
  await members('more@federal', 'web');
  await stream.until((set) => ips(set).join() === '10.42.5.1,10.52.5.2');
  expect(stream.messages.slice(before).map(({ add, remove }) => [add ?? undefined, remove?.addrs?.map(({ ip }) => ip?.ipv4)])).toEqual([
    [undefined, [0x0a34_0501]],
  ]);
  await members(null, null);
  expect(await stream.ended).toBe(RpcCode.OK);
  await unlink('federal');
});
