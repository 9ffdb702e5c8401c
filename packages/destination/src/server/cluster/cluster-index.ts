// A cluster as discovery sees it: one watch per kind, the indexes between the kinds, and news by topic. A change touches only what it is about.
import { type Clock, formatSocketAddress, type Logger, type MetricRegistry } from '@weft/core';
import {
  createTopics,
  type EndpointSlice,
  type ExternalWorkload,
  endpointSliceKind,
  endpointsKind,
  externalWorkloadKind,
  jobKind,
  type KubeClient,
  type KubeError,
  type KubeObject,
  metadataOf,
  nodeKind,
  type OwnerReference,
  objectIndex,
  type Pod,
  type PolicyServer,
  podKind,
  policyServerKind,
  type ResourceKind,
  type ResourceStore,
  replicaSetKind,
  type Service,
  type ServiceProfile,
  type StoreEvent,
  serviceKind,
  serviceProfileKind,
  type Topics,
  versionsOf,
} from '@weft/kube';
import type { Check } from '@weft/kube/shape';
import { serviceProfile } from '../profiles/needs.ts';
import { clusterIps, externalAddresses, externalIps, hostAddresses, hostIps, keyOf, ownersOf, podIps, serviceKeysOf, takesTraffic, targetsOf } from './keys.ts';
import { leanPod } from './lean-pod.ts';
import * as needs from './needs.ts';
import type { OnSkipped } from './skipped-objects.ts';
import { sliceEvents } from './slices-of-endpoints.ts';
import { ipTopic, profileTopic, serviceTopic, zoneTopic } from './topics.ts';
import { type WatchKindOptions, watchKind } from './watched-kind.ts';

export interface ClusterIndex {
  service(namespace: string, name: string): Service | undefined;
  /** Services that have this cluster IP. */
  servicesByIp(ip: string): readonly Service[];
  slices(namespace: string, service: string): readonly EndpointSlice[];
  pod(namespace: string, name: string): Pod | undefined;
  /** Pods on the pod network with this address that take traffic. */
  podsByIp(ip: string): readonly Pod[];
  /** Pods that have this port on their host, and take traffic. */
  podsByHostAddress(ip: string, port: number): readonly Pod[];
  externalWorkload(namespace: string, name: string): ExternalWorkload | undefined;
  externalWorkloadsByAddress(ip: string, port: number): readonly ExternalWorkload[];
  /** The zone of a node; undefined where the node or its zone is not known. */
  zone(node: string): string | undefined;
  /** Owners of a ReplicaSet or Job. */
  parents(owner: 'ReplicaSet' | 'Job', namespace: string, name: string): readonly OwnerReference[];
  /** Servers of a namespace that make ports opaque. */
  opaqueServers(namespace: string): readonly PolicyServer[];
  serviceProfile(namespace: string, name: string): ServiceProfile | undefined;
  readonly topics: Topics;
  /** What the indexes are made of, for those who write to the cluster. Slices where it is they that are watched. */
  readonly stores: {
    readonly services: ResourceStore<Service>;
    readonly slices: ResourceStore<EndpointSlice> | undefined;
    readonly externalWorkloads: ResourceStore<ExternalWorkload> | undefined;
  };
  /** Resolves when everything that must be there has been listed once. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  close(): void;
}

export interface ClusterIndexOptions {
  readonly client: KubeClient;
  readonly logger: Logger;
  /** `local`, or the name of the linked cluster. */
  readonly name?: string;
  /** Which kind lists the endpoints of Services. Default: EndpointSlices. */
  readonly endpoints?: 'slices' | 'endpoints';
  /** Of another cluster, whose nodes, profiles and external workloads do not matter here. Default false. */
  readonly remote?: boolean;
  readonly registry?: MetricRegistry;
  readonly clock?: Clock | undefined;
  readonly onSkipped?: OnSkipped;
  /** Endpoints cannot be listed: the cluster has no such kind, or does not permit it. */
  readonly onEndpointsRefused?: (error: KubeError) => void;
}

