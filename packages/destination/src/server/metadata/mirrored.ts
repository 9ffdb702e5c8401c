// What the service mirror writes on slices of gateways: labels of the set, identity, authority. spec/control-plane.md §1.4, §1.6, §1.8.
import type { Endpoint, SocketAddress } from '@weft/core';
import type { EndpointSlice } from '@weft/kube';
import type { DestinationSettings } from '../settings.ts';
import { bareEndpoint } from './workload-endpoint.ts';

const CLUSTER_LABEL = 'mirror.linkerd.io/cluster-name';
const REMOTE_NAME = 'mirror.linkerd.io/remote-svc-fq-name';
const GATEWAY_IDENTITY = 'mirror.linkerd.io/remote-gateway-identity';

/** Labels that stand with a set on the wire rather than with each endpoint. */
export const SET_LABELS = ['service', 'namespace', 'target_cluster', 'target_service', 'target_service_namespace'] as const;

/** Labels that all endpoints of a slice share. */
export function setLabels({ metadata }: EndpointSlice, service: string): Readonly<Record<string, string>> {
  const cluster = metadata.labels?.[CLUSTER_LABEL];
  const base = { service, namespace: metadata.namespace ?? '' };
  if (cluster === undefined) return base;
  const [name = '', namespace] = (metadata.annotations?.[REMOTE_NAME] ?? '').split('.');
  return { ...base, target_cluster: cluster, ...(namespace === undefined ? {} : { target_service: name, target_service_namespace: namespace }) };
}

/** An address without an object behind it: as plain as it is, or a gateway with its identity and the name to ask it for. */
export function unreferencedEndpoint(
  { metadata }: EndpointSlice,
  address: SocketAddress,
  requestedPort: number,
  labels: Readonly<Record<string, string>>,
  settings: DestinationSettings,
): Endpoint {
  const identity = metadata.annotations?.[GATEWAY_IDENTITY] ?? '';
  const name = metadata.annotations?.[REMOTE_NAME] ?? '';
  return {
    ...bareEndpoint(address, labels),
    ...(name === '' ? {} : { authorityOverride: `${name}:${requestedPort}` }),
    ...(identity === '' ? {} : gatewayFacts(identity, settings)),
  };
}

function gatewayFacts(name: string, settings: DestinationSettings): Pick<Endpoint, 'identity' | 'hint' | 'http2'> {
  return {
    identity: { id: { kind: 'dns', name }, serverName: name },
    hint: settings.enableH2Upgrade ? 'h2' : 'none',
    ...(settings.meshedHttp2 ? { http2: settings.meshedHttp2 } : {}),
  };
}
