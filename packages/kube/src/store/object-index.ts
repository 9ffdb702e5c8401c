// Objects of a store by keys other than their name, kept up by the store's events.
import type { KubeObject } from '../resources/meta.ts';
import type { StoreEvent } from './store.ts';

/** One object may have several keys, and one key several objects. Feed it every event of one store, or let the store do so: `store.by(keys)`. */
export interface ObjectIndex<T> {
  apply(event: StoreEvent<T>): void;
  /** The same array until something under this key changes. */
  get(key: string): readonly T[];
}

interface Bucket<T> {
  readonly members: Set<T>;
  snapshot: readonly T[] | undefined;
}

const NONE: readonly never[] = Object.freeze([]);

export function objectIndex<T extends KubeObject>(keys: (object: T) => readonly string[]): ObjectIndex<T> {
  const buckets = new Map<string, Bucket<T>>();
  const remove = (object: T, key: string): void => {
    const bucket = buckets.get(key);
    if (!bucket?.members.delete(object)) return;
    bucket.snapshot = undefined;
    if (bucket.members.size === 0) buckets.delete(key);
  };
  const add = (object: T, key: string): void => {
    let bucket = buckets.get(key);
    if (!bucket) buckets.set(key, (bucket = { members: new Set(), snapshot: undefined }));
    bucket.members.add(object);
    bucket.snapshot = undefined;
  };
  return {
    apply(event) {
      if (event.kind !== 'added') for (const key of keys(event.old)) remove(event.old, key);
      if (event.kind !== 'deleted') for (const key of keys(event.object)) add(event.object, key);
    },
    get(key) {
      const bucket = buckets.get(key);
      if (!bucket) return NONE;
      bucket.snapshot ??= Object.freeze([...bucket.members]);
      return bucket.snapshot;
    },
  };
}

/** The versions of an object that an event is about: what was and what is. */
export function versionsOf<T>(event: StoreEvent<T>): readonly T[] {
  if (event.kind === 'added') return [event.object];
  return event.kind === 'deleted' ? [event.old] : [event.old, event.object];
}
