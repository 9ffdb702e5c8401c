// Profiles: of a Service, or of the one endpoint behind an address. spec/control-plane.md §1.10. ServiceProfile objects are
// not read yet: every Service has the default profile.
import { formatServiceName, type Profile, portList, portSetHas, type RetryBudget, type SocketAddress } from '@weft/core';
import type { Service } from '@weft/kube';
import type { ClusterView } from './cluster-view.ts';
import { bareEndpoint, podEndpoint, podLabels } from './pod-endpoint.ts';
import type { DestinationSettings } from './settings.ts';
import { opaquePortsOf } from './workload.ts';

const DEFAULT_BUDGET: RetryBudget = { retryRatio: 0.2, minRetriesPerSecond: 10, ttlMs: 10_000 };

/** All fields default: nothing is known, the client policy rules. */
export const EMPTY_PROFILE: Profile = { fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [] };

/** The profile of a Service's port; the empty profile where the Service does not declare the port. */
export function serviceProfile(service: Service, port: number, settings: DestinationSettings): Profile {
  if (!service.spec.ports?.some((declared) => declared.port === port)) return EMPTY_PROFILE;
  const { name, namespace = '' } = service.metadata;
  const resource = { kind: 'resource', section: '' } as const;
  return {
    fullyQualifiedName: formatServiceName({ service: name, namespace }, settings.clusterDomain),
    opaqueProtocol: portSetHas(serviceOpaquePorts(service, settings), port),
    routes: [],
    retryBudget: DEFAULT_BUDGET,
    overrides: [],
    parent: { ...resource, group: 'core', resource: 'Service', name, namespace, port },
    profile: { ...resource, group: 'linkerd.io', resource: '', name: '', namespace: '', port: 0 },
  };
}

function serviceOpaquePorts(service: Service, settings: DestinationSettings): DestinationSettings['defaultOpaquePorts'] {
  const text = service.metadata.annotations?.['config.linkerd.io/opaque-ports'];
  if (text === undefined) return settings.defaultOpaquePorts;
  return portList(text, (name) => service.spec.ports?.find((port) => port.name === name)?.port);
}

/** The profile of a single address: the pod behind it where there is one that runs. */
export function endpointProfile(address: SocketAddress, cluster: ClusterView, settings: DestinationSettings): Profile {
  const pod = cluster.podsByIp(address.ip)[0];
  const opaque = pod ? opaquePortsOf(pod, settings.defaultOpaquePorts) : settings.defaultOpaquePorts;
  const base = { ...EMPTY_PROFILE, retryBudget: DEFAULT_BUDGET, opaqueProtocol: portSetHas(opaque, address.port) };
  if (pod?.status?.phase !== 'Running') return { ...base, endpoint: bareEndpoint(address) };
  const labels = { namespace: pod.metadata.namespace ?? '', ...podLabels(pod, cluster), zone: '' };
  return { ...base, endpoint: podEndpoint(pod, address, labels, settings) ?? bareEndpoint(address) };
}
