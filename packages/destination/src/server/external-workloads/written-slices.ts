// Slices that were written and that the store has not seen yet: without them the next look would write them again.
import type { EndpointSlice, StoreEvent } from '@weft/kube';

export interface WrittenSlices {
  /** What the store has, with what was written since in place of it. */
  over(stored: readonly EndpointSlice[], service: string): readonly EndpointSlice[];
  wrote(service: string, slice: EndpointSlice): void;
  removed(service: string, slice: EndpointSlice): void;
  /** What the store has seen is forgotten here. */
  seen(event: StoreEvent<EndpointSlice>): void;
}

type Entry = { readonly service: string; readonly uid: string | undefined } & (
  | { readonly kind: 'written'; readonly slice: EndpointSlice }
  | { readonly kind: 'removed' }
);

const keyOf = ({ metadata }: EndpointSlice): string => `${metadata.namespace ?? ''}/${metadata.name}`;

export function writtenSlices(): WrittenSlices {
  const entries = new Map<string, Entry>();
  return {
    over(stored, service) {
      const own = [...entries].filter(([, entry]) => entry.service === service);
      if (own.length === 0) return stored;
      const replaced = new Set(own.map(([key]) => key));
      const written = own.flatMap(([, entry]) => (entry.kind === 'written' ? [entry.slice] : []));
      return [...stored.filter((slice) => !replaced.has(keyOf(slice))), ...written];
    },
    wrote: (service, slice) => void entries.set(keyOf(slice), { kind: 'written', service, uid: slice.metadata.uid, slice }),
    removed: (service, slice) => void entries.set(keyOf(slice), { kind: 'removed', service, uid: slice.metadata.uid }),
    seen(event) {
      const slice = event.kind === 'deleted' ? event.old : event.object;
      const entry = entries.get(keyOf(slice));
      if (!entry) return;
      // Of the same slice an older version may arrive first; another one of that name is news.
      const isSame = entry.uid === slice.metadata.uid;
      const isOlder = entry.kind === 'removed' || Number(slice.metadata.resourceVersion) < Number(entry.slice.metadata.resourceVersion);
      if (event.kind === 'deleted' || !isSame || !isOlder) entries.delete(keyOf(slice));
    },
  };
}
