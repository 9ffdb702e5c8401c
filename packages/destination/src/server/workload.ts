// What is known of the pod behind an address: owner, opaque ports, mesh membership. spec/control-plane.md §1.4, §1.6.
import { type PortSet, parseSocketAddress, portList, portSetHas } from '@weft/core';
import type { Container, Pod } from '@weft/kube';
import type { ClusterView } from './cluster-view.ts';

const OPAQUE_PORTS = 'config.linkerd.io/opaque-ports';
const SKIP_INBOUND_PORTS = 'config.linkerd.io/skip-inbound-ports';
export const CONTROL_PLANE_LABEL = 'linkerd.io/control-plane-ns';
const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Job']);

/** The workload that owns a pod, kind in lower case: a ReplicaSet stands for its Deployment. */
export function ownerOf(pod: Pod, cluster: Pick<ClusterView, 'replicaSet'>): { readonly kind: string; readonly name: string } {
  const [owner, ...more] = pod.metadata.ownerReferences ?? [];
  if (!owner || more.length > 0) return { kind: 'pod', name: pod.metadata.name };
  if (owner.kind === 'ReplicaSet') {
    const [parent, ...others] = cluster.replicaSet(pod.metadata.namespace ?? '', owner.name)?.metadata.ownerReferences ?? [];
    if (parent && others.length === 0 && WORKLOADS.has(parent.kind)) return { kind: parent.kind.toLowerCase(), name: parent.name };
  }
  return { kind: owner.kind.toLowerCase(), name: owner.name };
}

export function containersOf(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

/** The annotation where present, even empty; else the defaults. Container port names are resolved; bad items are left out. */
export function opaquePortsOf(pod: Pod, defaults: PortSet): PortSet {
  const text = pod.metadata.annotations?.[OPAQUE_PORTS];
  if (text === undefined) return defaults;
  const ports = containersOf(pod).flatMap((container) => container.ports ?? []);
  return portList(text, (name) => ports.find((port) => port.name === name)?.containerPort);
}

/** True where the proxy does not see inbound traffic on this port. */
export function skipsInbound(pod: Pod, port: number): boolean {
  const text = pod.metadata.annotations?.[SKIP_INBOUND_PORTS];
  return (
    text !== undefined &&
    portSetHas(
      portList(text, () => undefined),
      port,
    )
  );
}

export interface ProxyPorts {
  readonly inbound: number;
  /** The proxy's own ports: admin and control. */
  readonly meta: readonly number[];
}

/** The ports of the pod's proxy from the environment of its container; undefined where it cannot be told. */
export function proxyPortsOf(pod: Pod): ProxyPorts | undefined {
  const env = containersOf(pod).find((container) => container.name === 'linkerd-proxy')?.env;
  const portOf = (name: string): number | undefined => parseSocketAddress(env?.find((entry) => entry.name === `LINKERD2_PROXY_${name}`)?.value ?? '')?.port;
  const inbound = portOf('INBOUND_LISTEN_ADDR');
  const admin = portOf('ADMIN_LISTEN_ADDR');
  const control = portOf('CONTROL_LISTEN_ADDR');
  return inbound === undefined || admin === undefined || control === undefined ? undefined : { inbound, meta: [admin, control] };
}
