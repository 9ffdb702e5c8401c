// Objects that are not as they should be, between an API server and discovery as a process: each is skipped, told on the object, and counted; what
// was known of it stays, others are not affected, and it counts again as soon as it can be read.
import {
  endpointSliceKind,
  eventKind,
  externalWorkloadKind,
  type KubeObject,
  namespaceKind,
  nodeKind,
  podKind,
  policyServerKind,
  type ResourceKind,
  secretKind,
  serviceKind,
  serviceProfileKind,
} from '@weft/kube';
import { profileFromWire } from '@weft/wire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiFront, apiFront } from './api-front.ts';
import { endpointOf, kubeconfigOf, startCluster, type TestCluster, type TestNamespace } from './cluster.ts';
import { type Controller, isForeign, startController, stopControllers } from './controller.ts';
import { questions } from './destination-scene.ts';

const ZONE = 'topology.kubernetes.io/zone';

let cluster: TestCluster;
let remote: TestCluster;
let front: ApiFront;
let destination: Controller;
let ask: ReturnType<typeof questions>;
/** What is served in place of an object, by kind and name. */
const spoilt = new Map<string, (object: object) => unknown>();

beforeAll(async () => {
  if (isForeign('destination')) return;
  [cluster, remote] = await Promise.all([startCluster(), startCluster()]);
  await cluster.client.create(nodeKind, { metadata: { name: 'node-a', labels: { [ZONE]: 'zone-a' } } });
  front = await apiFront(cluster);
  front.object = (object) => spoilt.get(`${object.metadata.namespace ?? ''}/${object.metadata.name}`)?.(object) ?? object;
  destination = await startController('destination', [`-kubeconfig=${front.kubeconfig}`]);
  ask = questions(destination.channel());
});
afterAll(async () => {
  await stopControllers();
  await front?.[Symbol.asyncDispose]();
  await Promise.all([cluster?.[Symbol.asyncDispose](), remote?.[Symbol.asyncDispose]()]);
});

interface Scene {
  readonly kind: ResourceKind;
  readonly name: string;
  /** Absent: the object is in no namespace. */
  readonly namespace?: string;
  /** What was known of it is served, to those who ask now as well. */
  stands(): Promise<unknown>;
  /** Changes it, to be read again, and waits until that is served. */
  changed?(): Promise<unknown>;
}

const withSpec = (spec: unknown) => (object: object) => ({ ...object, spec });
const inSpec = (part: object) => (object: object) => ({ ...object, spec: { ...(object as { spec: object }).spec, ...part } });
const withEndpoints = (endpoints: unknown) => (object: object) => ({ ...object, endpoints });

async function web(): Promise<{ readonly ns: TestNamespace; readonly stands: (...ips: readonly string[]) => Promise<void> }> {
  const ns = await cluster.namespace();
  await ns.service('web');
  await ns.slice('web', [{ addresses: ['10.42.0.1'] }]);
  const live = ask.get(ns.authority('web'));
  return {
    ns,
    async stands(...ips) {
      const addresses = ips.map((ip) => `${ip}:8080`);
      await Promise.all([live.has(...addresses), ask.get(ns.authority('web')).has(...addresses)]);
      expect(live.messages.flatMap(({ remove }) => remove?.addrs ?? [])).toEqual([]);
    },
  };
}

async function serviceScene(): Promise<Scene> {
  const { ns, stands } = await web();
  const ips = ['10.42.0.1'];
  return {
    kind: serviceKind,
    name: 'web',
    namespace: ns.name,
    async stands() {
      await stands(...ips);
      // Others are taken in as always.
      ips.push(`10.42.0.${ips.length + 1}`);
      await ns.slice(
        'web',
        ips.map((ip) => ({ addresses: [ip] })),
      );
      await stands(...ips);
    },
  };
}

async function sliceScene(): Promise<Scene> {
  const { ns, stands } = await web();
  const others: string[] = [];
  return {
    kind: endpointSliceKind,
    name: 'web-1',
    namespace: ns.name,
    async stands() {
      await stands('10.42.0.1', ...others);
      others.push(`10.42.1.${others.length + 1}`);
      const endpoints = others.map((ip) => ({ addresses: [ip] }));
      await ns.slice('web', endpoints, undefined, { name: 'web-2' });
      await stands('10.42.0.1', ...others);
    },
    async changed() {
      await ns.slice('web', [{ addresses: ['10.42.0.1'] }, { addresses: ['10.42.0.9'] }]);
      await stands('10.42.0.1', '10.42.0.9', ...others);
    },
  };
}

