// Ports that a Server declares opaque. Only Servers of the workload's own namespace count. spec/control-plane.md §1.6.
import { type ExternalWorkload, type Pod, type PolicyServer, selectorMatches } from '@weft/kube';
import { containersOf } from '../metadata/proxy-ports.ts';

/** `servers`: the opaque ones of the pod's namespace. */
export function opaqueByServer(servers: readonly PolicyServer[], pod: Pod, port: number): boolean {
  return servers.some(
    ({ spec }) => spec.podSelector !== undefined && selectorMatches(spec.podSelector, pod.metadata.labels) && podPortMatches(pod, spec.port, port),
  );
}

export function externalOpaqueByServer(servers: readonly PolicyServer[], workload: ExternalWorkload, port: number): boolean {
  const matches = (wanted: number | string): boolean =>
    wanted === port || (workload.spec.ports ?? []).some((declared) => declared.name === wanted && declared.port === port);
  return servers.some(
    ({ spec }) => spec.externalWorkloadSelector !== undefined && selectorMatches(spec.externalWorkloadSelector, workload.metadata.labels) && matches(spec.port),
  );
}

/** By number, or by the name of a container port that is this port in the pod or on its host. */
function podPortMatches(pod: Pod, wanted: number | string, port: number): boolean {
  if (typeof wanted === 'number') return wanted === port;
  return containersOf(pod).some(({ ports = [] }) =>
    ports.some((declared) => declared.name === wanted && (declared.containerPort === port || declared.hostPort === port)),
  );
}
