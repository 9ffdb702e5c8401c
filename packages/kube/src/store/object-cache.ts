// The objects of one kind in memory, and who wants to hear of changes.
import type { Logger, Unsubscribe } from '@weft/core';
import type { KubeObject } from '../resources/meta.ts';
import { type ObjectIndex, objectIndex } from './object-index.ts';
import type { StoreEvent, StoreIndex } from './store.ts';

export interface ObjectCache<T extends KubeObject> {
  get(namespace: string | undefined, name: string): T | undefined;
  /** The same array until something in it changes. */
  list(namespace?: string): readonly T[];
  readonly size: number;
  put(object: T): void;
  remove(object: T): void;
  /**
   * Takes a whole list: everything is in its place before the first subscriber hears of it, and what has the same resourceVersion is left
   * as it is. What is missing is deleted, unless the list is not `complete`. Returns how many objects differed.
   */
  replace(objects: readonly T[], complete: boolean): number;
  /** Kept up before any subscriber is called. */
  by(keys: (object: T) => readonly string[]): StoreIndex<T>;
  subscribe(fn: (event: StoreEvent<T>) => void): Unsubscribe;
}

/** Objects by name, and their array as long as nobody changed them. */
class Shelf<T> {
  readonly objects = new Map<string, T>();
  #snapshot: readonly T[] | undefined;

  get snapshot(): readonly T[] {
    this.#snapshot ??= Object.freeze([...this.objects.values()]);
    return this.#snapshot;
  }

  changed(): void {
    this.#snapshot = undefined;
  }
}

export function objectCache<T extends KubeObject>({ logger }: { readonly logger: Logger }): ObjectCache<T> {
  const shelves = new Map<string, Shelf<T>>();
  const indexes = new Set<ObjectIndex<T>>();
  const subscribers = new Set<{ readonly fn: (event: StoreEvent<T>) => void }>();
  let size = 0;
  let all: readonly T[] | undefined;

  const find = (namespace: string | undefined, name: string): T | undefined => shelves.get(namespace ?? '')?.objects.get(name);
  const shelve = (object: T): StoreEvent<T> | undefined => {
    const { namespace = '', name, resourceVersion } = object.metadata;
    let shelf = shelves.get(namespace);
    if (!shelf) shelves.set(namespace, (shelf = new Shelf()));
    const old = shelf.objects.get(name);
    if (old?.metadata.resourceVersion !== undefined && old.metadata.resourceVersion === resourceVersion) return undefined;
    shelf.objects.set(name, object);
    shelf.changed();
    all = undefined;
    if (old) return { kind: 'updated', object, old };
    size++;
    return { kind: 'added', object };
  };
  const unshelve = ({ metadata: { namespace = '', name } }: T): StoreEvent<T> | undefined => {
    const shelf = shelves.get(namespace);
    const old = shelf?.objects.get(name);
    if (!shelf || !old) return undefined;
    shelf.objects.delete(name);
    shelf.changed();
    if (shelf.objects.size === 0) shelves.delete(namespace);
    all = undefined;
    size--;
    return { kind: 'deleted', old };
  };

  const complain = (message: string, error: unknown): void =>
    logger.log('error', message, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  const call = (fn: (event: StoreEvent<T>) => void, event: StoreEvent<T>): void => {
    try {
      fn(event);
    } catch (error) {
      complain('a store subscriber threw', error);
    }
  };
  const emit = (events: readonly StoreEvent<T>[]): void => {
    for (const event of events) for (const index of indexes) index.apply(event);
    for (const event of events) for (const { fn } of Array.from(subscribers)) call(fn, event);
  };
  const list = (namespace?: string): readonly T[] => {
    if (namespace !== undefined) return shelves.get(namespace)?.snapshot ?? [];
    all ??= Object.freeze([...shelves.values()].flatMap(({ objects }) => [...objects.values()]));
    return all;
  };

  return {
    get: find,
    list,
    get size() {
      return size;
    },
    put(object) {
      const event = shelve(object);
      if (event) emit([event]);
    },
    remove(object) {
      const event = unshelve(object);
      if (event) emit([event]);
    },
    replace(objects, complete) {
      const before = list();
      const events: StoreEvent<T>[] = [];
      const add = (event: StoreEvent<T> | undefined): void => {
        if (event) events.push(event);
      };
      // What comes is told before what goes, so that nobody sees less than there is.
      for (const object of objects) add(shelve(object));
      if (complete) {
        const present = new Set(objects.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`));
        for (const old of before) if (!present.has(`${old.metadata.namespace ?? ''}/${old.metadata.name}`)) add(unshelve(old));
      }
      emit(events);
      return events.length;
    },
    by(keys) {
      // An object that the reader cannot make keys of has none, and harms no other.
      const index = objectIndex<T>((object) => {
        try {
          return keys(object);
        } catch (error) {
          complain('an object has no keys', error);
          return [];
        }
      });
      for (const object of list()) index.apply({ kind: 'added', object });
      indexes.add(index);
      return { get: index.get, close: () => void indexes.delete(index) };
    },
    subscribe(fn) {
      const subscriber = { fn };
      // What is there first, so that no change can come before its object.
      for (const object of list()) call(fn, { kind: 'added', object });
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
  };
}
