import { type ClientPolicy, networkMatcher, parseNetwork, parsePortSet, type ServerPolicy } from '@weft/core';
import { createTopics, type Pod, type Service } from '@weft/kube';
import { expect, test } from 'vitest';
import type { PolicyClusterView } from './cluster-view.ts';
import { inboundPolicy } from './inbound-policy.ts';
import { createPolicyLookups, type PolicyAnswer } from './lookups.ts';
import type { PolicySettings } from './settings.ts';
import { parseWorkload } from './workload.ts';

const networks = (...texts: string[]): PolicySettings['clusterNetworks'] => texts.flatMap((text) => parseNetwork(text) ?? []);

const settings: PolicySettings = {
  clusterDomain: 'cluster.local',
  clusterNetworks: networks('10.0.0.0/8'),
  defaultPolicy: 'all-unauthenticated',
  defaultOpaquePorts: parsePortSet('3306') ?? [],
  probeNetworks: networks('0.0.0.0/0', '::/0'),
};

const pod = (annotations: Record<string, string> = {}, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-0', namespace: 'shop', annotations: Object.fromEntries(Object.entries(annotations).map(([k, v]) => [`config.linkerd.io/${k}`, v])) },
  spec: { containers: [{ name: 'web', image: 'w', ports: [{ name: 'http', containerPort: 8080 }] }], ...spec },
});

const service = (ports: Service['spec']['ports'] = [{ name: 'http', port: 80 }], annotations: Record<string, string> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', annotations },
  spec: { clusterIP: '10.43.0.7', ...(ports ? { ports } : {}) },
});

function lookupsOf(services: readonly Service[], pods: readonly Pod[] = []): ReturnType<typeof createPolicyLookups> {
  const cluster: PolicyClusterView = {
    pod: (namespace, name) => pods.find((p) => p.metadata.namespace === namespace && p.metadata.name === name),
    service: (namespace, name) => services.find((s) => s.metadata.namespace === namespace && s.metadata.name === name),
    serviceByIp: (ip) => services.find((s) => s.spec.clusterIP === ip),
    topics: createTopics(),
    synced: Promise.resolve(),
    isSynced: true,
    close: () => undefined,
  };
  return createPolicyLookups(cluster, settings);
}

function read<T>(answer: PolicyAnswer<T>): T | string {
  if (answer.kind === 'refused') return answer.status;
  let seen: T | string = 'nothing';
  answer.watch.subscribe((state) => (seen = state.kind === 'value' ? state.value : state.kind))();
  return seen;
}

const outbound = (answer: PolicyAnswer<ClientPolicy>): { readonly kind: string; readonly parent: unknown } | string => {
  const policy = read(answer);
  return typeof policy === 'string' ? policy : { kind: policy.protocol.kind, parent: policy.parent };
};

test('admits everybody to a detected port by default, probes on a route of their own', () => {
  const probed = pod(
    {},
    {
      containers: [
        { name: 'web', image: 'w', ports: [{ name: 'http', containerPort: 8080 }], livenessProbe: { httpGet: { path: '/live?x=1', port: 'http' } } },
      ],
    },
  );
  const policy = inboundPolicy(probed, 8080, settings);
  expect(policy).toMatchObject({ metadata: { kind: 'default', name: 'all-unauthenticated' }, protocol: { kind: 'detect', timeoutMs: 10_000 } });
  const routes = policy.protocol.kind === 'detect' ? policy.protocol.routes : [];
  expect(routes.map((route) => [route.metadata, route.rules[0]?.matches])).toEqual([
    [{ kind: 'default', name: 'default' }, [{ path: { kind: 'prefix', value: '/' }, headers: [], query: [] }]],
    [{ kind: 'default', name: 'probe' }, [{ path: { kind: 'exact', value: '/live' }, headers: [], query: [], method: 'GET' }]],
  ]);
  expect(routes[1]?.authorizations.map((authorization) => authorization.metadata)).toEqual([
    { kind: 'default', name: 'probe' },
    { kind: 'default', name: 'all-unauthenticated' },
  ]);
  expect(inboundPolicy(probed, 8081, settings).protocol).toMatchObject({ routes: [{ metadata: { name: 'default' } }] });
});

test.each([
  [{ 'default-inbound-policy': 'cluster-authenticated' }, 'cluster-authenticated', 'detect'],
  [{ 'default-inbound-policy': 'whatever' }, 'all-unauthenticated', 'detect'],
  [{ 'proxy-require-identity-inbound-ports': 'http' }, 'all-authenticated', 'detect'],
  [{ 'default-inbound-policy': 'deny', 'proxy-require-identity-inbound-ports': '8080' }, 'deny', 'detect'],
  [{ 'opaque-ports': '8000-9000' }, 'all-unauthenticated', 'opaque'],
  [{ 'opaque-ports': '8000-9000', 'default-inbound-policy': 'deny' }, 'deny', 'opaque'],
])('annotations %j give policy %s, protocol %s', (annotations, name, kind) => {
  const policy: ServerPolicy = inboundPolicy(pod(annotations), 8080, settings);
  expect([policy.metadata, policy.protocol.kind]).toEqual([{ kind: 'default', name }, kind]);
  expect(policy.protocol.authorizations.length).toBe(name === 'deny' ? 0 : 1);
});

