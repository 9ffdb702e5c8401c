// Service → EndpointSlice: keeps the slices of every Service as its pods are.
import { type EndpointSlice, endpointSliceKind, type KubeClient, type Pod, type ResourceStore, type Service } from '@weft/kube';
import { slicesOf } from './endpoint-slices.ts';
import { isControlledBy, keyOf, matchesLabels, splitKey } from './owner.ts';
import { type Reconciler, type ReconcilerOptions, reconciler } from './reconciler.ts';

export interface EndpointSliceControllerOptions extends Pick<ReconcilerOptions, 'clock' | 'logger'> {
  readonly client: KubeClient;
  readonly services: ResourceStore<Service>;
  readonly pods: ResourceStore<Pod>;
  readonly slices: ResourceStore<EndpointSlice>;
}

export function endpointSliceController(options: EndpointSliceControllerOptions): Reconciler {
  const { client, services, pods, slices } = options;

  const reconcile = async (key: string): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const service = services.get(namespace, name);
    if (!service || service.metadata.deletionTimestamp !== undefined || !service.spec.selector) return;
    const wanted = slicesOf(service, pods.list(namespace));
    const present = slices.list(namespace).filter((slice) => isControlledBy(slice, service));
    for (const draft of wanted) {
      const sliceName = draft.metadata.name ?? '';
      const before = present.find((slice) => slice.metadata.name === sliceName);
      if (!before) await client.create(endpointSliceKind, draft);
      else if (!sameSlice(before, draft)) await client.update(endpointSliceKind, { ...draft, metadata: { ...before.metadata, ...draft.metadata } });
    }
    for (const slice of present) {
      if (!wanted.some((draft) => draft.metadata.name === slice.metadata.name)) {
        await client.delete(endpointSliceKind, { namespace, name: slice.metadata.name });
      }
    }
  };

  const queue = reconciler({ ...options, name: 'endpointslice', reconcile });
  const enqueueFor = (pod: Pod): void => {
    for (const service of services.list(pod.metadata.namespace)) {
      if (matchesLabels(service.spec.selector, pod.metadata.labels)) queue.enqueue(keyOf(service));
    }
  };
  const stops = [
    services.subscribe((event) => event.kind !== 'deleted' && queue.enqueue(keyOf(event.object))),
    pods.subscribe((event) => {
      if (event.kind !== 'added') enqueueFor(event.old);
      if (event.kind !== 'deleted') enqueueFor(event.object);
    }),
    slices.subscribe((event) => {
      const slice = event.kind === 'deleted' ? event.old : event.object;
      const owner = slice.metadata.ownerReferences?.find((reference) => reference.kind === 'Service');
      if (owner) queue.enqueue(`${slice.metadata.namespace ?? ''}/${owner.name}`);
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

type SliceContent = Pick<EndpointSlice, 'endpoints' | 'ports'> & { readonly metadata: { readonly labels?: Readonly<Record<string, string>> } };

function sameSlice(before: SliceContent, after: SliceContent): boolean {
  return sortedJson([before.endpoints, before.ports, before.metadata.labels]) === sortedJson([after.endpoints, after.ports, after.metadata.labels]);
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
