import { type EndpointSet, parsePortSet } from '@weft/core';
import { createTopics, type EndpointSlice, type Node, type Pod, type ReplicaSet, type Service } from '@weft/kube';
import { expect, test } from 'vitest';
import { type ClusterView, serviceTopic } from './cluster-view.ts';
import { createLookups } from './lookups.ts';
import { endpointProfile } from './profiles.ts';
import { parseContextToken, parseLookupPath } from './request.ts';
import { resolveService } from './service-endpoints.ts';
import type { DestinationSettings } from './settings.ts';

const settings: DestinationSettings = {
  controllerNamespace: 'linkerd',
  trustDomain: 'cluster.local',
  clusterDomain: 'cluster.local',
  enableH2Upgrade: true,
  transportMode: 'transparent',
  enableIpv6: false,
  defaultOpaquePorts: parsePortSet('3306') ?? [],
};

interface Content {
  services: Service[];
  slices: EndpointSlice[];
  pods: Pod[];
  replicaSets: ReplicaSet[];
  nodes: Node[];
}

type Named = { readonly metadata: { readonly namespace?: string; readonly name: string } };
const is = (namespace: string | undefined, name: string) => (object: Named) => object.metadata.namespace === namespace && object.metadata.name === name;

/** A view over plain lists. */
function clusterOf(content: Partial<Content>): ClusterView & { readonly content: Content } {
  const all: Content = { services: [], slices: [], pods: [], replicaSets: [], nodes: [], ...content };
  return {
    content: all,
    service: (namespace, name) => all.services.find(is(namespace, name)),
    servicesByIp: (ip) => all.services.filter((service) => service.spec.clusterIP === ip),
    slices: (namespace, service) =>
      all.slices.filter((slice) => slice.metadata.namespace === namespace && slice.metadata.labels?.['kubernetes.io/service-name'] === service),
    pod: (namespace, name) => all.pods.find(is(namespace, name)),
    podsByIp: (ip) => all.pods.filter((pod) => pod.status?.podIP === ip),
    node: (name) => all.nodes.find(is(undefined, name)),
    replicaSet: (namespace, name) => all.replicaSets.find(is(namespace, name)),
    topics: createTopics(),
    synced: Promise.resolve(),
    isSynced: true,
    close: () => undefined,
  };
}

const service = (spec: Partial<Service['spec']> = {}, annotations: Record<string, string> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', annotations },
  spec: { clusterIP: '10.43.0.7', ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
});

const slice = (endpoints: EndpointSlice['endpoints'], ports: EndpointSlice['ports'] = [{ name: 'http', port: 8080 }]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints,
  ports,
});

const proxyEnv = ['INBOUND:0.0.0.0:4143', 'ADMIN:0.0.0.0:4191', 'CONTROL:0.0.0.0:4190'].map((text) => {
  const [name = '', ...value] = text.split(':');
  return { name: `LINKERD2_PROXY_${name}_LISTEN_ADDR`, value: value.join(':') };
});

const pod = (name: string, ip: string, change: Partial<Pod['metadata']> = {}, meshed = true): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'shop',
    uid: `uid-${name}`,
    ...change,
    labels: { 'pod-template-hash': '6c', ...(meshed ? { 'linkerd.io/control-plane-ns': 'linkerd' } : {}), ...change.labels },
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-6c', uid: 'u' }],
  },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'web',
    containers: [{ name: 'web', image: 'w', ports: [{ name: 'http', containerPort: 8080 }] }],
    initContainers: meshed ? [{ name: 'linkerd-proxy', image: 'p', env: proxyEnv }] : [],
  },
  status: { phase: 'Running', podIP: ip },
});

const replicaSet: ReplicaSet = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web-6c', namespace: 'shop', ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u' }] },
  spec: { selector: {}, template: { spec: { containers: [] } } },
} as unknown as ReplicaSet;

const target = (name: string): NonNullable<EndpointSlice['endpoints'][number]['targetRef']> => ({ kind: 'Pod', namespace: 'shop', name });
const nobody = parseContextToken('');
const resolve = (cluster: ClusterView, port = 80, context = nobody, own = settings): EndpointSet =>
  resolveService({ namespace: 'shop', name: 'web', port, context }, cluster, own);

test('describes a meshed pod with labels, identity and protocol hint', () => {
  const cluster = clusterOf({
    services: [service()],
    slices: [slice([{ addresses: ['10.42.0.5'], zone: 'z1', targetRef: target('web-0') }])],
    pods: [pod('web-0', '10.42.0.5')],
    replicaSets: [replicaSet],
  });
  const name = 'web.shop.serviceaccount.identity.linkerd.cluster.local';
  expect(resolve(cluster)).toEqual([
    {
      address: { ip: '10.42.0.5', port: 8080 },
      weight: 10_000,
      labels: {
        service: 'web',
        namespace: 'shop',
        pod: 'web-0',
        deployment: 'web',
        serviceaccount: 'web',
        control_plane_ns: 'linkerd',
        pod_template_hash: '6c',
        zone: 'z1',
        zone_locality: 'unknown',
      },
      identity: { id: { kind: 'dns', name }, serverName: name },
      hint: 'h2',
    },
  ]);
});

