// What the mesh knows of a port of a workload: identity, protocol hint, transport, labels. spec/control-plane.md §1.6.
import { type Endpoint, formatWorkloadIdentity, portSetHas, type SocketAddress } from '@weft/core';
import type { ExternalWorkload, Pod } from '@weft/kube';
import type { ClusterIndex } from '../cluster/cluster-index.ts';
import { opaquePortsOfExternal, opaquePortsOfPod, skipsInbound } from '../opaque-ports/annotated.ts';
import { externalOpaqueByServer, opaqueByServer } from '../opaque-ports/by-server.ts';
import type { DestinationSettings } from '../settings.ts';
import { ownerLabel, ownerOf, ownerOfExternal } from './owner.ts';
import { proxyPortsOf } from './proxy-ports.ts';

const WEIGHT = 10_000;
const CONTROL_PLANE_LABEL = 'linkerd.io/control-plane-ns';
/** Where proxies of external workloads listen unless they say otherwise. */
const EXTERNAL_INBOUND_PORT = 4143;

type MeshFacts = Pick<Endpoint, 'identity' | 'hint' | 'opaqueTransportPort' | 'http2'>;
type Lookup = Pick<ClusterIndex, 'parents' | 'opaqueServers'>;

/** Labels of a pod, without those of its place in the network. */
export function podLabels(pod: Pod, cluster: Pick<ClusterIndex, 'parents'>): Record<string, string> {
  const { labels = {} } = pod.metadata;
  const controlPlane = labels[CONTROL_PLANE_LABEL];
  const hash = labels['pod-template-hash'];
  return {
    pod: pod.metadata.name,
    ...ownerLabel(ownerOf(pod, cluster)),
    serviceaccount: serviceAccountOf(pod),
    ...(controlPlane === undefined ? {} : { control_plane_ns: controlPlane }),
    ...(hash === undefined ? {} : { pod_template_hash: hash }),
  };
}

export function externalLabels(workload: ExternalWorkload): Record<string, string> {
  return { external_workload: workload.metadata.name, ...ownerLabel(ownerOfExternal(workload)) };
}

export function isPodPortOpaque(pod: Pod, port: number, cluster: Pick<ClusterIndex, 'opaqueServers'>, settings: DestinationSettings): boolean {
  return portSetHas(opaquePortsOfPod(pod, settings.defaultOpaquePorts), port) || opaqueByServer(cluster.opaqueServers(pod.metadata.namespace ?? ''), pod, port);
}

export function isExternalPortOpaque(
  workload: ExternalWorkload,
  port: number,
  cluster: Pick<ClusterIndex, 'opaqueServers'>,
  settings: DestinationSettings,
): boolean {
  const servers = cluster.opaqueServers(workload.metadata.namespace ?? '');
  return portSetHas(opaquePortsOfExternal(workload, settings.defaultOpaquePorts), port) || externalOpaqueByServer(servers, workload, port);
}

/** Undefined where a meshed pod does not say on which port its proxy listens: it must not be reached past its proxy. */
export function podEndpoint(
  pod: Pod,
  address: SocketAddress,
  labels: Readonly<Record<string, string>>,
  cluster: Lookup,
  settings: DestinationSettings,
): Endpoint | undefined {
  const facts = podFacts(pod, address.port, cluster, settings);
  return facts && { address, weight: WEIGHT, labels, ...facts };
}

export function externalEndpoint(
  workload: ExternalWorkload,
  address: SocketAddress,
  labels: Readonly<Record<string, string>>,
  cluster: Lookup,
  settings: DestinationSettings,
): Endpoint {
  const { meshTLS, ports = [] } = workload.spec;
  const opaque = isExternalPortOpaque(workload, address.port, cluster, settings);
  const inbound = ports.find((port) => port.name === 'linkerd-proxy')?.port ?? EXTERNAL_INBOUND_PORT;
  return {
    address,
    weight: WEIGHT,
    labels,
    // Always written as a URI, even where it looks like a DNS name.
    identity: { id: { kind: 'uri', uri: meshTLS.identity }, serverName: meshTLS.serverName },
    hint: opaque ? 'opaque' : 'h2',
    ...(settings.transportMode === 'transport-header' || opaque ? { opaqueTransportPort: inbound } : {}),
    ...(settings.meshedHttp2 ? { http2: settings.meshedHttp2 } : {}),
  };
}

/** An address of nothing that is known: plaintext. */
export function bareEndpoint(address: SocketAddress, labels: Readonly<Record<string, string>> = {}): Endpoint {
  return { address, weight: WEIGHT, labels, hint: 'none' };
}

function podFacts(pod: Pod, port: number, cluster: Pick<ClusterIndex, 'opaqueServers'>, settings: DestinationSettings): MeshFacts | undefined {
  const controlPlane = pod.metadata.labels?.[CONTROL_PLANE_LABEL];
  if (controlPlane === undefined || skipsInbound(pod, port)) return { hint: 'none' };
  const ports = proxyPortsOf(pod);
  if (!ports) return undefined;
  const opaque = isPodPortOpaque(pod, port, cluster, settings);
  const transport = (settings.transportMode === 'transport-header' || opaque) && !ports.meta.includes(port);
  return {
    ...(controlPlane === settings.controllerNamespace ? { identity: identityOf(pod, controlPlane, settings.trustDomain) } : {}),
    hint: opaque ? 'opaque' : settings.enableH2Upgrade ? 'h2' : 'none',
    ...(transport ? { opaqueTransportPort: ports.inbound } : {}),
    ...(settings.meshedHttp2 ? { http2: settings.meshedHttp2 } : {}),
  };
}

function serviceAccountOf(pod: Pod): string {
  return pod.spec.serviceAccountName ?? 'default';
}

function identityOf(pod: Pod, controlPlaneNamespace: string, trustDomain: string): NonNullable<Endpoint['identity']> {
  const name = formatWorkloadIdentity({ serviceAccount: serviceAccountOf(pod), namespace: pod.metadata.namespace ?? '', controlPlaneNamespace, trustDomain });
  return { id: { kind: 'dns', name }, serverName: name };
}
