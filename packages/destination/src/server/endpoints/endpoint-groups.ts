// Endpoints as clients watch them: one Watch for each Service, port and filter group, over one for each Service and port.
import type { Logger, Watch } from '@weft/core';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterIndex } from '../cluster/cluster-index.ts';
import { serviceTopic, zoneTopic } from '../cluster/topics.ts';
import type { EndpointMetrics } from '../metrics/endpoint-metrics.ts';
import { KEEP, type SharedWatches, sharedWatches } from '../shared-watches.ts';
import { candidatesOf, type ServicePort } from './candidates.ts';
import { PortEndpoints, type Snapshot } from './port-endpoints.ts';

export interface EndpointLookup extends ServicePort {
  /** Only the endpoint with this host name. */
  readonly hostname?: string | undefined;
  /** The client's node; empty where it is not known. */
  readonly nodeName: string;
}

export interface EndpointGroups {
  /** Pending until the cluster is known. Empty where the Service does not exist. */
  watch(cluster: Cluster, lookup: EndpointLookup): Watch<Snapshot>;
  /** Groups that somebody watches. */
  readonly size: number;
}

export interface EndpointGroupsOptions {
  /** Whose nodes have the zones of clients. */
  readonly local: ClusterIndex;
  readonly logger: Logger;
  readonly metrics: EndpointMetrics;
}

export function endpointGroups({ local, logger, metrics }: EndpointGroupsOptions): EndpointGroups {
  const ports = sharedWatches(logger);
  const groups = sharedWatches(logger);
  return {
    get size() {
      return groups.size;
    },
    watch(cluster, lookup) {
      const { namespace, name, port, hostname, nodeName } = lookup;
      const key = `${cluster.id} ${namespace}/${name} ${port} ${hostname ?? ''} ${nodeName}`;
      return groups.watch<Snapshot>(key, ({ update, references }) => {
        const series = metrics.open(
          { cluster: cluster.name, namespace, service: name, port: String(port), hostname: hostname ?? '', nodename: nodeName },
          references,
        );
        let now: PortEndpoints | undefined;
        let last: Snapshot | undefined;
        const stops = [
          portWatch(ports, cluster, lookup, logger).subscribe((state) => {
            if (state.kind === 'value') now = state.value;
            update();
          }),
          local.topics.subscribe(zoneTopic(nodeName), update),
          () => series.close(),
        ];
        return {
          stops,
          compute() {
            if (!now) return KEEP;
            const snapshot = now.view({ hostname, byPlace: cluster.index === local, nodeName, zone: local.zone(nodeName) });
            if (snapshot !== last) series.updated(snapshot.size, now.exists);
            last = snapshot;
            return { kind: 'value', value: snapshot };
          },
        };
      });
    },
  };
}

/** All endpoints of a Service's port, whoever asks. */
function portWatch(ports: SharedWatches, { id, index, settings }: Cluster, lookup: EndpointLookup, logger: Logger): Watch<PortEndpoints> {
  const { namespace, name, port } = lookup;
  return ports.watch<PortEndpoints>(`${id} ${namespace}/${name} ${port}`, ({ update }) => {
    let previous: PortEndpoints | undefined;
    if (!index.isSynced) index.synced.then(update, () => undefined);
    return {
      stops: [index.topics.subscribe(serviceTopic(namespace, name), update)],
      compute() {
        if (!index.isSynced) return KEEP;
        const service = index.service(namespace, name);
        const candidates = candidatesOf({ namespace, name, port }, index, settings, logger, previous?.candidates);
        const nodeLocal = service?.spec.internalTrafficPolicy === 'Local';
        previous = new PortEndpoints({ exists: service !== undefined, candidates, nodeLocal, ipv6: settings.enableIpv6, previous });
        return { kind: 'value', value: previous };
      },
    };
  });
}
