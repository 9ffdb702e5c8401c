// Linked clusters by name: a watch on the Secrets that link them, and an index of each. spec/control-plane.md §1.8.
import { type Clock, createWatch, type Logger, type MetricRegistry, type Watch } from '@weft/core';
import { createTopics, type KubeClient, kubeClient, type Secret, type StoreEvent, secretKind, type Topics } from '@weft/kube';
import type { Cluster } from '../cluster/cluster.ts';
import { clusterIndex } from '../cluster/cluster-index.ts';
import type { OnSkipped } from '../cluster/skipped-objects.ts';
import { watchKind } from '../cluster/watched-kind.ts';
import type { EndpointGroups, EndpointLookup } from '../endpoints/endpoint-groups.ts';
import type { Snapshot } from '../endpoints/port-endpoints.ts';
import type { DestinationSettings } from '../settings.ts';
import { type ClusterLink, clusterLinkOf, connectionOf, linkingSecret, sameLink } from './linked-cluster.ts';

export interface ClusterStore {
  /** The endpoints there; absent when the link ends. Undefined where no such cluster is linked. */
  endpoints(cluster: string, lookup: EndpointLookup): Watch<Snapshot> | undefined;
  /** `cluster NAME`: it was linked, replaced or let go. */
  readonly topics: Topics;
  readonly ready: Promise<void>;
  close(): void;
}

export interface ClusterStoreOptions {
  /** Of the cluster whose control-plane namespace has the Secrets. */
  readonly client: KubeClient;
  readonly settings: DestinationSettings;
  readonly endpoints: 'slices' | 'endpoints';
  readonly groups: EndpointGroups;
  readonly registry: MetricRegistry;
  readonly logger: Logger;
  readonly clock?: Clock | undefined;
  /** Of Secrets: what is skipped in a linked cluster is not told there, which this service only reads. */
  readonly onSkipped: OnSkipped;
}

interface Linked {
  readonly link: ClusterLink;
  /** Name of the Secret: another one for the same cluster does not take its place. */
  readonly secret: string;
  readonly cluster: Cluster;
  /** Becomes absent when the link ends. */
  readonly gone: ReturnType<typeof createWatch<true>>;
  close(): void;
}

export const clusterTopic = (name: string): string => `cluster ${name}`;

export function clusterStore(options: ClusterStoreOptions): ClusterStore {
  const { client, settings, endpoints, groups, registry, logger, clock, onSkipped } = options;
  const linked = new Map<string, Linked>();
  const topics = createTopics({ onError: (error) => logger.log('error', 'news of a linked cluster could not be taken in', { error }) });
  let lastId = 0;
  const size = registry.gauge('cluster_store_size', 'The number of linked clusters in the remote discovery cluster store').with();

  const end = (name: string, secret: string): void => {
    const known = linked.get(name);
    if (known?.secret !== secret) return;
    linked.delete(name);
    known.gone.absent();
    known.close();
    topics.publish(clusterTopic(name));
    logger.log('info', 'a cluster is no longer linked', { cluster: name });
  };
  const begin = (link: ClusterLink, secret: string): void => {
    if (linked.has(link.name)) return logger.log('warn', 'a Secret links a cluster that another one links already', { cluster: link.name, secret });
    const remote = kubeClient(connectionOf(link));
    const index = clusterIndex({ client: remote, logger: logger.child({ cluster: link.name }), name: link.name, endpoints, remote: true, registry, clock });
    const { name, trustDomain, clusterDomain } = link;
    const gone = createWatch<true>();
    gone.set(true);
    linked.set(name, {
      link,
      secret,
      gone,
      cluster: { name, id: ++lastId, index, settings: { ...settings, trustDomain, clusterDomain } },
      close() {
        index.close();
        remote.close();
      },
    });
    topics.publish(clusterTopic(name));
    logger.log('info', 'a cluster is linked', { cluster: name, server: remote.server });
  };
  const onEvent = (event: StoreEvent<Secret>): void => {
    const before = event.kind === 'added' ? undefined : clusterLinkOf(event.old);
    const now = event.kind === 'deleted' ? undefined : clusterLinkOf(event.object);
    const secret = event.kind === 'deleted' ? event.old.metadata.name : event.object.metadata.name;
    if (before && now && sameLink(before, now)) return;
    if (before) end(before.name, secret);
    if (now) begin(now, secret);
    size.set(linked.size);
  };

  const secrets = watchKind(client, secretKind, {
    logger,
    check: linkingSecret,
    onEvent,
    onSkipped,
    namespace: settings.controllerNamespace,
    optional: true,
    registry,
    clock,
  });
  return {
    endpoints(name, lookup) {
      const found = linked.get(name);
      return found && untilGone(groups.watch(found.cluster, lookup), found.gone.watch);
    },
    topics,
    ready: secrets.ready,
    close() {
      secrets.store.close();
      for (const { close } of linked.values()) close();
    },
  };
}

/** The first Watch, until the second is absent: then it is too. */
function untilGone(watch: Watch<Snapshot>, gone: Watch<true>): Watch<Snapshot> {
  return createWatch<Snapshot>({
    onIdle: 'forget',
    start(source) {
      const stops = [watch.subscribe((state) => source.update(state)), gone.subscribe((state) => state.kind === 'absent' && source.absent())];
      return () => {
        for (const stop of stops) stop();
      };
    },
  }).watch;
}
