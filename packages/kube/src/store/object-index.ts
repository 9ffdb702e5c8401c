// Objects of a store by keys other than their name, kept up by the store's events.
import type { KubeObject } from '../resources/meta.ts';
import type { StoreEvent } from './store.ts';

/** One object may have several keys, and one key several objects. Feed it every event of one store. */
export interface ObjectIndex<T> {
  apply(event: StoreEvent<T>): void;
  get(key: string): readonly T[];
}

export function objectIndex<T extends KubeObject>(keys: (object: T) => readonly string[]): ObjectIndex<T> {
  const entries = new Map<string, readonly T[]>();
  const remove = (object: T): void => {
    for (const key of new Set(keys(object))) {
      const left = (entries.get(key) ?? []).filter((other) => other !== object);
      if (left.length === 0) entries.delete(key);
      else entries.set(key, left);
    }
  };
  return {
    apply(event) {
      if (event.kind !== 'added') remove(event.old);
      if (event.kind !== 'deleted') for (const key of new Set(keys(event.object))) entries.set(key, [...(entries.get(key) ?? []), event.object]);
    },
    get: (key) => entries.get(key) ?? [],
  };
}

/** The versions of an object that an event is about: what was and what is. */
export function versionsOf<T>(event: StoreEvent<T>): readonly T[] {
  if (event.kind === 'added') return [event.object];
  return event.kind === 'deleted' ? [event.old] : [event.old, event.object];
}
