// From a Service and a port to its endpoints, for one client. spec/control-plane.md §1.4, §1.5.
import { canonicalIp, type Endpoint, type EndpointSet } from '@weft/core';
import type { EndpointSlice, Pod, Service, SliceEndpoint } from '@weft/kube';
import { type ClusterView, zoneOf } from './cluster-view.ts';
import { bareEndpoint, podEndpoint, podLabels } from './pod-endpoint.ts';
import type { LookupContext } from './request.ts';
import type { DestinationSettings } from './settings.ts';

export interface ServiceLookup {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** Only the endpoint with this host name. */
  readonly hostname?: string | undefined;
  readonly context: LookupContext;
}

interface Candidate {
  readonly endpoint: SliceEndpoint;
  readonly ip: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly pod: Pod | undefined;
}

/** The endpoints as they are now, in a stable order. Empty where the Service is gone. */
export function resolveService(lookup: ServiceLookup, cluster: ClusterView, settings: DestinationSettings): EndpointSet {
  const service = cluster.service(lookup.namespace, lookup.name);
  if (!service) return [];
  const candidates = cluster.slices(lookup.namespace, lookup.name).flatMap((slice) => candidatesOf(slice, service, lookup, cluster));
  const endpoints = filter(candidates, service, lookup.context, cluster, settings).flatMap((candidate) =>
    describe(candidate, service, lookup.context, cluster, settings),
  );
  const unique = new Map(endpoints.map((endpoint) => [`${endpoint.address.ip} ${endpoint.address.port}`, endpoint]));
  return [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

/** Set-level labels of a Service's endpoints. */
export function serviceLabels(lookup: Pick<ServiceLookup, 'namespace' | 'name'>): Readonly<Record<string, string>> {
  return { service: lookup.name, namespace: lookup.namespace };
}

function candidatesOf(slice: EndpointSlice, service: Service, lookup: ServiceLookup, cluster: ClusterView): readonly Candidate[] {
  const port = targetPort(slice, service, lookup.port);
  if (port === undefined || slice.addressType === 'FQDN') return [];
  return slice.endpoints.flatMap((endpoint) => {
    if (endpoint.conditions?.ready === false) return [];
    if (lookup.hostname !== undefined && endpoint.hostname !== lookup.hostname) return [];
    const ip = canonicalIp(endpoint.addresses.at(-1) ?? '');
    if (ip === undefined) return [];
    const { targetRef } = endpoint;
    const pod = targetRef?.kind === 'Pod' ? cluster.pod(targetRef.namespace ?? lookup.namespace, targetRef.name ?? '') : undefined;
    // An address that refers to a pod not seen yet would lack its identity: it waits until the pod is known.
    if (targetRef && !pod) return [];
    return [{ endpoint, ip, port, family: ip.includes(':') ? 6 : 4, pod }];
  });
}

/** By the name of the Service port where the Service has this port, else the number itself. */
function targetPort(slice: EndpointSlice, service: Service, requested: number): number | undefined {
  if (!slice.ports || slice.ports.length === 0) return undefined;
  const declared = service.spec.ports?.find((port) => port.port === requested);
  if (!declared) return requested;
  return slice.ports.find((port) => (port.name ?? '') === (declared.name ?? ''))?.port;
}

function filter(
  candidates: readonly Candidate[],
  service: Service,
  context: LookupContext,
  cluster: ClusterView,
  settings: DestinationSettings,
): readonly Candidate[] {
  const placed =
    service.spec.internalTrafficPolicy === 'Local'
      ? candidates.filter(({ pod }) => pod !== undefined && pod.spec.nodeName === context.nodeName)
      : inZone(candidates, zoneOf(context.nodeName, cluster));
  if (!settings.enableIpv6) return placed.filter(({ pod, family }) => !pod || family === 4);
  const withV6 = new Set(placed.filter(({ family }) => family === 6).map(({ pod }) => pod?.metadata.uid));
  return placed.filter(({ pod, family }) => !pod || family === 6 || !withV6.has(pod.metadata.uid));
}

/** Zone hints count only where every candidate has one and some are for this zone. */
function inZone(candidates: readonly Candidate[], zone: string | undefined): readonly Candidate[] {
  if (candidates.some(({ endpoint }) => !endpoint.hints?.forZones?.length)) return candidates;
  const near = candidates.filter(({ endpoint }) => endpoint.hints?.forZones?.some((hint) => hint.name === zone));
  return near.length === 0 ? candidates : near;
}

function describe(candidate: Candidate, service: Service, context: LookupContext, cluster: ClusterView, settings: DestinationSettings): readonly Endpoint[] {
  const { endpoint, ip, port, pod } = candidate;
  const zone = endpoint.zone ?? '';
  const clientZone = zoneOf(context.nodeName, cluster);
  const locality = zone === '' || clientZone === undefined ? 'unknown' : zone === clientZone ? 'local' : 'remote';
  const set = serviceLabels({ namespace: service.metadata.namespace ?? '', name: service.metadata.name });
  if (!pod) return [bareEndpoint({ ip, port }, { ...set, zone_locality: locality })];
  const labels = { ...set, ...podLabels(pod, cluster), zone, zone_locality: locality };
  const described = podEndpoint(pod, { ip, port }, labels, settings);
  if (!described) return [];
  return [settings.zoneWeights === true && locality === 'local' ? { ...described, weight: described.weight * 10 } : described];
}
