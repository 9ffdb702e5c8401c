// Where the proxy of a pod listens, from the environment of its container. spec/control-plane.md §1.6.
import { parseSocketAddress } from '@weft/core';
import type { Container, Pod } from '@weft/kube';

export interface ProxyPorts {
  readonly inbound: number;
  /** The proxy's own ports: admin and control. */
  readonly meta: readonly number[];
}

/** Init containers first: a native sidecar is one. */
export function containersOf(pod: Pod): readonly Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

/** Undefined where the pod does not say. */
export function proxyPortsOf(pod: Pod): ProxyPorts | undefined {
  const env = containersOf(pod).find((container) => container.name === 'linkerd-proxy')?.env;
  const portOf = (name: string): number | undefined => parseSocketAddress(env?.find((entry) => entry.name === `LINKERD2_PROXY_${name}`)?.value ?? '')?.port;
  const inbound = portOf('INBOUND_LISTEN_ADDR');
  const admin = portOf('ADMIN_LISTEN_ADDR');
  const control = portOf('CONTROL_LISTEN_ADDR');
  return inbound === undefined || admin === undefined || control === undefined ? undefined : { inbound, meta: [admin, control] };
}
