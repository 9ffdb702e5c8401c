// The objects of one kind in memory, and who wants to hear of changes.
import type { Logger, Unsubscribe } from '@weft/core';
import type { KubeObject } from '../resources/meta.ts';
import type { StoreEvent } from './store.ts';

export interface ObjectCache<T extends KubeObject> {
  get(namespace: string | undefined, name: string): T | undefined;
  list(namespace?: string): readonly T[];
  put(object: T): void;
  remove(object: T): void;
  /** Takes a whole list: what is missing is deleted, what has the same resourceVersion is left as it is. */
  replace(objects: readonly T[]): void;
  subscribe(fn: (event: StoreEvent<T>) => void): Unsubscribe;
}

export function objectCache<T extends KubeObject>({ logger }: { readonly logger: Logger }): ObjectCache<T> {
  const objects = new Map<string, T>();
  const subscribers = new Set<{ readonly fn: (event: StoreEvent<T>) => void }>();
  const key = (namespace: string | undefined, name: string): string => `${namespace ?? ''}/${name}`;
  const keyOf = ({ metadata }: T): string => key(metadata.namespace, metadata.name);

  const call = (fn: (event: StoreEvent<T>) => void, event: StoreEvent<T>): void => {
    try {
      fn(event);
    } catch (error) {
      logger.log('error', 'a store subscriber threw', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  const emit = (event: StoreEvent<T>): void => {
    for (const { fn } of Array.from(subscribers)) call(fn, event);
  };
  const put = (object: T): void => {
    const old = objects.get(keyOf(object));
    if (old?.metadata.resourceVersion !== undefined && old.metadata.resourceVersion === object.metadata.resourceVersion) return;
    objects.set(keyOf(object), object);
    emit(old ? { kind: 'updated', object, old } : { kind: 'added', object });
  };

  return {
    get: (namespace, name) => objects.get(key(namespace, name)),
    list: (namespace) => (namespace === undefined ? [...objects.values()] : [...objects.values()].filter(({ metadata }) => metadata.namespace === namespace)),
    put,
    remove(object) {
      const old = objects.get(keyOf(object));
      if (old && objects.delete(keyOf(object))) emit({ kind: 'deleted', old });
    },
    replace(list) {
      const present = new Set(list.map(keyOf));
      for (const [name, old] of Array.from(objects)) {
        if (!present.has(name)) {
          objects.delete(name);
          emit({ kind: 'deleted', old });
        }
      }
      for (const object of list) put(object);
    },
    subscribe(fn) {
      const subscriber = { fn };
      // What is there first, so that no change can come before its object.
      for (const object of Array.from(objects.values())) call(fn, { kind: 'added', object });
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
  };
}
