// The cluster as the discovery service sees it: stores of the kinds it needs, the indexes between them, and news by topic.
import type { Logger } from '@weft/core';
import {
  createTopics,
  type EndpointSlice,
  endpointSliceKind,
  type KubeClient,
  type KubeObject,
  type Node,
  nodeKind,
  objectIndex,
  type Pod,
  podKind,
  type ReplicaSet,
  type ResourceKind,
  type ResourceStore,
  replicaSetKind,
  resourceStore,
  SERVICE_NAME_LABEL,
  type Service,
  type StoreEvent,
  serviceKind,
  type Topics,
  versionsOf,
} from '@weft/kube';

export interface ClusterView {
  service(namespace: string, name: string): Service | undefined;
  /** Services that have this cluster IP. */
  servicesByIp(ip: string): readonly Service[];
  slices(namespace: string, service: string): readonly EndpointSlice[];
  pod(namespace: string, name: string): Pod | undefined;
  /** Pods on the pod network with this address that are neither finished nor terminating. */
  podsByIp(ip: string): readonly Pod[];
  node(name: string): Node | undefined;
  replicaSet(namespace: string, name: string): ReplicaSet | undefined;
  /** News of a Service, its slices and their pods (`service NS/NAME`), of who owns an address (`ip IP`), of a node's zone (`zone NODE`). */
  readonly topics: Topics;
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  close(): void;
}

export const serviceTopic = (namespace: string, name: string): string => `service ${namespace}/${name}`;
export const ipTopic = (ip: string): string => `ip ${ip}`;
export const zoneTopic = (node: string): string => `zone ${node}`;
const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** The zone of a node; undefined where the node or its zone is not known. */
export function zoneOf(node: string, cluster: Pick<ClusterView, 'node'>): string | undefined {
  return node === '' ? undefined : cluster.node(node)?.metadata.labels?.[ZONE_LABEL];
}

export function watchCluster(client: KubeClient, logger: Logger): ClusterView {
  const topics = createTopics();
  const stores: ResourceStore<never>[] = [];
  const open = <T extends KubeObject>(kind: ResourceKind<T>, onEvent: (event: StoreEvent<T>) => void): ResourceStore<T> => {
    const store = resourceStore(client, kind, { logger });
    store.subscribe(onEvent);
    stores.push(store as unknown as ResourceStore<never>);
    return store;
  };

  const servicesByIp = objectIndex<Service>(clusterIps);
  const podsByIp = objectIndex<Pod>(podIps);
  const slicesByService = objectIndex<EndpointSlice>((slice) => keysOf(serviceKeyOf(slice)));
  const slicesByPod = objectIndex<EndpointSlice>(podKeys);
  const podsByReplicaSet = objectIndex<Pod>(replicaSetKeys);

  /** Says that what is told of a pod has changed, wherever it is told. */
  const publishPod = (pod: Pod): void => {
    for (const slice of slicesByPod.get(`${pod.metadata.namespace}/${pod.metadata.name}`)) {
      const key = serviceKeyOf(slice);
      if (key !== undefined) topics.publish(`service ${key}`);
    }
    for (const ip of podIps(pod)) topics.publish(ipTopic(ip));
  };

  const services = open(serviceKind, (event) => {
    servicesByIp.apply(event);
    for (const service of versionsOf(event)) {
      topics.publish(serviceTopic(service.metadata.namespace ?? '', service.metadata.name));
      for (const ip of clusterIps(service)) topics.publish(ipTopic(ip));
    }
  });
  open(endpointSliceKind, (event) => {
    slicesByService.apply(event);
    slicesByPod.apply(event);
    for (const slice of versionsOf(event)) {
      const key = serviceKeyOf(slice);
      if (key !== undefined) topics.publish(`service ${key}`);
    }
  });
  const pods = open(podKind, (event) => {
    podsByIp.apply(event);
    podsByReplicaSet.apply(event);
    for (const pod of versionsOf(event)) publishPod(pod);
  });
  // The kinds are watched apart: a pod may be seen before its ReplicaSet, and a proxy may ask before its node is seen.
  const replicaSets = open(replicaSetKind, (event) => {
    if (event.kind === 'updated' && sameOwners(event.old, event.object)) return;
    for (const { metadata } of versionsOf(event)) for (const pod of podsByReplicaSet.get(`${metadata.namespace}/${metadata.name}`)) publishPod(pod);
  });
  const nodes = open(nodeKind, (event) => {
    const versions = versionsOf(event);
    // Nodes report their state all the time.
    if (event.kind === 'updated' && new Set(versions.map(({ metadata }) => metadata.labels?.[ZONE_LABEL])).size === 1) return;
    for (const { metadata } of versions) topics.publish(zoneTopic(metadata.name));
  });

  const synced = Promise.all(stores.map((store) => store.synced)).then(() => undefined);
  synced.catch(() => undefined);
  return {
    service: (namespace, name) => services.get(namespace, name),
    servicesByIp: (ip) => servicesByIp.get(ip),
    slices: (namespace, service) => slicesByService.get(`${namespace}/${service}`),
    pod: (namespace, name) => pods.get(namespace, name),
    podsByIp: (ip) => podsByIp.get(ip).filter(isOnPodNetwork),
    node: (name) => nodes.get(undefined, name),
    replicaSet: (namespace, name) => replicaSets.get(namespace, name),
    topics,
    synced,
    get isSynced() {
      return stores.every((store) => store.isSynced);
    },
    close: () => {
      for (const store of stores) store.close();
    },
  };
}

function clusterIps(service: Service): readonly string[] {
  const { clusterIPs, clusterIP } = service.spec;
  return (clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP])).filter((ip) => ip !== '' && ip !== 'None');
}

function podIps(pod: Pod): readonly string[] {
  const { podIPs, podIP } = pod.status ?? {};
  return podIPs?.map((entry) => entry.ip) ?? (podIP === undefined ? [] : [podIP]);
}

function isOnPodNetwork(pod: Pod): boolean {
  const { phase } = pod.status ?? {};
  return pod.spec.hostNetwork !== true && phase !== 'Succeeded' && phase !== 'Failed' && pod.metadata.deletionTimestamp === undefined;
}

/** The Service of a slice: its label, else its first owner of kind Service. */
function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const { namespace, labels, ownerReferences } = slice.metadata;
  const name = labels?.[SERVICE_NAME_LABEL] ?? ownerReferences?.find((owner) => owner.kind === 'Service')?.name;
  return name === undefined ? undefined : `${namespace ?? ''}/${name}`;
}

function podKeys(slice: EndpointSlice): readonly string[] {
  return slice.endpoints.flatMap(({ targetRef }) =>
    targetRef?.kind === 'Pod' ? [`${targetRef.namespace ?? slice.metadata.namespace ?? ''}/${targetRef.name ?? ''}`] : [],
  );
}

function replicaSetKeys(pod: Pod): readonly string[] {
  return (pod.metadata.ownerReferences ?? []).flatMap(({ kind, name }) => (kind === 'ReplicaSet' ? [`${pod.metadata.namespace ?? ''}/${name}`] : []));
}

function sameOwners(a: ReplicaSet, b: ReplicaSet): boolean {
  return JSON.stringify(a.metadata.ownerReferences ?? []) === JSON.stringify(b.metadata.ownerReferences ?? []);
}

const keysOf = (key: string | undefined): readonly string[] => (key === undefined ? [] : [key]);
