// The objects of one kind: newest revisions, in order of namespace and name, and a bounded history for watches to resume from.
import type { JsonObject } from '../json/json.ts';
import { objectKey } from './object-key.ts';

/** One version of one object. Never changes. */
export interface Revision {
  /** Deeply frozen. */
  readonly object: JsonObject;
  readonly version: number;
  /** The object as JSON text, made once for every reader. */
  readonly text: string;
}

export type Change =
  | { readonly type: 'ADDED'; readonly version: number; readonly now: Revision }
  | { readonly type: 'MODIFIED'; readonly version: number; readonly now: Revision; readonly before: Revision }
  /** `now` is the last state, carrying the version of the deletion. */
  | { readonly type: 'DELETED'; readonly version: number; readonly now: Revision; readonly before: Revision };

export interface Collection {
  readonly size: number;
  get(key: string): Revision | undefined;
  /** In order of key, beginning behind `after`. */
  list(namespace?: string, after?: string): Revision[];
  /** The same as it was at an earlier version; `expired` when that is no longer known. */
  listAt(version: number, namespace?: string, after?: string): Revision[] | 'expired';
  /** The changes behind a version, oldest first; `expired` when some of them are no longer kept. */
  since(version: number): readonly Change[] | 'expired';
  /** Called for each change as soon as it is kept, in order. */
  listen(fn: (change: Change) => void): () => void;
  /** The rest is called by the store only. */
  apply(key: string, change: Change): void;
  announce(change: Change): void;
  /** What a journal remembers, before anything else. */
  restore(key: string, revision: Revision): void;
}

export interface CollectionOptions {
  /** Version at which this collection began: nothing older can be resumed from. */
  readonly startVersion: number;
  readonly maxHistory: number;
  readonly maxHistoryBytes: number;
}

export function createCollection({ startVersion, maxHistory, maxHistoryBytes }: CollectionOptions): Collection {
  const objects = new Map<string, Revision>();
  const listeners = new Set<(change: Change) => void>();
  let history: Change[] = [];
  let first = 0;
  let historyBytes = 0;
  /** Changes up to this version are forgotten. */
  let floor = startVersion;
  let sorted: string[] | undefined;

  const remember = (change: Change): void => {
    history.push(change);
    historyBytes += change.now.text.length;
    while (history.length - first > maxHistory || (historyBytes > maxHistoryBytes && history.length - first > 1)) {
      const oldest = history[first++];
      if (!oldest) break;
      floor = oldest.version;
      historyBytes -= oldest.now.text.length;
    }
    // Cut off what is forgotten now and then, not for each change.
    if (first > maxHistory) {
      history = history.slice(first);
      first = 0;
    }
  };

  const since = (version: number): readonly Change[] | 'expired' => {
    if (version < floor) return 'expired';
    let low = first;
    let high = history.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((history[middle]?.version ?? 0) <= version) low = middle + 1;
      else high = middle;
    }
    return history.slice(low);
  };
  const list = (namespace?: string, after?: string): Revision[] => {
    sorted ??= [...objects.keys()].sort((a, b) => (a < b ? -1 : 1));
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const result: Revision[] = [];
    for (let i = after === undefined ? lowerBound(sorted, prefix) : lowerBound(sorted, `${after}\0`); i < sorted.length; i++) {
      const key = sorted[i] ?? '';
      if (!key.startsWith(prefix)) break;
      const revision = objects.get(key);
      if (revision) result.push(revision);
    }
    return result;
  };

  return {
    get size() {
      return objects.size;
    },
    get: (key) => objects.get(key),
    list,
    listAt(version, namespace, after) {
      const changes = since(version);
      if (changes === 'expired') return 'expired';
      if (changes.length === 0) return list(namespace, after);
      // The first change of an object since then says what it was.
      const then = new Map<string, Revision | undefined>();
      for (const change of changes) {
        const key = objectKey(change.now.object);
        if (!then.has(key)) then.set(key, change.type === 'ADDED' ? undefined : change.before);
      }
      const prefix = namespace === undefined ? '' : `${namespace}/`;
      const found = new Map(list(namespace, after).map((revision) => [objectKey(revision.object), revision]));
      for (const [key, revision] of then) {
        if (!revision) found.delete(key);
        else if (key.startsWith(prefix) && (after === undefined || key > after)) found.set(key, revision);
      }
      return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, revision]) => revision);
    },
    since,
    listen(fn) {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
    apply(key, change) {
      if (change.type === 'DELETED') objects.delete(key);
      else objects.set(key, change.now);
      if (change.type !== 'MODIFIED') sorted = undefined;
      remember(change);
    },
    announce(change) {
      for (const fn of Array.from(listeners)) fn(change);
    },
    restore(key, revision) {
      objects.set(key, revision);
      sorted = undefined;
    },
  };
}

function lowerBound(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
