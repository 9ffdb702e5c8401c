import { silentLogger } from '@weft/core';
import type { EndpointSlice, Pod, Service } from '@weft/kube';
import { expect, test } from 'vitest';
import type { ClusterIndex } from '../cluster/cluster-index.ts';
import type { DestinationSettings } from '../settings.ts';
import { type CandidateMap, candidatesOf, targetPort } from './candidates.ts';
import { PortEndpoints } from './port-endpoints.ts';

const settings: DestinationSettings = {
  controllerNamespace: 'linkerd',
  trustDomain: 'cluster.local',
  clusterDomain: 'cluster.local',
  enableH2Upgrade: true,
  transportMode: 'transparent',
  enableIpv6: true,
  defaultOpaquePorts: [],
};
const NONE: readonly never[] = [];
const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop' }, spec: { ports: [{ name: 'http', port: 80 }] } } as Service;
const pod = (name: string, annotations: Record<string, string> = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', annotations, labels: {} }, spec: { containers: [] }, status: {} }) as unknown as Pod;
const slice = (...names: readonly string[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', namespace: 'shop' },
  addressType: 'IPv4',
  endpoints: names.map((name, index) => ({ addresses: [`10.0.0.${index + 1}`], targetRef: { kind: 'Pod', name } })),
  ports: [{ name: 'http', port: 8080 }],
});

/** What the index would say, as plain values; looked-up pods are noted. */
function indexOf(content: { readonly slices: readonly EndpointSlice[]; readonly pods: readonly Pod[] }): ClusterIndex {
  return {
    service: () => service,
    slices: () => content.slices,
    pod: (_namespace: string, name: string) => content.pods.find(({ metadata }) => metadata.name === name),
    parents: () => NONE,
    opaqueServers: () => NONE,
  } as unknown as ClusterIndex;
}
const resolve = (index: ClusterIndex, previous?: CandidateMap): CandidateMap =>
  candidatesOf({ namespace: 'shop', name: 'web', port: 80 }, index, settings, silentLogger, previous);
const view = (candidates: CandidateMap, previous?: PortEndpoints): PortEndpoints =>
  new PortEndpoints({ exists: true, candidates, nodeLocal: false, ipv6: true, previous });
const filter = { hostname: undefined, byPlace: true, nodeName: '', zone: undefined };

test('ports are found by name, by number where the Service has no such port, and not at all where a slice has none', () => {
  expect([
    targetPort(slice(), service, 80),
    targetPort(slice(), service, 9999),
    targetPort({ ports: [{ name: 'other', port: 1 }] }, service, 80),
    targetPort({ ports: [] }, service, 9999),
    targetPort({}, service, 80),
  ]).toEqual([8080, 9999, undefined, undefined, undefined]);
});

test('what is the same keeps its object: the candidate where its objects are, the endpoint where what is told of it is', () => {
  const pods = [pod('a'), pod('b'), pod('c')];
  const before = resolve(indexOf({ slices: [slice('a', 'b', 'c')], pods }));
  // `b` changes without consequence, `c` changes what is told of it.
  const changed = { ...pod('c'), metadata: { ...pod('c').metadata, labels: { 'linkerd.io/control-plane-ns': 'other' } } };
  const index = indexOf({ slices: [slice('a', 'b', 'c')], pods: [pods[0] as Pod, pod('b', { any: 'x' }), changed as Pod] });
  const after = resolve(index, before);
  const at = (map: CandidateMap, ip: string) => map.get(`${ip}:8080`)?.description;
  expect(at(after, '10.0.0.1')).toBe(at(before, '10.0.0.1'));
  expect(at(after, '10.0.0.2')).toBe(at(before, '10.0.0.2'));
  // A meshed pod without a proxy is left out: it must not be reached past its proxy.
  expect(at(after, '10.0.0.3')).toBeUndefined();
  const unchanged = indexOf({ slices: [...index.slices('', '')], pods: ['a', 'b'].map((name) => index.pod('', name) as Pod) });
  expect(resolve(unchanged, after).get('10.0.0.1:8080')).toBe(after.get('10.0.0.1:8080'));
});

test('clients of one kind share a snapshot, and keep it while nothing of it changes', () => {
  const pods = [pod('a'), pod('b')];
  const one = view(resolve(indexOf({ slices: [slice('a', 'b')], pods })));
  const first = one.view(filter);
  expect(one.view({ ...filter, nodeName: 'other' })).toBe(first);
  expect(one.view({ ...filter, zone: 'a' })).not.toBe(first);
  const two = view(resolve(indexOf({ slices: [slice('a', 'b')], pods }), one.candidates), one);
  expect(two.view(filter)).toBe(first);
  const three = view(resolve(indexOf({ slices: [slice('a')], pods }), two.candidates), two);
  expect([...three.view(filter).values()]).toEqual([first.get('10.0.0.1:8080')]);
});

test('views for host names that clients make up are not kept for ever', () => {
  const endpoints = view(resolve(indexOf({ slices: [slice('a')], pods: [pod('a')] })));
  const first = endpoints.view(filter);
  for (let index = 0; index < 2000; index++) endpoints.view({ ...filter, hostname: `host-${index}` });
  expect(endpoints.view(filter)).not.toBe(first);
});
