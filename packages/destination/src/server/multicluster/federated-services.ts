// Federated Services: the endpoints of members in this cluster and in others, merged. spec/control-plane.md §1.8.
import type { Endpoint, Logger, Unsubscribe, Watch, WatchState } from '@weft/core';
import type { Service } from '@weft/kube';
import type { Cluster } from '../cluster/cluster.ts';
import { serviceTopic } from '../cluster/topics.ts';
import type { EndpointGroups, EndpointLookup } from '../endpoints/endpoint-groups.ts';
import { EMPTY, type Snapshot } from '../endpoints/port-endpoints.ts';
import { KEEP, sharedWatches } from '../shared-watches.ts';
import { type ClusterStore, clusterTopic } from './cluster-store.ts';

const REMOTE = 'multicluster.linkerd.io/remote-discovery';
const LOCAL = 'multicluster.linkerd.io/local-discovery';

export interface FederatedServices {
  /** Absent when the Service is deleted or is no longer federated. */
  watch(lookup: EndpointLookup): Watch<Snapshot>;
}

/** A Service of the same namespace, in this cluster where `cluster` is undefined. */
export interface FederatedMember {
  readonly service: string;
  readonly cluster: string | undefined;
}

export function isFederated({ metadata }: Service): boolean {
  const { annotations = {} } = metadata;
  return annotations[REMOTE] !== undefined || annotations[LOCAL] !== undefined;
}

/** `web@east,web@west` and a local name. Items that cannot be read are told and left out; each member counts once. */
export function membersOf({ metadata }: Service, onBadItem: (item: string) => void): readonly FederatedMember[] {
  const { annotations = {} } = metadata;
  const members = new Map<string, FederatedMember>();
  const local = annotations[LOCAL]?.trim() ?? '';
  if (local !== '') members.set(local, { service: local, cluster: undefined });
  for (const item of (annotations[REMOTE] ?? '').split(',').map((text) => text.trim())) {
    if (item === '') continue;
    const [service = '', cluster = '', ...rest] = item.split('@');
    if (service === '' || cluster === '' || rest.length > 0) onBadItem(item);
    else members.set(item, { service, cluster });
  }
  return [...members.values()];
}

export interface FederatedServicesOptions {
  readonly local: Cluster;
  readonly groups: EndpointGroups;
  readonly clusters: ClusterStore;
  readonly logger: Logger;
}

interface Followed {
  state: WatchState<Snapshot>;
  stop: Unsubscribe;
}

export function federatedServices({ local, groups, clusters, logger }: FederatedServicesOptions): FederatedServices {
  const shared = sharedWatches(logger);
  const { index } = local;
  return {
    watch(lookup) {
      const { namespace, name, port, hostname = '', nodeName } = lookup;
      return shared.watch<Snapshot>(`${namespace}/${name} ${port} ${hostname} ${nodeName}`, ({ update }) => {
        const members = new Map<string, Followed>();
        const linkStops = new Map<string, Unsubscribe>();
        let gone = false;

        const follow = (member: FederatedMember): Followed | undefined => {
          const question = { ...lookup, name: member.service };
          const watch = member.cluster === undefined ? groups.watch(local, question) : clusters.endpoints(member.cluster, question);
          if (!watch) {
            logger.log('warn', 'a federated Service has a member in a cluster that is not linked', { service: name, namespace, cluster: member.cluster });
            return undefined;
          }
          const followed: Followed = { state: { kind: 'pending' }, stop: () => undefined };
          followed.stop = watch.subscribe((state) => {
            followed.state = state;
            update();
          });
          return followed;
        };
        const select = (): void => {
          const service = index.service(namespace, name);
          gone = !service || !isFederated(service);
          const wanted = service
            ? membersOf(service, (item) => logger.log('warn', 'a member of a federated Service cannot be read', { service: name, namespace, item }))
            : [];
          const keys = new Set(wanted.map(keyOf));
          for (const [key, followed] of members) {
            if (keys.has(key)) continue;
            followed.stop();
            members.delete(key);
          }
          for (const member of wanted) {
            const key = keyOf(member);
            const { cluster } = member;
            if (cluster !== undefined && !linkStops.has(cluster))
              linkStops.set(
                cluster,
                clusters.topics.subscribe(clusterTopic(cluster), () => relink(cluster)),
              );
            const followed = members.has(key) ? undefined : follow(member);
            if (followed) members.set(key, followed);
          }
          update();
        };
        /** What was followed there is another cluster's now, or nobody's. */
        const relink = (cluster: string): void => {
          for (const [key, followed] of members) {
            if (!key.endsWith(`@${cluster}`)) continue;
            followed.stop();
            members.delete(key);
          }
          select();
        };

        const stop = index.topics.subscribe(serviceTopic(namespace, name), select);
        select();
        return {
          stops: [
            stop,
            () => {
              for (const followed of members.values()) followed.stop();
              for (const stopLink of linkStops.values()) stopLink();
            },
          ],
          compute() {
            if (gone) return { kind: 'absent' };
            const merged = new Map<string, Endpoint>();
            let pending = false;
            for (const { state } of members.values()) {
              if (state.kind === 'pending') pending = true;
              else if (state.kind === 'value') for (const [key, endpoint] of state.value) merged.set(key, endpoint);
            }
            // A member that does not answer must not hold up the others; that there is nothing at all is said when all have.
            if (merged.size === 0) return pending ? KEEP : { kind: 'value', value: EMPTY };
            return { kind: 'value', value: merged };
          },
        };
      });
    },
  };
}

const keyOf = ({ service, cluster = '' }: FederatedMember): string => `${service}@${cluster}`;
