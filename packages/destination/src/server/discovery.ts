// The service put together: watches of one cluster and of those it links, lookups, the gRPC implementation.
import type { Clock, Logger, MetricRegistry } from '@weft/core';
import { eventRecorder, type KubeClient, KubeError } from '@weft/kube';
import type { Cluster } from './cluster/cluster.ts';
import { clusterIndex } from './cluster/cluster-index.ts';
import { skippedObjects } from './cluster/skipped-objects.ts';
import { endpointGroups } from './endpoints/endpoint-groups.ts';
import { sliceController } from './external-workloads/slice-controller.ts';
import { createLookups, type Lookups } from './lookups.ts';
import { endpointMetrics } from './metrics/endpoint-metrics.ts';
import { clusterStore } from './multicluster/cluster-store.ts';
import { federatedServices } from './multicluster/federated-services.ts';
import { createProfiles } from './profiles/profiles.ts';
import type { DestinationSettings } from './settings.ts';
import { type DestinationServer, destinationServer } from './streams/destination-server.ts';

export interface DiscoveryOptions {
  readonly client: KubeClient;
  readonly settings: DestinationSettings;
  readonly registry: MetricRegistry;
  readonly logger: Logger;
  /** Which kind lists the endpoints of Services. Default: EndpointSlices. */
  readonly endpoints?: 'slices' | 'endpoints';
  /** Writes EndpointSlices for external workloads while it leads; `identity` is this process's among those that stand for election. Default: does not write. */
  readonly writer?: { readonly identity: string } | undefined;
  readonly clock?: Clock;
}

export interface Discovery {
  /** Resolves when everything is known once; rejects where endpoints cannot be listed at all. Ask nothing before. */
  readonly synced: Promise<void>;
  readonly lookups: Lookups;
  readonly server: DestinationServer;
  /** What is known of the cluster. */
  readonly cluster: Cluster;
  /** Stops writing and watching. Streams are ended by `server.close`. */
  close(): Promise<void>;
}

export function startDiscovery({ client, settings, registry, logger, endpoints = 'slices', writer, clock }: DiscoveryOptions): Discovery {
  let refuse: (error: Error) => void = () => undefined;
  const refused = new Promise<never>((_resolve, reject) => (refuse = reject));
  refused.catch(() => undefined);
  const onEndpointsRefused = (error: KubeError): void =>
    refuse(new KubeError(error.code, `${endpoints === 'slices' ? 'EndpointSlices' : 'Endpoints'} cannot be read: ${error.message}`, { cause: error }));
  const onSkipped = skippedObjects(eventRecorder({ client, component: 'linkerd-destination', logger, ...(clock && { clock }) }));
  const index = clusterIndex({ client, logger, endpoints, registry, clock, onSkipped, onEndpointsRefused });
  const local: Cluster = { name: 'local', id: 0, index, settings };
  const groups = endpointGroups({ local: index, logger, metrics: endpointMetrics(registry) });
  const clusters = clusterStore({ client, settings, endpoints, groups, registry, logger, clock, onSkipped });
  const federated = federatedServices({ local, groups, clusters, logger });
  const profiles = createProfiles({ cluster: local, registry, logger });
  const lookups = createLookups({ local, groups, profiles, multicluster: { clusters, federated } });
  const { services, slices, externalWorkloads } = index.stores;
  const controller =
    writer && slices && externalWorkloads
      ? sliceController({ client, services, slices, workloads: externalWorkloads, namespace: settings.controllerNamespace, ...writer, registry, logger })
      : undefined;
  return {
    synced: Promise.race([Promise.all([index.synced, clusters.ready]).then(() => undefined), refused]),
    lookups,
    server: destinationServer({ lookups, registry, logger }),
    cluster: local,
    async close() {
      await controller?.close();
      clusters.close();
      index.close();
    },
  };
}
