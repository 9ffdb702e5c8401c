// What a client asks becomes a shared Watch, or a refusal. spec/control-plane.md §1.3, §1.10.
import { isIp, type Profile, parseServiceName, type ServiceName, type Watch } from '@weft/core';
import type { Service } from '@weft/kube';
import type { Cluster } from './cluster/cluster.ts';
import type { EndpointGroups } from './endpoints/endpoint-groups.ts';
import type { Snapshot } from './endpoints/port-endpoints.ts';
import type { ClusterStore } from './multicluster/cluster-store.ts';
import { type FederatedServices, isFederated } from './multicluster/federated-services.ts';
import { type LookupContext, type LookupPath, parseLookupPath } from './names/lookup-request.ts';
import type { Profiles } from './profiles/profiles.ts';

/** Why a lookup is refused, as gRPC status names it. */
export interface Refusal {
  readonly kind: 'refused';
  readonly status: 'INVALID_ARGUMENT' | 'NOT_FOUND' | 'FAILED_PRECONDITION' | 'UNKNOWN';
  readonly message: string;
}

export interface Answer<T> {
  readonly kind: 'answer';
  /** `absent`: the subject is gone, and the stream ends. */
  readonly watch: Watch<T>;
}

export interface Lookups {
  endpoints(path: string, context: LookupContext): Answer<Snapshot> | Refusal;
  profile(path: string, context: LookupContext): Answer<Profile> | Refusal;
}

export interface LookupsOptions {
  readonly local: Cluster;
  readonly groups: EndpointGroups;
  readonly profiles: Profiles;
  /** Absent: no other clusters are linked. */
  readonly multicluster?: { readonly clusters: ClusterStore; readonly federated: FederatedServices } | undefined;
}

const REMOTE_CLUSTER = 'multicluster.linkerd.io/remote-discovery';
const REMOTE_SERVICE = 'multicluster.linkerd.io/remote-service';

export const refuse = (status: Refusal['status'], message: string): Refusal => ({ kind: 'refused', status, message });

export function createLookups({ local, groups, profiles, multicluster }: LookupsOptions): Lookups {
  const { index, settings } = local;

  return {
    endpoints(text, { nodeName }) {
      const path = parseLookupPath(text);
      const name = path && !isIp(path.host) ? parseServiceName(path.host, settings.clusterDomain) : undefined;
      if (!path || !name) return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}`);
      const { namespace, service: serviceName, hostname } = name;
      const service = index.service(namespace, serviceName);
      if (!service) return refuse('NOT_FOUND', `Service ${serviceName}.${namespace} not found`);
      const lookup = { namespace, name: serviceName, port: path.port, hostname, nodeName };
      if (multicluster && isFederated(service)) return { kind: 'answer', watch: multicluster.federated.watch(lookup) };
      if (multicluster && service.metadata.labels?.[REMOTE_CLUSTER] !== undefined) return remote(service, path, lookup);
      if (service.spec.type === 'ExternalName') return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}: the Service is of type ExternalName`);
      return { kind: 'answer', watch: groups.watch(local, lookup) };
    },
    profile(text, context) {
      const path = parseLookupPath(text);
      if (!path) return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}`);
      if (isIp(path.host)) return profiles.ofAddress({ ip: path.host, port: path.port }, context.namespace);
      const name = parseServiceName(path.host, settings.clusterDomain);
      if (!name) return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}`);
      return profileOfName(text, path, name, context);
    },
  };

  /** A Service that stands for one of another cluster: of the same namespace there. */
  function remote(
    service: Service,
    { port }: LookupPath,
    { namespace, hostname, nodeName }: { readonly namespace: string; readonly hostname: string | undefined; readonly nodeName: string },
  ): Answer<Snapshot> | Refusal {
    const { labels = {}, name } = service.metadata;
    const clusterName = labels[REMOTE_CLUSTER] ?? '';
    const remoteName = labels[REMOTE_SERVICE];
    if (remoteName === undefined) return refuse('FAILED_PRECONDITION', `Service ${name}.${namespace} has no label ${REMOTE_SERVICE}`);
    const watch = multicluster?.clusters.endpoints(clusterName, { namespace, name: remoteName, port, hostname, nodeName });
    return watch ? { kind: 'answer', watch } : refuse('NOT_FOUND', `Remote cluster not found: ${clusterName}`);
  }

  function profileOfName(
    text: string,
    path: LookupPath,
    { namespace, service: serviceName, hostname }: ServiceName,
    context: LookupContext,
  ): Answer<Profile> | Refusal {
    if (hostname !== undefined) return profiles.ofHostname(namespace, serviceName, hostname, path.port);
    const service = index.service(namespace, serviceName);
    if (!service) return refuse('UNKNOWN', `service "${serviceName}" not found`);
    const declared = service.spec.ports?.some((port) => port.port === path.port);
    if (declared && service.spec.type === 'ExternalName') return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}: the Service is of type ExternalName`);
    return profiles.ofService({ namespace, name: serviceName, port: path.port, clientNamespace: context.namespace });
  }
}
