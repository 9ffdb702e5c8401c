// Everything stored: one version counter over all kinds, and writes that are checked against the version they were based on.
import type { ResourceKind } from '../../resources/resource-kind.ts';
import { internal } from '../errors/api-error.ts';
import { deepFreeze, type JsonObject } from '../json/json.ts';
import { type Change, type Collection, createCollection, type Revision } from './collection.ts';
import type { Durability } from './durability.ts';
import type { RestoredObject } from './journal-read.ts';
import type { JournalEntry } from './journal-record.ts';
import { objectKey } from './object-key.ts';

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
  /** Calls `done` when everything stored so far is kept: what is read must not be told of before. */
  whenKept(done: (error?: Error) => void): void;
  /** Everything there is, as a journal keeps it. */
  entries(): Iterable<JournalEntry>;
  /** Called synchronously after each change of any kind, before it is kept. */
  listen(fn: (kind: ResourceKind, change: Change) => void): () => void;
}

export interface ObjectStoreOptions {
  /** Version of the empty store. Later lives must begin higher, so that a watch of an earlier one is told to list again. */
  readonly startVersion: number;
  readonly maxHistory: number;
  /** Objects of all kinds together. */
  readonly maxObjects: number;
  readonly durability: Durability;
  /** What an earlier life left behind. */
  readonly restored: Iterable<RestoredObject>;
}

const MAX_HISTORY_BYTES = 64 * 1024 * 1024;

export function createObjectStore({ startVersion, maxHistory, maxObjects, durability, restored }: ObjectStoreOptions): ObjectStore {
  let version = startVersion;
  let count = 0;
  const collections = new Map<string, Collection>();
  const listeners = new Set<(kind: ResourceKind, change: Change) => void>();

  const collectionOf = (id: string): Collection => {
    let found = collections.get(id);
    if (!found) {
      found = createCollection({ startVersion, maxHistory, maxHistoryBytes: MAX_HISTORY_BYTES });
      collections.set(id, found);
    }
    return found;
  };
  // Versions of one group share their objects.
  const idOf = ({ plural, group }: ResourceKind): string => `${plural}.${group}`;
  const collection = (kind: ResourceKind): Collection => collectionOf(idOf(kind));
  const seal = (object: JsonObject, at: number): Revision => {
    const { metadata } = object;
    const stamped = deepFreeze({ ...object, metadata: { ...(metadata as JsonObject), resourceVersion: String(at) } });
    return { object: stamped, version: at, text: JSON.stringify(stamped) };
  };
  const commit = (kind: ResourceKind, key: string, change: Change): void => {
    const id = idOf(kind);
    // First: when nothing can be kept any more, nothing changes.
    durability.record(
      change.type === 'DELETED' ? { collection: id, version: change.version, gone: key } : { collection: id, version: change.version, object: change.now.text },
    );
    const changed = collectionOf(id);
    changed.apply(key, change);
    durability.whenKept((error) => {
      if (!error) changed.announce(change);
    });
    for (const fn of Array.from(listeners)) fn(kind, change);
  };

  for (const { collection: id, key, object, version: at } of restored) {
    collectionOf(id).restore(key, { object: deepFreeze(object), version: at, text: JSON.stringify(object) });
    count++;
  }

  return {
    whenKept: (done) => durability.whenKept(done),
    *entries() {
      for (const [id, { list }] of collections) for (const { version: at, text } of list()) yield { collection: id, version: at, object: text };
    },
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
      const now = seal(final, ++version);
      count--;
      commit(kind, key, { type: 'DELETED', version, now, before });
    },
    listen(fn) {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
  };
}
