// Watches of what the service streams, one per distinct question, shared between all streams that ask it.
import { createWatch, type EndpointSet, isIp, type Profile, parseServiceName, reason, type Unsubscribe, type Watch, type WatchSource } from '@weft/core';
import type { Service } from '@weft/kube';
import { type ClusterView, ipTopic, serviceTopic, zoneTopic } from './cluster-view.ts';
import { EMPTY_PROFILE, endpointProfile, serviceProfile } from './profiles.ts';
import { type LookupContext, type LookupPath, parseLookupPath } from './request.ts';
import { resolveService, type ServiceLookup } from './service-endpoints.ts';
import type { DestinationSettings } from './settings.ts';

/** Why a lookup is refused, as gRPC status names it. spec/control-plane.md §1.3, §1.10. */
export interface Refusal {
  readonly kind: 'refused';
  readonly status: 'INVALID_ARGUMENT' | 'NOT_FOUND' | 'FAILED_PRECONDITION' | 'UNKNOWN';
  readonly message: string;
}

export type EndpointsAnswer = { readonly kind: 'endpoints'; readonly watch: Watch<EndpointSet>; readonly lookup: ServiceLookup } | Refusal;
export type ProfileAnswer = { readonly kind: 'profile'; readonly watch: Watch<Profile> } | Refusal;

export interface Lookups {
  endpoints(path: string, context: LookupContext): EndpointsAnswer;
  profile(path: string, context: LookupContext): ProfileAnswer;
  /** Distinct questions that are being watched. */
  readonly size: number;
}

const refuse = (status: Refusal['status'], message: string): Refusal => ({ kind: 'refused', status, message });

export function createLookups(cluster: ClusterView, settings: DestinationSettings): Lookups {
  const shared = new Map<string, Watch<unknown>>();

  /** The Watch for a question: computed anew whenever one of its topics has news, forgotten with its last subscriber. */
  const watching = <T>(key: string, topics: readonly string[], compute: () => T | Refusal): Watch<T> => {
    const known = shared.get(key);
    if (known) return known as Watch<T>;
    const { watch } = createWatch<T>({
      start: (source) => {
        shared.set(key, watch);
        const update = (): void => publish(source, compute());
        const stops: Unsubscribe[] = topics.map((topic) => cluster.topics.subscribe(topic, update));
        update();
        return () => {
          shared.delete(key);
          for (const stop of stops) stop();
        };
      },
      onIdle: 'forget',
    });
    return watch;
  };

  const serviceOf = (path: LookupPath): { readonly name: ReturnType<typeof parseServiceName>; readonly service: Service | undefined } => {
    const name = parseServiceName(path.host, settings.clusterDomain);
    return { name, service: name && cluster.service(name.namespace, name.service) };
  };

  /** The profile of an address: of the Service whose cluster IP it is, else of the endpoint behind it. */
  const addressProfile = (path: LookupPath): Profile | Refusal => {
    const [service, ...more] = cluster.servicesByIp(path.host);
    if (more.length > 0) return refuse('FAILED_PRECONDITION', `several services have the cluster IP ${path.host}`);
    if (!service && cluster.podsByIp(path.host).length > 1) return refuse('FAILED_PRECONDITION', `several pods have the address ${path.host}`);
    return service ? serviceProfile(service, path.port, settings) : endpointProfile({ ip: path.host, port: path.port }, cluster, settings);
  };

  return {
    get size() {
      return shared.size;
    },
    endpoints(text, context) {
      const path = parseLookupPath(text);
      if (!path || isIp(path.host)) return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}`);
      const { name, service } = serviceOf(path);
      if (!name) return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}`);
      if (!service) return refuse('NOT_FOUND', `Service ${name.service}.${name.namespace} not found`);
      if (service.spec.type === 'ExternalName') return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}: the Service is of type ExternalName`);
      const lookup = { namespace: name.namespace, name: name.service, port: path.port, hostname: name.hostname, context };
      const key = `endpoints ${name.namespace}/${name.service} ${path.port} ${name.hostname ?? ''} ${context.nodeName}`;
      const topics = [serviceTopic(name.namespace, name.service), zoneTopic(context.nodeName)];
      return { kind: 'endpoints', lookup, watch: watching(key, topics, () => resolveService(lookup, cluster, settings)) };
    },
    profile(text) {
      const path = parseLookupPath(text);
      if (!path) return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}`);
      if (isIp(path.host)) {
        const first = addressProfile(path);
        if ('kind' in first) return first;
        const topics = [ipTopic(path.host), ...cluster.servicesByIp(path.host).map((s) => serviceTopic(s.metadata.namespace ?? '', s.metadata.name))];
        return { kind: 'profile', watch: watching(`profile ${path.host} ${path.port}`, topics, () => addressProfile(path)) };
      }
      const { name, service } = serviceOf(path);
      if (!name) return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}`);
      if (!service) return refuse('UNKNOWN', `service "${name.service}" not found`);
      if (name.hostname !== undefined) return hostnameProfile(name.namespace, name.service, name.hostname, path.port);
      const declared = service.spec.ports?.some((port) => port.port === path.port);
      if (declared && service.spec.type === 'ExternalName')
        return refuse('INVALID_ARGUMENT', `Invalid authority: ${text}: the Service is of type ExternalName`);
      const compute = (): Profile => {
        const now = cluster.service(name.namespace, name.service);
        return now ? serviceProfile(now, path.port, settings) : EMPTY_PROFILE;
      };
      return { kind: 'profile', watch: watching(`profile ${path.host} ${path.port}`, [serviceTopic(name.namespace, name.service)], compute) };
    },
  };

  function hostnameProfile(namespace: string, service: string, hostname: string, port: number): ProfileAnswer {
    const endpoint = cluster
      .slices(namespace, service)
      .flatMap((slice) => slice.endpoints)
      .find((candidate) => candidate.hostname === hostname);
    const pod = endpoint?.targetRef?.kind === 'Pod' ? cluster.pod(endpoint.targetRef.namespace ?? namespace, endpoint.targetRef.name ?? '') : undefined;
    const ip = pod?.status?.podIP;
    if (ip === undefined) return refuse('NOT_FOUND', `no pod with host name ${hostname} behind ${service}.${namespace}`);
    return { kind: 'profile', watch: watching(`profile ${ip} ${port}`, [ipTopic(ip)], () => endpointProfile({ ip, port }, cluster, settings)) };
  }
}

function publish<T>(source: WatchSource<T>, value: T | Refusal): void {
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'refused')
    source.reject(reason('DISCOVERY_REJECTED', (value as Refusal).message));
  else source.set(value as T);
}
