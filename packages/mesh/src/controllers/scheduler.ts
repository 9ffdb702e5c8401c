// Binds every pod without a node to the one node there is.
import { type KubeClient, objectPath, type Pod, podKind, type ResourceStore } from '@weft/kube';
import { keyOf, splitKey } from './owner.ts';
import { type Reconciler, type ReconcilerOptions, reconciler } from './reconciler.ts';

export interface SchedulerOptions extends Pick<ReconcilerOptions, 'clock' | 'logger'> {
  readonly client: KubeClient;
  readonly pods: ResourceStore<Pod>;
  readonly nodeName: string;
}

export function scheduler(options: SchedulerOptions): Reconciler {
  const { client, pods, nodeName } = options;
  const needsNode = (pod: Pod): boolean => (pod.spec.nodeName ?? '') === '' && pod.metadata.deletionTimestamp === undefined;
  const queue = reconciler({
    ...options,
    name: 'scheduler',
    async reconcile(key) {
      const ref = splitKey(key);
      const pod = pods.get(ref.namespace, ref.name);
      if (!pod || !needsNode(pod)) return;
      const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
      await client.raw('POST', objectPath(podKind, ref, 'binding'), { apiVersion: 'v1', kind: 'Binding', metadata: ref, target });
    },
  });
  const stop = pods.subscribe((event) => event.kind !== 'deleted' && needsNode(event.object) && queue.enqueue(keyOf(event.object)));
  return {
    enqueue: queue.enqueue,
    async close() {
      stop();
      await queue.close();
    },
  };
}