let lastPod = 0;
async function podScene(): Promise<Scene> {
  const ns = await cluster.namespace();
  const ip = `10.42.7.${++lastPod}`;
  await ns.service('db');
  const pod = await ns.pod('db-0', { ip });
  await ns.slice('db', [endpointOf(pod)]);
  const live = ask.get(ns.authority('db'));
  const ref = { namespace: ns.name, name: 'db-0' };
  const labels = (value: string) => cluster.client.patch(podKind, ref, { kind: 'merge', value: { metadata: { labels: { 'pod-template-hash': value } } } });
  return {
    kind: podKind,
    ...ref,
    async stands() {
      await live.has(`${ip}:8080`);
      await ask.profileOf(`${ip}:8080`, ({ endpoint }) => endpoint?.labels['pod'] === 'db-0' && endpoint.identity !== undefined);
    },
    changed: () => labels('new').then(() => live.until(([endpoint]) => endpoint?.labels['pod_template_hash'] === 'new')),
  };
}

async function serverScene(): Promise<Scene> {
  const ns = await cluster.namespace();
  const ip = `10.42.8.${++lastPod}`;
  await ns.pod('db-0', { ip });
  await ns.opaqueServer('db', {});
  const opaque = (wanted: boolean) => ask.profileOf(`${ip}:8080`, ({ opaqueProtocol }) => opaqueProtocol === wanted);
  await opaque(true);
  const ref = { namespace: ns.name, name: 'db' };
  const change = () => cluster.client.patch(policyServerKind, ref, { kind: 'merge', value: { spec: { proxyProtocol: 'HTTP/1' } } });
  return {
    kind: policyServerKind,
    ...ref,
    stands: async () => expect((await ask.profileOf(`${ip}:8080`)).opaqueProtocol).toBe(true),
    changed: async () => {
      const live = ask.profile(`${ip}:8080`);
      await change();
      await live.until((message) => !profileFromWire(message).opaqueProtocol);
    },
  };
}

async function profileScene(): Promise<Scene> {
  const ns = await cluster.namespace();
  const name = `web.${ns.name}.svc.cluster.local`;
  await ns.service('web');
  const route = (text: string) => ({ routes: [{ name: text, condition: { method: 'GET' } }] });
  await ns.serviceProfile(name, route('first'));
  const named = (text: string) => ask.profileOf(ns.authority('web'), ({ routes }) => routes[0]?.labels['route'] === text);
  await named('first');
  return {
    kind: serviceProfileKind,
    name,
    namespace: ns.name,
    stands: async () => expect((await ask.profileOf(ns.authority('web'))).routes[0]?.labels).toEqual({ route: 'first' }),
    changed: async () => {
      await cluster.client.update(serviceProfileKind, { metadata: { name, namespace: ns.name }, spec: route('second') });
      await named('second');
    },
  };
}

async function externalScene(): Promise<Scene> {
  const ns = await cluster.namespace();
  const ip = `198.51.100.${++lastPod}`;
  const ports = [{ name: 'http', port: 8080 }];
  await ns.externalWorkload('vm', { workloadIPs: [{ ip }], ports });
  const of = (serverName: string) => ask.profileOf(`${ip}:8080`, ({ endpoint }) => endpoint?.identity?.serverName === serverName);
  await of('vm.cluster.local');
  const ref = { namespace: ns.name, name: 'vm' };
  return {
    kind: externalWorkloadKind,
    ...ref,
    stands: async () => expect((await ask.profileOf(`${ip}:8080`)).endpoint?.identity?.serverName).toBe('vm.cluster.local'),
    async changed() {
      const value = { spec: { workloadIPs: [{ ip }], meshTLS: { identity: 'spiffe://root/vm', serverName: 'vm.other' } } };
      const live = ask.profile(`${ip}:8080`);
      await cluster.client.patch(externalWorkloadKind, ref, { kind: 'merge', value });
      await live.until((message) => profileFromWire(message).endpoint?.identity?.serverName === 'vm.other');
    },
  };
}