test('leaves unmeshed pods, skipped ports and foreign control planes in plaintext', () => {
  const pods = [
    pod('plain', '10.42.0.1', {}, false),
    pod('skipped', '10.42.0.2', { annotations: { 'config.linkerd.io/skip-inbound-ports': '8000-9000' } }),
    pod('foreign', '10.42.0.3', { labels: { 'linkerd.io/control-plane-ns': 'other' } }),
  ];
  const cluster = clusterOf({
    services: [service()],
    pods,
    slices: [slice(pods.map((p) => ({ addresses: [p.status?.podIP ?? ''], targetRef: target(p.metadata.name) })))],
  });
  expect(resolve(cluster).map(({ address, identity, hint }) => [address.ip, identity, hint])).toEqual([
    ['10.42.0.1', undefined, 'none'],
    ['10.42.0.2', undefined, 'none'],
    ['10.42.0.3', undefined, 'h2'],
  ]);
});

test('tells how opaque ports and the transport header are reached', () => {
  const opaque = pod('web-0', '10.42.0.5', { annotations: { 'config.linkerd.io/opaque-ports': 'http' } });
  const make = (own: Pod): ClusterView =>
    clusterOf({ services: [service()], pods: [own], slices: [slice([{ addresses: ['10.42.0.5'], targetRef: target('web-0') }])] });
  expect(resolve(make(opaque))[0]).toMatchObject({ hint: 'opaque', opaqueTransportPort: 4143 });
  expect(resolve(make(pod('web-0', '10.42.0.5')))[0]?.opaqueTransportPort).toBeUndefined();
  expect(resolve(make(pod('web-0', '10.42.0.5')), 80, nobody, { ...settings, transportMode: 'transport-header' })[0]).toMatchObject({
    hint: 'h2',
    opaqueTransportPort: 4143,
  });
  const silent: Pod = { ...opaque, spec: { ...opaque.spec, initContainers: [] } };
  expect(resolve(make(silent))).toEqual([]);
});

test('follows port names, takes undeclared ports as they are, and skips what is not ready or not known', () => {
  const endpoints = [
    { addresses: ['10.42.0.1'], conditions: { ready: true } },
    { addresses: ['10.42.0.2'], conditions: { ready: false } },
    { addresses: ['10.42.0.3'], targetRef: target('unknown') },
    { addresses: ['10.42.0.4'], conditions: {} },
  ];
  const cluster = clusterOf({ services: [service()], slices: [slice(endpoints), slice([{ addresses: ['10.42.0.9'] }], [{ name: 'other', port: 1 }])] });
  expect(resolve(cluster).map((e) => `${e.address.ip}:${e.address.port}`)).toEqual(['10.42.0.1:8080', '10.42.0.4:8080']);
  expect(resolve(cluster, 9999).map((e) => `${e.address.ip}:${e.address.port}`)).toEqual(['10.42.0.1:9999', '10.42.0.4:9999', '10.42.0.9:9999']);
  expect(resolve(clusterOf({}))).toEqual([]);
});