/** One for all, so that nothing is also the same as before. */
const NONE: readonly never[] = [];
const ZONE_LABEL = 'topology.kubernetes.io/zone';

export function clusterIndex(options: ClusterIndexOptions): ClusterIndex {
  const { client, logger, registry, clock, onSkipped, name: cluster = 'local', remote = false } = options;
  const topics = createTopics({ onError: (error) => logger.log('error', 'news of the cluster could not be taken in', { error }) });
  const ready: Promise<void>[] = [];
  const closers: (() => void)[] = [];
  const watch = <T extends KubeObject>(
    kind: ResourceKind<T>,
    check: Check,
    onEvent: (event: StoreEvent<T>) => void,
    more: Pick<WatchKindOptions<T>, 'optional' | 'trim' | 'onRefused'> = {},
  ): ResourceStore<T> => {
    const one = watchKind(client, kind, { logger, check, onEvent, onSkipped, registry, clock, cluster, ...more });
    ready.push(one.ready);
    closers.push(() => one.store.close());
    return one.store;
  };

  const servicesByIp = objectIndex<Service>(clusterIps);
  const slicesByService = objectIndex<EndpointSlice>(serviceKeysOf);
  const slicesByTarget = objectIndex<EndpointSlice>(targetsOf);
  const podsByIp = objectIndex<Pod>(podIps);
  const podsByHostAddress = objectIndex<Pod>(hostAddresses);
  const podsByOwner = objectIndex<Pod>(ownersOf);
  const externalByAddress = objectIndex<ExternalWorkload>(externalAddresses);
  const opaqueByNamespace = objectIndex<PolicyServer>(({ metadata, spec }) => (spec.proxyProtocol === 'opaque' ? [metadata.namespace ?? ''] : []));

  const publishSlice = (slice: EndpointSlice): void => {
    for (const key of serviceKeysOf(slice)) topics.publish(`service ${key}`);
  };
  /** Says that what is told of a pod has changed, wherever it is told. */
  const publishPod = (pod: Pod): void => {
    for (const slice of slicesByTarget.get(`Pod ${keyOf(pod)}`)) publishSlice(slice);
    for (const ip of podIps(pod)) topics.publish(ipTopic(ip));
    if (hostAddresses(pod).length > 0) for (const ip of hostIps(pod)) topics.publish(ipTopic(ip));
  };
  const publishExternal = (workload: ExternalWorkload): void => {
    for (const slice of slicesByTarget.get(`ExternalWorkload ${keyOf(workload)}`)) publishSlice(slice);
    for (const ip of externalIps(workload)) topics.publish(ipTopic(ip));
  };
  const onSlice = (event: StoreEvent<EndpointSlice>): void => {
    slicesByService.apply(event);
    slicesByTarget.apply(event);
    for (const slice of versionsOf(event)) publishSlice(slice);
  };
  // The kinds are watched apart: a pod may be seen before its owner, and a proxy may ask before its node is seen.
  const onOwner = (kind: string) => (event: StoreEvent<KubeObject>) => {
    if (event.kind === 'updated' && sameOwners(event.old, event.object)) return;
    for (const owner of versionsOf(event)) for (const pod of podsByOwner.get(`${kind} ${keyOf(owner)}`)) publishPod(pod);
  };

  const services = watch(serviceKind, needs.service, (event) => {
    servicesByIp.apply(event);
    for (const service of versionsOf(event)) {
      topics.publish(serviceTopic(service.metadata.namespace ?? '', service.metadata.name));
      for (const ip of clusterIps(service)) topics.publish(ipTopic(ip));
    }
  });
  const refused = options.onEndpointsRefused ? { onRefused: options.onEndpointsRefused } : {};
  let slices: ResourceStore<EndpointSlice> | undefined;
  if (options.endpoints === 'endpoints') {
    const known = new WeakMap<KubeObject, readonly EndpointSlice[]>();
    watch(
      endpointsKind,
      needs.endpoints,
      (event) => {
        for (const one of sliceEvents(event, known)) onSlice(one);
      },
      refused,
    );
  } else slices = watch(endpointSliceKind, needs.endpointSlice, onSlice, refused);
  const pods = watch(
    podKind,
    needs.pod,
    (event) => {
      for (const index of [podsByIp, podsByHostAddress, podsByOwner]) index.apply(event);
      for (const pod of versionsOf(event)) publishPod(pod);
    },
    { trim: leanPod },
  );
  const replicaSets = watch(metadataOf(replicaSetKind), needs.metadata, onOwner('ReplicaSet'));
  const jobs = remote ? undefined : watch(metadataOf(jobKind), needs.metadata, onOwner('Job'), { optional: true });
  const nodes = remote
    ? undefined
    : watch(metadataOf(nodeKind), needs.metadata, (event) => {
        const versions = versionsOf(event);
        // Nodes report their state all the time.
        if (event.kind === 'updated' && event.old.metadata.labels?.[ZONE_LABEL] === event.object.metadata.labels?.[ZONE_LABEL]) return;
        for (const { metadata } of versions) topics.publish(zoneTopic(metadata.name));
      });
  watch(
    policyServerKind,
    needs.policyServer,
    (event) => {
      opaqueByNamespace.apply(event);
      const opaque = versionsOf(event).filter(({ spec }) => spec.proxyProtocol === 'opaque');
      for (const namespace of new Set(opaque.map(({ metadata }) => metadata.namespace ?? ''))) {
        for (const pod of pods.list(namespace)) publishPod(pod);
        for (const workload of externals?.list(namespace) ?? []) publishExternal(workload);
      }
    },
    { optional: true },
  );
  const externals = remote
    ? undefined
    : watch(
        externalWorkloadKind,
        needs.externalWorkload,
        (event) => {
          externalByAddress.apply(event);
          for (const workload of versionsOf(event)) publishExternal(workload);
        },
        { optional: true },
      );
  const profiles = remote
    ? undefined
    : watch(
        serviceProfileKind,
        serviceProfile,
        (event) => {
          for (const { metadata } of versionsOf(event)) topics.publish(profileTopic(metadata.namespace ?? '', metadata.name));
        },
        { optional: true },
      );

  let isSynced = false;
  const synced = Promise.all(ready).then(() => void (isSynced = true));
  synced.catch(() => undefined);
  return {
    service: (namespace, name) => services.get(namespace, name),
    servicesByIp: (ip) => servicesByIp.get(ip),
    slices: (namespace, service) => slicesByService.get(`${namespace}/${service}`),
    pod: (namespace, name) => pods.get(namespace, name),
    podsByIp: (ip) => podsByIp.get(ip).filter(takesTraffic),
    podsByHostAddress: (ip, port) => podsByHostAddress.get(formatSocketAddress({ ip, port })).filter(takesTraffic),
    externalWorkload: (namespace, name) => externals?.get(namespace, name),
    externalWorkloadsByAddress: (ip, port) => externalByAddress.get(formatSocketAddress({ ip, port })),
    zone: (node) => (node === '' ? undefined : nodes?.get(undefined, node)?.metadata.labels?.[ZONE_LABEL]),
    parents: (owner, namespace, name) => (owner === 'Job' ? jobs : replicaSets)?.get(namespace, name)?.metadata.ownerReferences ?? NONE,
    opaqueServers(namespace) {
      const found = opaqueByNamespace.get(namespace);
      return found.length === 0 ? NONE : found;
    },
    serviceProfile: (namespace, name) => profiles?.get(namespace, name),
    topics,
    stores: { services, slices, externalWorkloads: externals },
    synced,
    get isSynced() {
      return isSynced;
    },
    close: () => {
      for (const close of closers) close();
    },
  };
}

function sameOwners(a: KubeObject, b: KubeObject): boolean {
  return JSON.stringify(a.metadata.ownerReferences ?? []) === JSON.stringify(b.metadata.ownerReferences ?? []);
}