test('cluster policies admit the cluster networks only', () => {
  const [authorization] = inboundPolicy(pod({ 'default-inbound-policy': 'cluster-unauthenticated' }), 8080, settings).protocol.authorizations;
  const admits = networkMatcher((authorization?.networks ?? []).map(({ net }) => net));
  expect([admits('10.1.2.3'), admits('192.0.2.1')]).toEqual([true, false]);
});

test('finds Services by cluster IP and by name', () => {
  const lookups = lookupsOf([service()]);
  const parent = { kind: 'resource', group: 'core', resource: 'Service', name: 'web', namespace: 'shop', section: '', port: 80 };
  expect(outbound(lookups.outboundAddress({ ip: '10.43.0.7', port: 80 }))).toEqual({ kind: 'detect', parent });
  for (const authority of ['web.shop.svc.cluster.local:80', 'web.shop.svc.cluster.local.:80', 'web.shop.svc']) {
    expect(outbound(lookups.outboundAuthority(authority))).toEqual({ kind: 'detect', parent });
  }
  const policy = read(lookups.outboundAddress({ ip: '10.43.0.7', port: 80 })) as ClientPolicy;
  expect(JSON.stringify(policy)).toContain('"path":"web.shop.svc.cluster.local:80"');
});

test('treats addresses that are no Service by where they are', () => {
  const lookups = lookupsOf([service()]);
  expect(outbound(lookups.outboundAddress({ ip: '10.43.0.7', port: 81 }))).toMatchObject({ kind: 'opaque', parent: { port: 81 } });
  expect(outbound(lookups.outboundAddress({ ip: '10.42.0.1', port: 80 }))).toBe('NOT_FOUND');
  expect(outbound(lookups.outboundAddress({ ip: '203.0.113.1', port: 443 }))).toEqual({ kind: 'detect', parent: { kind: 'default', name: 'egress-fallback' } });
  expect(outbound(lookups.outboundAuthority('example.com:80'))).toBe('NOT_FOUND');
  expect(outbound(lookups.outboundAuthority(':80'))).toBe('INVALID_ARGUMENT');
});

test.each([
  ['HTTP', '', 'http1'],
  ['kubernetes.io/h2c', '', 'http2'],
  ['linkerd.io/opaque', '', 'opaque'],
  ['https', '', 'opaque'],
  [undefined, 'http', 'opaque'],
  [undefined, '', 'detect'],
  ['http', '80', 'http1'],
])('appProtocol %s and opaque ports %j give protocol %s', (appProtocol, opaque, kind) => {
  const own = service(
    [{ name: 'http', port: 80, ...(appProtocol === undefined ? {} : { appProtocol }) }],
    opaque === '' ? {} : { 'config.linkerd.io/opaque-ports': opaque },
  );
  expect(outbound(lookupsOf([own]).outboundAddress({ ip: '10.43.0.7', port: 80 }))).toMatchObject({ kind });
});

test('ports that are opaque by default stay so unless the Service says otherwise', () => {
  expect(outbound(lookupsOf([service([{ port: 3306 }])]).outboundAddress({ ip: '10.43.0.7', port: 3306 }))).toMatchObject({ kind: 'opaque' });
  const own = service([{ port: 3306 }], { 'config.linkerd.io/opaque-ports': '' });
  expect(outbound(lookupsOf([own]).outboundAddress({ ip: '10.43.0.7', port: 3306 }))).toMatchObject({ kind: 'detect' });
});

test('knows inbound policies of meshed pods only', () => {
  const lookups = lookupsOf([], [pod()]);
  expect(read(lookups.inbound({ namespace: 'shop', pod: 'web-0' }, 8080))).toMatchObject({ metadata: { name: 'all-unauthenticated' } });
  expect(read(lookups.inbound({ namespace: 'shop', pod: 'none' }, 8080))).toBe('NOT_FOUND');
});

test('reads workloads in both forms', () => {
  expect(parseWorkload('{"ns":"a", "pod":"p"}\n')).toEqual({ namespace: 'a', pod: 'p' });
  expect(parseWorkload('a:p')).toEqual({ namespace: 'a', pod: 'p' });
  expect(parseWorkload('{"ns":"a", "external_workload":"vm"}')).toEqual({ namespace: 'a', externalWorkload: 'vm' });
  for (const text of ['', 'a', 'a:', ':p', 'a:b:c', '{"ns":"a"}', '{', '[]']) expect(parseWorkload(text)).toBeUndefined();
});
