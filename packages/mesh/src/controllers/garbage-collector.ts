// Deletes what has lost its owner: sets of deleted Deployments, pods of deleted sets, slices of deleted Services.
import {
  type Deployment,
  type EndpointSlice,
  endpointSliceKind,
  type KubeClient,
  type KubeObject,
  type Pod,
  podKind,
  type ReplicaSet,
  type ResourceKind,
  type ResourceStore,
  replicaSetKind,
  type Service,
} from '@weft/kube';
import { controllerOf, keyOf, splitKey } from './owner.ts';
import { type Reconciler, type ReconcilerOptions, reconciler } from './reconciler.ts';

export interface GarbageCollectorOptions extends Pick<ReconcilerOptions, 'clock' | 'logger'> {
  readonly client: KubeClient;
  readonly deployments: ResourceStore<Deployment>;
  readonly replicaSets: ResourceStore<ReplicaSet>;
  readonly pods: ResourceStore<Pod>;
  readonly services: ResourceStore<Service>;
  readonly slices: ResourceStore<EndpointSlice>;
}

export function garbageCollector(options: GarbageCollectorOptions): Reconciler {
  const parts = [
    collect(options, options.deployments, options.replicaSets, replicaSetKind),
    collect(options, options.replicaSets, options.pods, podKind),
    collect(options, options.services, options.slices, endpointSliceKind),
  ];
  return {
    enqueue: () => undefined,
    close: async () => void (await Promise.all(parts.map((part) => part.close()))),
  };
}

function collect<O extends KubeObject, D extends KubeObject>(
  options: GarbageCollectorOptions,
  owners: ResourceStore<O>,
  dependents: ResourceStore<D>,
  kind: ResourceKind<D>,
): Reconciler {
  const { client } = options;
  const ownerKind = owners.kind;
  const queue = reconciler({
    clock: options.clock,
    logger: options.logger,
    name: `gc-${kind.plural}`,
    async reconcile(key) {
      const { namespace, name } = splitKey(key);
      const dependent = dependents.get(namespace, name);
      const owner = dependent && controllerOf(dependent);
      if (!owner || owner.kind !== ownerKind.kind || dependent.metadata.deletionTimestamp !== undefined) return;
      await owners.synced;
      if (owners.get(namespace, owner.name)?.metadata.uid === owner.uid) return;
      // The cache may lag behind the object: only the API server's word is enough for deleting.
      const current = await client.get(ownerKind, { namespace, name: owner.name });
      if (current?.metadata.uid !== owner.uid) await client.delete(kind, { namespace, name }, { propagationPolicy: 'Background' });
    },
  });
  const stops = [
    dependents.subscribe((event) => event.kind === 'added' && queue.enqueue(keyOf(event.object))),
    owners.subscribe((event) => {
      if (event.kind !== 'deleted') return;
      for (const dependent of dependents.list(event.old.metadata.namespace)) {
        if (controllerOf(dependent)?.uid === event.old.metadata.uid) queue.enqueue(keyOf(dependent));
      }
    }),
  ];
  return {
    enqueue: queue.enqueue,
    async close() {
      for (const stop of stops) stop();
      await queue.close();
    },
  };
}
