// A pod's address as an endpoint: labels, identity, protocol hint, transport. spec/control-plane.md §1.6.
import { type Endpoint, formatWorkloadIdentity, portSetHas, type SocketAddress } from '@weft/core';
import type { Pod } from '@weft/kube';
import type { ClusterView } from './cluster-view.ts';
import type { DestinationSettings } from './settings.ts';
import { CONTROL_PLANE_LABEL, opaquePortsOf, ownerOf, proxyPortsOf, skipsInbound } from './workload.ts';

const WEIGHT = 10_000;

/** Labels every endpoint of a pod carries, without those of its place in the network. */
export function podLabels(pod: Pod, cluster: Pick<ClusterView, 'replicaSet'>): Record<string, string> {
  const owner = ownerOf(pod, cluster);
  const { labels = {} } = pod.metadata;
  const controlPlane = labels[CONTROL_PLANE_LABEL];
  const hash = labels['pod-template-hash'];
  return {
    pod: pod.metadata.name,
    [owner.kind === 'job' ? 'k8s_job' : owner.kind]: owner.name,
    serviceaccount: serviceAccountOf(pod),
    ...(controlPlane === undefined ? {} : { control_plane_ns: controlPlane }),
    ...(hash === undefined ? {} : { pod_template_hash: hash }),
  };
}

function serviceAccountOf(pod: Pod): string {
  return pod.spec.serviceAccountName ?? 'default';
}

/** What the mesh knows of a pod's port; undefined where a meshed pod does not say on which port its proxy listens. */
export function meshFacts(
  pod: Pod,
  port: number,
  settings: DestinationSettings,
): Pick<Endpoint, 'identity' | 'hint' | 'opaqueTransportPort' | 'http2'> | undefined {
  const controlPlane = pod.metadata.labels?.[CONTROL_PLANE_LABEL];
  if (controlPlane === undefined || skipsInbound(pod, port)) return { hint: 'none' };
  const opaque = portSetHas(opaquePortsOf(pod, settings.defaultOpaquePorts), port);
  const ports = proxyPortsOf(pod);
  if (!ports) return undefined;
  const transport = (settings.transportMode === 'transport-header' || opaque) && !ports.meta.includes(port);
  return {
    ...(controlPlane === settings.controllerNamespace ? { identity: identityOf(pod, controlPlane, settings.trustDomain) } : {}),
    hint: opaque ? 'opaque' : settings.enableH2Upgrade ? 'h2' : 'none',
    ...(transport ? { opaqueTransportPort: ports.inbound } : {}),
    ...(settings.meshedHttp2 ? { http2: settings.meshedHttp2 } : {}),
  };
}

function identityOf(pod: Pod, controlPlaneNamespace: string, trustDomain: string): NonNullable<Endpoint['identity']> {
  const name = formatWorkloadIdentity({ serviceAccount: serviceAccountOf(pod), namespace: pod.metadata.namespace ?? '', controlPlaneNamespace, trustDomain });
  return { id: { kind: 'dns', name }, serverName: name };
}

/** An address of nothing that is known: plaintext, no labels. */
export function bareEndpoint(address: SocketAddress, labels: Readonly<Record<string, string>> = {}): Endpoint {
  return { address, weight: WEIGHT, labels, hint: 'none' };
}

export function podEndpoint(pod: Pod, address: SocketAddress, labels: Readonly<Record<string, string>>, settings: DestinationSettings): Endpoint | undefined {
  const facts = meshFacts(pod, address.port, settings);
  return facts && { address, weight: WEIGHT, labels, ...facts };
}
