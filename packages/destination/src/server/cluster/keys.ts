// Under which keys objects are found: addresses, host ports, owners, the Service of a slice. spec/control-plane.md §1.4, §1.10.
import { canonicalIp, formatSocketAddress } from '@weft/core';
import { type EndpointSlice, type ExternalWorkload, type KubeObject, type Pod, SERVICE_NAME_LABEL, type Service } from '@weft/kube';
import { containersOf } from '../metadata/proxy-ports.ts';

export function clusterIps(service: Service): readonly string[] {
  const { clusterIPs, clusterIP } = service.spec;
  const all = clusterIPs && clusterIPs.length > 0 ? clusterIPs : [clusterIP ?? ''];
  return all.flatMap((ip) => canonicalIp(ip) ?? []);
}

/** Addresses of the pod network; none for pods on the network of their host, which are known by host ports. */
export function podIps(pod: Pod): readonly string[] {
  if (pod.spec.hostNetwork === true) return [];
  const { podIPs, podIP } = pod.status ?? {};
  const all = podIPs && podIPs.length > 0 ? podIPs.map(({ ip }) => ip) : [podIP ?? ''];
  return all.flatMap((ip) => canonicalIp(ip) ?? []);
}

/** `ip:port` on the host for each port that a container asks for there. */
export function hostAddresses(pod: Pod): readonly string[] {
  const ports = containersOf(pod).flatMap(({ ports: declared }) => (declared ?? []).flatMap(({ hostPort }) => (hostPort ? [hostPort] : [])));
  return ports.length === 0 ? [] : hostIps(pod).flatMap((ip) => ports.map((port) => formatSocketAddress({ ip, port })));
}

export function hostIps(pod: Pod): readonly string[] {
  const { hostIPs, hostIP } = pod.status ?? {};
  const all = hostIPs && hostIPs.length > 0 ? hostIPs.map(({ ip }) => ip) : [hostIP ?? ''];
  return all.flatMap((ip) => canonicalIp(ip) ?? []);
}

export function externalIps({ spec }: ExternalWorkload): readonly string[] {
  return (spec.workloadIPs ?? []).flatMap(({ ip }) => canonicalIp(ip) ?? []);
}

/** `ip:port` for each port that the workload declares. */
export function externalAddresses(workload: ExternalWorkload): readonly string[] {
  return externalIps(workload).flatMap((ip) => (workload.spec.ports ?? []).map(({ port }) => formatSocketAddress({ ip, port })));
}

/** Finished and terminating pods take no traffic, and their addresses may be others' by now. */
export function takesTraffic(pod: Pod): boolean {
  const { phase } = pod.status ?? {};
  return phase !== 'Succeeded' && phase !== 'Failed' && pod.metadata.deletionTimestamp === undefined;
}

/** `NAMESPACE/NAME`. */
export const keyOf = ({ metadata }: Pick<KubeObject, 'metadata'>): string => `${metadata.namespace ?? ''}/${metadata.name}`;

/** The Service of a slice: its label, else its first owner of kind Service. */
export function serviceKeysOf({ metadata }: EndpointSlice): readonly string[] {
  const name = metadata.labels?.[SERVICE_NAME_LABEL] ?? metadata.ownerReferences?.find((owner) => owner.kind === 'Service')?.name;
  return name === undefined ? [] : [`${metadata.namespace ?? ''}/${name}`];
}

/** `KIND NAMESPACE/NAME` of what the endpoints of a slice are. */
export function targetsOf(slice: EndpointSlice): readonly string[] {
  return (slice.endpoints ?? []).flatMap(({ targetRef }) =>
    targetRef?.kind === undefined ? [] : [`${targetRef.kind} ${targetRef.namespace ?? slice.metadata.namespace ?? ''}/${targetRef.name ?? ''}`],
  );
}

/** `KIND NAMESPACE/NAME` of each owner. */
export function ownersOf({ metadata }: Pick<KubeObject, 'metadata'>): readonly string[] {
  return (metadata.ownerReferences ?? []).map(({ kind, name }) => `${kind} ${metadata.namespace ?? ''}/${name}`);
}
