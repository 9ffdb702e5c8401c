// Gives every pod without a node the one node there is.
import { type KubeClient, type Pod, podKind, type ResourceStore } from '@weft/kube';
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
      if (pod && needsNode(pod)) await client.patch(podKind, ref, { kind: 'merge', value: { spec: { nodeName } } });
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
