// The profile of a single address: of the pod or external workload behind it, where there is one. spec/control-plane.md §1.10.
import { formatSocketAddress, type Profile, portSetHas, reason, type SocketAddress } from '@weft/core';
import type { ExternalWorkload, Pod } from '@weft/kube';
import type { ClusterIndex } from '../cluster/cluster-index.ts';
import {
  bareEndpoint,
  externalEndpoint,
  externalLabels,
  isExternalPortOpaque,
  isPodPortOpaque,
  podEndpoint,
  podLabels,
} from '../metadata/workload-endpoint.ts';
import type { DestinationSettings } from '../settings.ts';
import type { Outcome } from '../shared-watches.ts';
import { DEFAULT_BUDGET } from './profile-spec.ts';
import { EMPTY_PROFILE } from './service-profile.ts';

type WorkloadIndex = Pick<ClusterIndex, 'podsByIp' | 'podsByHostAddress' | 'externalWorkloadsByAddress' | 'parents' | 'opaqueServers'>;

/** Rejected where several have the address. */
export function endpointProfileOutcome(address: SocketAddress, cluster: WorkloadIndex, settings: DestinationSettings): Outcome<Profile> {
  const { ip, port } = address;
  const pods = cluster.podsByIp(ip);
  const found = pods.length > 0 ? pods : cluster.podsByHostAddress(ip, port);
  if (found.length > 1) return several('pods', address);
  const [pod] = found;
  if (pod) return { kind: 'value', value: podProfile(pod, address, cluster, settings) };
  const workloads = cluster.externalWorkloadsByAddress(ip, port);
  if (workloads.length > 1) return several('external workloads', address);
  const [workload] = workloads;
  return { kind: 'value', value: workload ? externalProfile(workload, address, cluster, settings) : unknownProfile(address, settings) };
}

function several(what: string, address: SocketAddress): Outcome<never> {
  return { kind: 'rejected', reason: reason('DISCOVERY_REJECTED', `several ${what} have the address ${formatSocketAddress(address)}`) };
}

function unknownProfile(address: SocketAddress, settings: DestinationSettings): Profile {
  const opaqueProtocol = portSetHas(settings.defaultOpaquePorts, address.port);
  return { ...EMPTY_PROFILE, retryBudget: DEFAULT_BUDGET, opaqueProtocol, endpoint: bareEndpoint(address) };
}

/** Readiness does not matter, so that peers of a StatefulSet can join; but a pod has to run for its identity to hold. */
function podProfile(pod: Pod, address: SocketAddress, cluster: WorkloadIndex, settings: DestinationSettings): Profile {
  const base = { ...EMPTY_PROFILE, retryBudget: DEFAULT_BUDGET, opaqueProtocol: isPodPortOpaque(pod, address.port, cluster, settings) };
  if (pod.status?.phase !== 'Running') return { ...base, endpoint: bareEndpoint(address) };
  const labels = { namespace: pod.metadata.namespace ?? '', ...podLabels(pod, cluster), zone: '' };
  return { ...base, endpoint: podEndpoint(pod, address, labels, cluster, settings) ?? bareEndpoint(address) };
}

function externalProfile(workload: ExternalWorkload, address: SocketAddress, cluster: WorkloadIndex, settings: DestinationSettings): Profile {
  const labels = { namespace: workload.metadata.namespace ?? '', ...externalLabels(workload), zone: '' };
  const opaqueProtocol = isExternalPortOpaque(workload, address.port, cluster, settings);
  return { ...EMPTY_PROFILE, retryBudget: DEFAULT_BUDGET, opaqueProtocol, endpoint: externalEndpoint(workload, address, labels, cluster, settings) };
}
