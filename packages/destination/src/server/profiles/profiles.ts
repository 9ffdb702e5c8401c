// Watches of profiles, shared between those who ask the same. spec/control-plane.md §1.10.
import { formatReason, formatServiceName, type Logger, type MetricRegistry, type Profile, reason, type SocketAddress } from '@weft/core';
import type { Cluster } from '../cluster/cluster.ts';
import { ipTopic, profileTopic, serviceTopic } from '../cluster/topics.ts';
import type { Answer, Refusal } from '../lookups.ts';
import { subscriptionMetrics } from '../metrics/subscriptions.ts';
import { type Outcome, sharedWatches } from '../shared-watches.ts';
import { endpointProfileOutcome } from './endpoint-profile.ts';
import { profileNamespaces, type ServiceProfileLookup, serviceProfileOutcome, unchanged } from './service-profile.ts';

export interface Profiles {
  ofService(lookup: ServiceProfileLookup): Answer<Profile>;
  /** Of the Service that has this cluster IP, else of the workload behind the address. */
  ofAddress(address: SocketAddress, clientNamespace: string): Answer<Profile> | Refusal;
  /** Of the pod behind the endpoint with this host name. */
  ofHostname(namespace: string, service: string, hostname: string, port: number): Answer<Profile> | Refusal;
}

export interface ProfilesOptions {
  readonly cluster: Cluster;
  readonly registry: MetricRegistry;
  readonly logger: Logger;
}

export function createProfiles({ cluster: { index, settings }, registry, logger }: ProfilesOptions): Profiles {
  const shared = sharedWatches(logger);
  const profileMetrics = subscriptionMetrics({ registry, name: 'profile', noun: 'a profile' });
  const workloadMetrics = subscriptionMetrics({ registry, name: 'workload', noun: 'a workload' });
  const serviceMetrics = subscriptionMetrics({ registry, name: 'service', noun: 'a Service for its opaque ports', counted: false });

  const ofService = (lookup: ServiceProfileLookup): Answer<Profile> => {
    const { namespace, name, port, clientNamespace } = lookup;
    const fqn = formatServiceName({ service: name, namespace }, settings.clusterDomain);
    const watch = shared.watch<Profile>(`service ${namespace}/${name} ${port} ${clientNamespace}`, ({ update, references }) => {
      const places = profileNamespaces(lookup);
      const series = places.map((place) => profileMetrics.open({ namespace: place, profile: fqn }, references));
      const news = told(series);
      const service = serviceMetrics.open({ namespace, name }, references);
      return {
        stops: [
          () => service.close(),
          index.topics.subscribe(serviceTopic(namespace, name), update),
          ...places.map((place) => index.topics.subscribe(profileTopic(place, fqn), update)),
          ...series.map((one) => () => one.close()),
        ],
        compute: () => news(serviceProfileOutcome(lookup, index, settings, logger)),
      };
    });
    return { kind: 'answer', watch };
  };

  /** Of the workload behind an address, whatever Services there are. */
  const ofWorkload = (address: SocketAddress): Answer<Profile> => {
    const watch = shared.watch<Profile>(`workload ${address.ip} ${address.port}`, ({ update, references }) => {
      const series = workloadMetrics.open({}, references);
      const news = told([series]);
      return {
        stops: [index.topics.subscribe(ipTopic(address.ip), update), () => series.close()],
        compute: () => news(endpointProfileOutcome(address, index, settings)),
      };
    });
    return { kind: 'answer', watch };
  };

  return {
    ofService,
    ofAddress(address, clientNamespace) {
      const services = index.servicesByIp(address.ip);
      if (services.length > 1) return { kind: 'refused', status: 'FAILED_PRECONDITION', message: severalServices(address.ip) };
      if (services.length === 0) {
        const first = endpointProfileOutcome(address, index, settings);
        if (first.kind === 'rejected') return { kind: 'refused', status: 'FAILED_PRECONDITION', message: formatReason(first.reason) };
      }
      // Who has an address may change while it is watched.
      const watch = shared.watch<Profile>(`address ${address.ip} ${address.port} ${clientNamespace}`, ({ update }) => {
        let source: { readonly key: string; readonly stop: () => void } | undefined;
        let outcome: Outcome<Profile> = { kind: 'keep' };
        const select = (): void => {
          const [service, ...more] = index.servicesByIp(address.ip);
          const key = more.length > 0 ? 'several' : service ? `service ${service.metadata.namespace}/${service.metadata.name}` : 'workload';
          if (source?.key === key) return;
          source?.stop();
          if (more.length > 0) {
            source = { key, stop: () => undefined };
            outcome = { kind: 'rejected', reason: reason('DISCOVERY_REJECTED', severalServices(address.ip)) };
            return update();
          }
          const { namespace = '', name = '' } = service?.metadata ?? {};
          const { watch: inner } = service ? ofService({ namespace, name, port: address.port, clientNamespace }) : ofWorkload(address);
          source = { key, stop: () => undefined };
          const stop = inner.subscribe((state) => {
            outcome = state.kind === 'pending' ? { kind: 'keep' } : state;
            update();
          });
          source = { key, stop };
        };
        const stop = index.topics.subscribe(ipTopic(address.ip), select);
        select();
        return { stops: [stop, () => source?.stop()], compute: () => outcome };
      });
      return { kind: 'answer', watch };
    },
    ofHostname(namespace, service, hostname, port) {
      const endpoint = index
        .slices(namespace, service)
        .flatMap((slice) => slice.endpoints ?? [])
        .find((candidate) => candidate.hostname === hostname && candidate.targetRef?.kind === 'Pod');
      const { targetRef } = endpoint ?? {};
      const ip = targetRef && index.pod(targetRef.namespace ?? namespace, targetRef.name ?? '')?.status?.podIP;
      if (ip === undefined || ip === '')
        return { kind: 'refused', status: 'NOT_FOUND', message: `no pod with host name ${hostname} behind ${service}.${namespace}` };
      return ofWorkload({ ip, port });
    },
  };
}

const severalServices = (ip: string): string => `several services have the cluster IP ${ip}`;

/** Leaves the former profile where nothing that is told has changed, and counts news. */
function told(series: readonly { updated(): void }[]): (outcome: Outcome<Profile>) => Outcome<Profile> {
  let former: Profile | undefined;
  return (outcome) => {
    const next = unchanged(former, outcome);
    if (next.kind === 'value' && next.value !== former) {
      former = next.value;
      for (const one of series) one.updated();
    }
    return next;
  };
}