test('keeps to the node or the zone of the client where the Service says so', () => {
  const near = { addresses: ['10.42.0.1'], targetRef: target('near'), hints: { forZones: [{ name: 'z1' }] } };
  const far = { addresses: ['10.42.0.2'], targetRef: target('far'), hints: { forZones: [{ name: 'z2' }] } };
  const pods = [pod('near', '10.42.0.1'), { ...pod('far', '10.42.0.2'), spec: { ...pod('far', '').spec, nodeName: 'n2' } }];
  const nodes: Node[] = [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1' } } }];
  const onNode = parseContextToken('{"ns":"shop","nodeName":"n1","pod":"p"}\n');
  const ips = (cluster: ClusterView, context = onNode): string[] => resolve(cluster, 80, context).map((e) => e.address.ip);
  expect(ips(clusterOf({ services: [service()], slices: [slice([near, far])], pods, nodes }))).toEqual(['10.42.0.1']);
  expect(ips(clusterOf({ services: [service()], slices: [slice([near, far])], pods, nodes }), nobody)).toEqual(['10.42.0.1', '10.42.0.2']);
  expect(ips(clusterOf({ services: [service()], slices: [slice([near, { ...far, hints: {} }])], pods, nodes }))).toEqual(['10.42.0.1', '10.42.0.2']);
  expect(ips(clusterOf({ services: [service({ internalTrafficPolicy: 'Local' })], slices: [slice([{ ...near, hints: {} }, far])], pods, nodes }))).toEqual([
    '10.42.0.1',
  ]);
});

test.each([
  ['web.shop.svc.cluster.local:80', { host: 'web.shop.svc.cluster.local', port: 80 }],
  ['web.shop.svc.cluster.local', { host: 'web.shop.svc.cluster.local', port: 80 }],
  ['10.0.0.1:443', { host: '10.0.0.1', port: 443 }],
  ['[2001:DB8::1]:443', { host: '2001:db8::1', port: 443 }],
  ['web:0', undefined],
  ['web:65536', undefined],
  ['web:http', undefined],
  ['a:b:1', undefined],
  ['', undefined],
])('reads the path %j', (path, expected) => {
  expect(parseLookupPath(path)).toEqual(expected);
});

test('reads context tokens of both forms and ignores others', () => {
  expect(parseContextToken('{"ns":"a","nodeName":"n","pod":"p"}')).toEqual({ namespace: 'a', nodeName: 'n', pod: 'p' });
  expect(parseContextToken('ns:a')).toEqual({ namespace: 'a', nodeName: '', pod: '' });
  for (const token of ['', 'x', '[1]', '{"ns":1}', 'ns:a:b']) expect(parseContextToken(token)).toEqual(nobody);
});

test('refuses lookups with the documented status', () => {
  const lookups = createLookups(clusterOf({ services: [service({ type: 'ExternalName' })] }), settings);
  const status = (path: string): string => {
    const answer = lookups.endpoints(path, nobody);
    return answer.kind === 'refused' ? answer.status : answer.kind;
  };
  expect(
    ['web.shop.svc.cluster.local:80', 'none.shop.svc.cluster.local', '10.0.0.1:80', 'example.com', 'web:0', 'web.shop.svc.cluster.local.:80'].map(status),
  ).toEqual(['INVALID_ARGUMENT', 'NOT_FOUND', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT']);
});

test('profiles Services by cluster IP and name, endpoints by address', () => {
  const cluster = clusterOf({
    services: [service({}, { 'config.linkerd.io/opaque-ports': 'http' })],
    pods: [pod('web-0', '10.42.0.5')],
    replicaSets: [replicaSet],
  });
  const lookups = createLookups(cluster, settings);
  const profile = (path: string): unknown => {
    const answer = lookups.profile(path, nobody);
    if (answer.kind === 'refused') return answer.status;
    let seen: unknown;
    answer.watch.subscribe((state) => (seen = state.kind === 'value' ? state.value : state.kind))();
    return seen;
  };
  expect(profile('10.43.0.7:80')).toMatchObject({
    fullyQualifiedName: 'web.shop.svc.cluster.local',
    opaqueProtocol: true,
    parent: { resource: 'Service', name: 'web', port: 80 },
  });
  expect(profile('web.shop.svc.cluster.local:80')).toEqual(profile('10.43.0.7:80'));
  expect(profile('10.43.0.7:81')).toMatchObject({ fullyQualifiedName: '', opaqueProtocol: false, overrides: [] });
  expect(profile('10.42.0.5:8080')).toMatchObject({ endpoint: { labels: { namespace: 'shop', deployment: 'web', zone: '' }, hint: 'h2' } });
  expect(profile('10.42.0.5:8080')).not.toHaveProperty(['endpoint', 'labels', 'zone_locality']);
  expect(profile('203.0.113.9:3306')).toMatchObject({ opaqueProtocol: true, endpoint: { labels: {}, hint: 'none' } });
  expect(profile('none.shop.svc.cluster.local:80')).toBe('UNKNOWN');
  expect(profile('example.com:80')).toBe('INVALID_ARGUMENT');
  const pending = { ...pod('web-0', '10.42.0.5'), status: { phase: 'Pending' as const, podIP: '10.42.0.5' } };
  expect(endpointProfile({ ip: '10.42.0.5', port: 8080 }, clusterOf({ pods: [pending] }), settings).endpoint).toEqual({
    address: { ip: '10.42.0.5', port: 8080 },
    weight: 10_000,
    labels: {},
    hint: 'none',
  });
});

test('shares one watch between those who ask the same, and tells them of news once a turn', async () => {
  const cluster = clusterOf({ services: [service()], slices: [slice([{ addresses: ['10.42.0.1'] }])] });
  const lookups = createLookups(cluster, settings);
  const ask = (): string[] => {
    const seen: string[] = [];
    const answer = lookups.endpoints('web.shop.svc.cluster.local:80', nobody);
    if (answer.kind === 'endpoints')
      stops.push(answer.watch.subscribe((state) => state.kind === 'value' && seen.push(state.value.map((e) => e.address.ip).join())));
    return seen;
  };
  const stops: (() => void)[] = [];
  const [first, second] = [ask(), ask()];
  expect(lookups.size).toBe(1);
  cluster.content.slices = [slice([{ addresses: ['10.42.0.1'] }, { addresses: ['10.42.0.2'] }])];
  cluster.topics.publish(serviceTopic('shop', 'web'));
  cluster.topics.publish(serviceTopic('shop', 'web'));
  await new Promise((done) => setImmediate(done));
  expect(first.at(-1)).toBe('10.42.0.1,10.42.0.2');
  expect(second).toEqual(['10.42.0.1', '10.42.0.1,10.42.0.2']);
  for (const stop of stops) stop();
  expect(lookups.size).toBe(0);
});