async function nodeScene(): Promise<Scene> {
  const { ns } = await web();
  const near = () => ask.get(ns.authority('web'), { nodeName: 'node-a' });
  await ns.slice('web', [
    { addresses: ['10.42.0.1'], zone: 'zone-a', hints: { forZones: [{ name: 'zone-a' }] } },
    { addresses: ['10.42.0.2'], zone: 'zone-b', hints: { forZones: [{ name: 'zone-b' }] } },
  ]);
  return { kind: nodeKind, name: 'node-a', stands: () => near().has('10.42.0.1:8080') };
}

async function linkScene(): Promise<Scene> {
  const annotations = { 'multicluster.linkerd.io/trust-domain': 'remote.trust', 'multicluster.linkerd.io/cluster-domain': 'remote.domain' };
  const name = `link-${++lastPod}`;
  const ref = { namespace: 'linkerd', name };
  const metadata = { ...ref, labels: { 'multicluster.linkerd.io/cluster-name': name }, annotations };
  const kubeconfig = (text: string) => ({ kubeconfig: Buffer.from(text).toString('base64') });
  const good = kubeconfig(kubeconfigOf(`http://127.0.0.1:${remote.port}`));
  await cluster.client.create(secretKind, { metadata, type: 'mirror.linkerd.io/remote-kubeconfig', data: good });
  const local = await cluster.namespace();
  await remote.client.create(namespaceKind, { metadata: { name: local.name } });
  const served = remote.existing(local.name);
  await served.service('web');
  await served.slice('web', [{ addresses: ['10.52.0.1'] }]);
  const labels = { 'multicluster.linkerd.io/remote-discovery': name, 'multicluster.linkerd.io/remote-service': 'web' };
  const service = await local.service('web-far');
  await cluster.client.patch(serviceKind, { namespace: local.name, name: service.metadata.name }, { kind: 'merge', value: { metadata: { labels } } });
  const live = ask.get(local.authority('web-far'));
  return {
    kind: secretKind,
    ...ref,
    async stands() {
      await Promise.all([live.has('10.52.0.1:8080'), ask.get(local.authority('web-far')).has('10.52.0.1:8080')]);
      expect(await destination.metric('cluster_store_size')).toBe(1);
    },
    async changed() {
      await cluster.client.patch(secretKind, ref, { kind: 'merge', value: { data: good } });
      await cluster.client.delete(secretKind, ref);
      await expect.poll(() => destination.metric('cluster_store_size')).toBe(0);
    },
  };
}

const noStatus = (object: object) => ({ ...object, status: null });
const noKubeconfig = (object: object) => ({ ...object, data: { kubeconfig: Buffer.from('garbage').toString('base64') } });

