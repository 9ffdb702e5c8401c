// Watches of policies, one per distinct question, shared between all streams that ask it.
import { type ClientPolicy, createWatch, networkMatcher, parseAuthority, type ServerPolicy, type SocketAddress, type Watch } from '@weft/core';
import { ipTopic, type PolicyClusterView, podTopic, serviceTopic } from './cluster-view.ts';
import { inboundPolicy } from './inbound-policy.ts';
import { fallbackPolicy, servicePolicy, undefinedPortPolicy } from './outbound-policy.ts';
import type { PolicySettings } from './settings.ts';
import type { PodWorkload } from './workload.ts';

/** Why a lookup is refused, as gRPC status names it. */
export interface PolicyRefusal {
  readonly kind: 'refused';
  readonly status: 'INVALID_ARGUMENT' | 'NOT_FOUND';
  readonly message: string;
}

export type PolicyAnswer<T> = { readonly kind: 'policy'; readonly watch: Watch<T> } | PolicyRefusal;

export interface PolicyLookups {
  /** Ends (absent) when the workload is deleted. */
  inbound(workload: PodWorkload, port: number): PolicyAnswer<ServerPolicy>;
  outboundAddress(address: SocketAddress): PolicyAnswer<ClientPolicy>;
  outboundAuthority(authority: string): PolicyAnswer<ClientPolicy>;
}

const refuse = (status: PolicyRefusal['status'], message: string): PolicyRefusal => ({ kind: 'refused', status, message });

export function createPolicyLookups(cluster: PolicyClusterView, settings: PolicySettings): PolicyLookups {
  const shared = new Map<string, Watch<unknown>>();
  const inCluster = networkMatcher(settings.clusterNetworks);

  /** `compute` answers undefined where the subject is gone: the stream ends and the client asks again. */
  const watching = <T>(key: string, topics: readonly string[], compute: () => T | undefined): Watch<T> => {
    const known = shared.get(key);
    if (known) return known as Watch<T>;
    const { watch } = createWatch<T>({
      equal: (a, b) => JSON.stringify(a) === JSON.stringify(b),
      onIdle: 'forget',
      start: (source) => {
        shared.set(key, watch);
        const update = (): void => {
          const value = compute();
          if (value === undefined) source.absent();
          else source.set(value);
        };
        const stops = topics.map((topic) => cluster.topics.subscribe(topic, update));
        update();
        return () => {
          shared.delete(key);
          for (const stop of stops) stop();
        };
      },
    });
    return watch;
  };

  /** The policy of an address now; undefined for an address of the cluster that is no Service's. */
  const addressPolicy = ({ ip, port }: SocketAddress): ClientPolicy | undefined => {
    const service = cluster.serviceByIp(ip);
    if (!service) return inCluster(ip) ? undefined : fallbackPolicy({ ip, port }, settings);
    const target = { namespace: service.metadata.namespace ?? '', name: service.metadata.name, port };
    return service.spec.ports?.some((declared) => declared.port === port) ? servicePolicy(target, service, settings) : undefinedPortPolicy(target);
  };

  return {
    inbound({ namespace, pod: name }, port) {
      if (!cluster.pod(namespace, name)) return refuse('NOT_FOUND', `unknown server: no meshed pod ${name} in namespace ${namespace}`);
      const compute = (): ServerPolicy | undefined => {
        const pod = cluster.pod(namespace, name);
        return pod && inboundPolicy(pod, port, settings);
      };
      return { kind: 'policy', watch: watching(`inbound ${namespace}/${name} ${port}`, [podTopic(namespace, name)], compute) };
    },
    outboundAddress(address) {
      if (!addressPolicy(address)) return refuse('NOT_FOUND', `No such service: ${address.ip}`);
      const service = cluster.serviceByIp(address.ip);
      const topics = [ipTopic(address.ip), ...(service ? [serviceTopic(service.metadata.namespace ?? '', service.metadata.name)] : [])];
      return { kind: 'policy', watch: watching(`address ${address.ip} ${address.port}`, topics, () => addressPolicy(address)) };
    },
    outboundAuthority(text) {
      const authority = parseAuthority(text);
      if (!authority || authority.host === '') return refuse('INVALID_ARGUMENT', `not an authority: ${text}`);
      const host = authority.host.replace(/\.+$/, '');
      const labels = (host.endsWith(`.${settings.clusterDomain}`) ? host.slice(0, -settings.clusterDomain.length - 1) : host).split('.');
      const [name = '', namespace = '', third, ...rest] = labels;
      if (third !== 'svc' || rest.length > 0 || name === '' || namespace === '') return refuse('NOT_FOUND', `No such service: ${text}`);
      const target = { namespace, name, port: authority.port ?? 80 };
      const compute = (): ClientPolicy => servicePolicy(target, cluster.service(namespace, name), settings);
      return { kind: 'policy', watch: watching(`authority ${namespace}/${name} ${target.port}`, [serviceTopic(namespace, name)], compute) };
    },
  };
}
