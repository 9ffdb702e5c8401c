// From a Service and a port to candidates: ports by name, addresses by what is behind them. What did not change is kept as it is. spec/control-plane.md §1.4.
import { canonicalIp, type Endpoint, formatSocketAddress, type Logger } from '@weft/core';
import type { EndpointSlice, ExternalWorkload, Pod, Service, SliceEndpoint } from '@weft/kube';
import { samePlain } from '@weft/wire';
import type { ClusterIndex } from '../cluster/cluster-index.ts';
import { setLabels, unreferencedEndpoint } from '../metadata/mirrored.ts';
import { externalEndpoint, externalLabels, podEndpoint, podLabels } from '../metadata/workload-endpoint.ts';
import type { DestinationSettings } from '../settings.ts';
import { type Candidate, describe } from './candidate.ts';

export interface ServicePort {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

export type CandidateMap = ReadonlyMap<string, Candidate>;

/** By the name of the Service port where the Service has this port, else the number itself. A slice without ports, or without that name, has none. */
export function targetPort(slice: Pick<EndpointSlice, 'ports'>, service: Service, requested: number): number | undefined {
  if (!slice.ports || slice.ports.length === 0) return undefined;
  const declared = service.spec.ports?.find((port) => port.port === requested);
  if (!declared) return requested;
  return slice.ports.find((port) => (port.name ?? '') === (declared.name ?? ''))?.port;
}

/** The candidates as they are now, by address. `previous` gives its entries where they are the same. */
export function candidatesOf(id: ServicePort, cluster: ClusterIndex, settings: DestinationSettings, logger: Logger, previous?: CandidateMap): CandidateMap {
  const service = cluster.service(id.namespace, id.name);
  const found = new Map<string, Candidate>();
  if (!service) return found;
  for (const slice of cluster.slices(id.namespace, id.name)) {
    if (slice.addressType === 'FQDN' || (slice.addressType === 'IPv6' && !settings.enableIpv6)) continue;
    const port = targetPort(slice, service, id.port);
    if (port === undefined) continue;
    const labels = setLabels(slice, id.name);
    for (const entry of slice.endpoints ?? []) {
      if (entry.conditions?.ready === false) continue;
      const ip = canonicalIp(entry.addresses.at(-1) ?? '');
      if (ip === undefined) continue;
      const source = { slice, entry, labels, ip, port, requested: id.port };
      const candidate = candidateOf(source, previous?.get(formatSocketAddress({ ip, port })), cluster, settings, logger);
      if (candidate) found.set(candidate.key, candidate);
    }
  }
  return found;
}

interface Source {
  readonly slice: EndpointSlice;
  readonly entry: SliceEndpoint;
  readonly labels: Readonly<Record<string, string>>;
  readonly ip: string;
  readonly port: number;
  readonly requested: number;
}

function candidateOf(source: Source, old: Candidate | undefined, cluster: ClusterIndex, settings: DestinationSettings, logger: Logger): Candidate | undefined {
  const { slice, entry, ip, port } = source;
  const { kind, name = '', namespace = slice.metadata.namespace ?? '' } = entry.targetRef ?? {};
  const workload = kind === 'Pod' ? cluster.pod(namespace, name) : kind === 'ExternalWorkload' ? cluster.externalWorkload(namespace, name) : undefined;
  // Without its object an address would lack its identity: it waits until that is known. Objects of other kinds mean nothing here.
  if (kind !== undefined && !workload) return undefined;
  const basis = [entry, workload, ...(workload ? surroundings(workload, cluster) : [])];
  if (old && basis.length === old.basis.length && basis.every((part, index) => part === old.basis[index])) return old;

  const endpoint = endpointOf(source, workload, cluster, settings);
  if (!endpoint) {
    logger.log('error', 'an endpoint is left out: its pod does not say where its proxy listens', { pod: name, namespace, ip });
    return undefined;
  }
  return {
    key: formatSocketAddress({ ip, port }),
    family: ip.includes(':') ? 6 : 4,
    hostname: entry.hostname,
    zone: workload ? (entry.zone ?? '') : '',
    hints: (entry.hints?.forZones ?? []).map((hint) => hint.name),
    workload,
    nodeName: workload && isPod(workload) ? (workload.spec.nodeName ?? '') : undefined,
    // What is told of an endpoint keeps its object while it stays the same, wherever it is.
    description: old && samePlain(old.description.endpoint, endpoint) ? old.description : describe(endpoint, { zoneWeights: settings.zoneWeights === true }),
    basis,
  };
}

function endpointOf(source: Source, workload: Pod | ExternalWorkload | undefined, cluster: ClusterIndex, settings: DestinationSettings): Endpoint | undefined {
  const { slice, entry, ip, port, labels } = source;
  const address = { ip, port };
  if (!workload) return unreferencedEndpoint(slice, address, source.requested, labels, settings);
  const zone = entry.zone ?? '';
  if (isPod(workload)) return podEndpoint(workload, address, { ...labels, ...podLabels(workload, cluster), zone }, cluster, settings);
  return externalEndpoint(workload, address, { ...labels, ...externalLabels(workload), zone }, cluster, settings);
}

/** What else of the cluster the description of a workload depends on: the owner of its owner, and Servers. */
function surroundings({ metadata }: Pod | ExternalWorkload, cluster: ClusterIndex): readonly unknown[] {
  const { namespace = '', ownerReferences: [owner] = [] } = metadata;
  const parents = owner?.kind === 'ReplicaSet' || owner?.kind === 'Job' ? cluster.parents(owner.kind, namespace, owner.name) : undefined;
  return [parents, cluster.opaqueServers(namespace)];
}

function isPod(workload: Pod | ExternalWorkload): workload is Pod {
  return workload.kind === 'Pod';
}