test.skipIf(isForeign('destination')).each<[string, () => Promise<Scene>, (object: object) => unknown, string]>([
  ['a Service without spec', serviceScene, withSpec(undefined), 'spec: is missing'],
  ['a Service whose ports are no list', serviceScene, inSpec({ ports: { http: 80 } }), 'spec.ports: {"http":80} is not a list'],
  ['a Service whose port is text', serviceScene, inSpec({ ports: [{ port: 'eighty' }] }), 'spec.ports[0].port: "eighty" is not a port'],
  ['a slice whose endpoints are text', sliceScene, withEndpoints('10.42.0.1'), 'endpoints: "10.42.0.1" is not a list'],
  ['a slice with endpoints of text', sliceScene, withEndpoints(['10.42.0.1']), 'endpoints[0]: "10.42.0.1" is not an object'],
  ['a slice with an endpoint of null', sliceScene, withEndpoints([null]), 'endpoints[0]: null is not an object'],
  [
    'a slice with an address that is none',
    sliceScene,
    withEndpoints([{ addresses: ['10.42.0.1'] }, { addresses: ['web'] }]),
    'endpoints[1].addresses[0]: "web" is not an IP address',
  ],
  ['a pod with a status of null', podScene, noStatus, 'status: null is not an object'],
  ['a pod whose containers are none', podScene, inSpec({ containers: ['app'] }), 'spec.containers[0]: "app" is not an object'],
  ['a Server with a selector of text', serverScene, inSpec({ podSelector: 'app=db' }), 'spec.podSelector: "app=db" is not an object'],
  ['a ServiceProfile with routes of text', profileScene, inSpec({ routes: ['GET /'] }), 'spec.routes[0]: "GET /" is not an object'],
  [
    'a ServiceProfile with a condition that says nothing',
    profileScene,
    inSpec({ routes: [{ name: 'all', condition: {} }] }),
    'spec.routes[0].condition: a condition has at least one field',
  ],
  [
    'an external workload whose address is a name',
    externalScene,
    inSpec({ workloadIPs: [{ ip: 'vm.example' }] }),
    'spec.workloadIPs[0].ip: "vm.example" is not an IP address',
  ],
  ['an external workload without identity', externalScene, inSpec({ meshTLS: undefined }), 'spec.meshTLS: is missing'],
  [
    'a node whose labels are no map',
    nodeScene,
    (object) => ({ ...object, metadata: { ...(object as KubeObject).metadata, labels: [ZONE] } }),
    `metadata.labels: ["${ZONE}"] is not an object`,
  ],
  ['a Secret with a kubeconfig that cannot be read', linkScene, noKubeconfig, 'data.kubeconfig: '],
])('%s is skipped, with an event on it and a metric: what was known of it stays', async (_what, arrange, spoil, problem) => {
  const { kind, name, namespace, stands, changed } = await arrange();
  const where = { name, ...(namespace !== undefined && { namespace }) };
  await stands();
  const count = () => destination.metric('weft_kube_skipped_objects_total', { kind: kind.kind.toLowerCase(), cluster: 'local' });
  const before = await count();
  const key = `${namespace ?? ''}/${name}`;
  spoilt.set(key, spoil);
  const touch = () => cluster.client.patch(kind, where, { kind: 'merge', value: { metadata: { annotations: { touched: 'yes' } } } });
  const { metadata } = await touch();
  await expect.poll(count).toBe(before + 1);
  await stands();

  // As `kubectl describe` looks for it.
  const fieldSelector = `involvedObject.name=${name},involvedObject.uid=${metadata.uid}`;
  const events = async () => (await cluster.client.list(eventKind, { namespace: namespace ?? 'default', fieldSelector })).items;
  await expect.poll(async () => (await events()).length).toBe(1);
  expect((await events())[0]).toMatchObject({ type: 'Warning', reason: 'Unreadable', source: { component: 'linkerd-destination' } });
  const message = `${kind.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}: ${problem}`;
  expect((await events())[0]?.message).toContain(message);
  expect(destination.log).toContain(`${kind.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}: `);

  spoilt.delete(key);
  await changed?.();
  expect((await destination.admin('/live')).status).toBe(200);
});

test.skipIf(isForeign('destination'))('garbage in a list is skipped as in a watch, and what was known of it stays until it is gone', async () => {
  const { ns, stands } = await web();
  await stands('10.42.0.1');
  await ns.slice('web', [{ addresses: ['10.42.1.1'] }], undefined, { name: 'web-2' });
  await stands('10.42.0.1', '10.42.1.1');
  spoilt.set(`${ns.name}/web-1`, withEndpoints(7));
  const relisted = () => destination.metric('weft_kube_watch_restarts_total', { kind: 'endpointslice', cause: 'expired' });
  const before = await relisted();
  let told = false;
  front.line = (line) => {
    if (told || !line.includes('"EndpointSlice"')) return 'pass';
    told = true;
    return { text: JSON.stringify({ type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired' } }) };
  };
  await ns.slice('web', [{ addresses: ['10.42.1.1'] }, { addresses: ['10.42.1.2'] }], undefined, { name: 'web-2' });
  await stands('10.42.0.1', '10.42.1.1', '10.42.1.2');
  expect(await relisted()).toBe(before + 1);
  // An object that cannot be read can still go.
  await cluster.client.delete(endpointSliceKind, { namespace: ns.name, name: 'web-1' });
  await ask.get(ns.authority('web')).has('10.42.1.1:8080', '10.42.1.2:8080');
  spoilt.clear();
});
