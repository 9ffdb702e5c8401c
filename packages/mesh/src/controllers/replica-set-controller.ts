// ReplicaSet → Pod: as many active pods as asked for. A pod that was created but is not yet in the cache is counted, so that
// a slow watch makes no surplus.
import { type Clock } from '@weft/core';
import { type KubeClient, type Pod, podKind, type ReplicaSet, type ResourceStore, replicaSetKind } from '@weft/kube';
import { controllerOf, controllerReference, isControlledBy, isPodActive, isPodReady, keyOf, splitKey } from './owner.ts';
import { type Reconciler, type ReconcilerOptions, reconciler } from './reconciler.ts';

export interface ReplicaSetControllerOptions extends Pick<ReconcilerOptions, 'clock' | 'logger'> {
  readonly client: KubeClient;
  readonly replicaSets: ResourceStore<ReplicaSet>;
  readonly pods: ResourceStore<Pod>;
}

/** After this long an unseen pod is taken as gone. */
const EXPECTATION_MS = 30_000;

export function replicaSetController(options: ReplicaSetControllerOptions): Reconciler {
  const { client, replicaSets, pods, clock } = options;
  const created = expectations(clock);
  const deleted = expectations(clock);

  const reconcile = async (key: string): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const set = replicaSets.get(namespace, name);
    if (!set || set.metadata.deletionTimestamp !== undefined) return;
    const uid = set.metadata.uid ?? '';
    const active = pods.list(namespace).filter((pod) => isControlledBy(pod, set) && isPodActive(pod) && !deleted.has(uid, pod.metadata.name));
    const unseen = created.count(uid, (pod) => pods.get(namespace, pod) !== undefined);
    const surplus = active.length + unseen - (set.spec.replicas ?? 1);
    for (let missing = -surplus; missing > 0; missing -= 1) {
      const pod = await createPod(client, set);
      if (!pods.get(namespace, pod.metadata.name)) created.add(uid, pod.metadata.name);
    }
    if (surplus > 0) {
      for (const pod of active.toSorted(byUsefulness).slice(0, surplus)) {
        deleted.add(uid, pod.metadata.name);
        await client.delete(podKind, { namespace, name: pod.metadata.name }, { propagationPolicy: 'Background' });
      }
    }
    await writeStatus(client, set, active);
  };

  const queue = reconciler({ ...options, name: 'replicaset', reconcile });
  const stops = [
    replicaSets.subscribe((event) => event.kind !== 'deleted' && queue.enqueue(keyOf(event.object))),
    pods.subscribe((event) => {
      const pod = event.kind === 'deleted' ? event.old : event.object;
      const owner = controllerOf(pod);
      if (owner?.kind !== 'ReplicaSet') return;
      created.delete(owner.uid, pod.metadata.name);
      if (event.kind === 'deleted') deleted.delete(owner.uid, pod.metadata.name);
      queue.enqueue(`${pod.metadata.namespace ?? ''}/${owner.name}`);
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

function createPod(client: KubeClient, set: ReplicaSet): Promise<Pod> {
  const { template } = set.spec;
  return client.create(podKind, {
    metadata: {
      ...template.metadata,
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      ownerReferences: [controllerReference(replicaSetKind, set)],
    },
    spec: template.spec,
  });
}

async function writeStatus(client: KubeClient, set: ReplicaSet, active: readonly Pod[]): Promise<void> {
  const ready = active.filter(isPodReady).length;
  const status = {
    replicas: active.length,
    fullyLabeledReplicas: active.length,
    readyReplicas: ready,
    availableReplicas: ready,
    observedGeneration: set.metadata.generation ?? 1,
  };
  const before = set.status;
  if (before && Object.entries(status).every(([field, value]) => before[field as keyof typeof status] === value)) return;
  const { namespace = '', name } = set.metadata;
  await client.patch(replicaSetKind, { namespace, name }, { kind: 'merge', value: { status } }, { subresource: 'status' });
}

/** Those that may go first: not ready before ready, younger before older. */
function byUsefulness(a: Pod, b: Pod): number {
  const readiness = Number(isPodReady(a)) - Number(isPodReady(b));
  if (readiness !== 0) return readiness;
  return (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? '');
}

/** Names per owner that the cache has still to show. */
function expectations(clock: Clock): {
  add(owner: string, name: string): void;
  has(owner: string, name: string): boolean;
  delete(owner: string, name: string): void;
  count(owner: string, isSeen: (name: string) => boolean): number;
} {
  const owners = new Map<string, Map<string, number>>();
  return {
    add(owner, name) {
      const names = owners.get(owner) ?? new Map<string, number>();
      names.set(name, clock.now() + EXPECTATION_MS);
      owners.set(owner, names);
    },
    has: (owner, name) => owners.get(owner)?.has(name) ?? false,
    delete(owner, name) {
      const names = owners.get(owner);
      if (names?.delete(name) && names.size === 0) owners.delete(owner);
    },
    count(owner, isSeen) {
      let count = 0;
      for (const [name, expiry] of owners.get(owner) ?? []) {
        if (isSeen(name) || clock.now() > expiry) owners.get(owner)?.delete(name);
        else count += 1;
      }
      return count;
    },
  };
}
