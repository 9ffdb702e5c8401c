// Ports that annotations name: opaque ones, and those the proxy does not see. spec/control-plane.md §1.6, §1.10.
import { type PortSet, portList, portSetHas } from '@weft/core';
import type { ExternalWorkload, Pod, Service } from '@weft/kube';
import { containersOf } from '../metadata/proxy-ports.ts';

const OPAQUE_PORTS = 'config.linkerd.io/opaque-ports';
const SKIP_INBOUND_PORTS = 'config.linkerd.io/skip-inbound-ports';

/** The annotation where present, even empty; else the defaults. Names are resolved first; what cannot be read is left out. */
function annotated(object: Pod | Service | ExternalWorkload, defaults: PortSet, portOf: (name: string) => number | undefined): PortSet {
  const text = object.metadata.annotations?.[OPAQUE_PORTS];
  return text === undefined ? defaults : portList(text, portOf);
}

export function opaquePortsOfPod(pod: Pod, defaults: PortSet): PortSet {
  const ports = (name: string) => containersOf(pod).flatMap((container) => (container.ports ?? []).filter((port) => port.name === name));
  return annotated(pod, defaults, (name) => ports(name)[0]?.containerPort);
}

export function opaquePortsOfExternal(workload: ExternalWorkload, defaults: PortSet): PortSet {
  return annotated(workload, defaults, (name) => workload.spec.ports?.find((port) => port.name === name)?.port);
}

export function opaquePortsOfService(service: Service, defaults: PortSet): PortSet {
  return annotated(service, defaults, (name) => service.spec.ports?.find((port) => port.name === name)?.port);
}

/** True where the proxy does not see inbound traffic on this port. */
export function skipsInbound(pod: Pod, port: number): boolean {
  const text = pod.metadata.annotations?.[SKIP_INBOUND_PORTS];
  const none = (): undefined => undefined;
  return text !== undefined && portSetHas(portList(text, none), port);
}
