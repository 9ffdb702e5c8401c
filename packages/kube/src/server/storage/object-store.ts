// Everything stored: one version counter over all kinds, and writes that are checked against the version they were based on.
import type { ResourceKind } from '../../resources/resource-kind.ts';
import { internal } from '../errors/api-error.ts';
import { deepFreeze, type JsonObject, stringAt } from '../json/json.ts';
import { type Change, type Collection, createCollection, keyOf, type Revision } from './collection.ts';

export interface ObjectStore {
  /** The newest version given to anything. */
  readonly version: number;
  collection(kind: ResourceKind): Collection;
  /** Stores a new object, or `exists`. */
  add(kind: ResourceKind, object: JsonObject): Revision | 'exists';
  /** Replaces the revision the change was based on, or `stale` when that is no longer the newest. */
  replace(kind: ResourceKind, object: JsonObject, base: Revision): Revision | 'stale';
  /** Removes the object; `final` is its last state. */
  remove(kind: ResourceKind, final: JsonObject): void;
  /** Called synchronously after each change of any kind. */
  listen(fn: (kind: ResourceKind, change: Change) => void): () => void;
}

export interface ObjectStoreOptions {
  /** Version of the empty store. Later lives must begin higher, so that a watch of an earlier one is told to list again. */
  readonly startVersion: number;
  readonly maxHistory: number;
  /** Objects of all kinds together. */
  readonly maxObjects: number;
}

const MAX_HISTORY_BYTES = 64 * 1024 * 1024;

export function createObjectStore({ startVersion, maxHistory, maxObjects }: ObjectStoreOptions): ObjectStore {
  let version = startVersion;
  let count = 0;
  const collections = new Map<string, Collection>();
  const listeners = new Set<(kind: ResourceKind, change: Change) => void>();

  const collection = (kind: ResourceKind): Collection => {
    // Versions of one group share their objects.
    const id = `${kind.plural}.${kind.group}`;
    let found = collections.get(id);
    if (!found) {
      found = createCollection({ startVersion, maxHistory, maxHistoryBytes: MAX_HISTORY_BYTES });
      collections.set(id, found);
    }
    return found;
  };
  const seal = (object: JsonObject, at: number): Revision => {
    const { metadata } = object;
    const stamped = deepFreeze({ ...object, metadata: { ...(metadata as JsonObject), resourceVersion: String(at) } });
    return { object: stamped, version: at, text: JSON.stringify(stamped) };
  };
  const commit = (kind: ResourceKind, key: string, change: Change): void => {
    collection(kind).apply(key, change);
    for (const fn of Array.from(listeners)) fn(kind, change);
  };

  return {
    get version() {
      return version;
    },
    collection,
    add(kind, object) {
      const key = objectKey(object);
      if (collection(kind).get(key)) return 'exists';
      if (count >= maxObjects) throw internal(`the store is full: ${maxObjects} objects`);
      count++;
      const now = seal(object, ++version);
      commit(kind, key, { type: 'ADDED', version, now });
      return now;
    },
    replace(kind, object, base) {
      const key = objectKey(object);
      if (collection(kind).get(key) !== base) return 'stale';
      const now = seal(object, ++version);
      commit(kind, key, { type: 'MODIFIED', version, now, before: base });
      return now;
    },
    remove(kind, final) {
      const key = objectKey(final);
      const before = collection(kind).get(key);
      if (!before) return;
      count--;
      const now = seal(final, ++version);
      commit(kind, key, { type: 'DELETED', version, now, before });
    },
    listen(fn) {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
  };
}

export function objectKey(object: JsonObject): string {
  return keyOf(stringAt(object, 'metadata', 'namespace'), stringAt(object, 'metadata', 'name') ?? '');
}
