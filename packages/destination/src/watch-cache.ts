// Watches by key, shared while they are in use: two users of one target cost one stream.
import { type Clock, createWatch, reason, type Watch, type WatchSource } from '@weft/core';

export interface WatchCacheOptions<T> {
  /** Begins to feed a watch; called when the first subscriber arrives. Returns what ends it. */
  readonly start: (key: string, source: WatchSource<T>) => () => void;
  /** Most keys at once; of those that are not in use the one that was asked for least recently makes room. */
  readonly max: number;
  readonly idleMs: number;
  readonly clock: Clock;
}

export interface WatchCache<T> {
  /** The watch of this key. Rejected when too many others are in use. */
  get(key: string): Watch<T>;
  /** A watch that is absent and stays so. */
  readonly none: Watch<T>;
  /** Keys in use, or kept for their idle time. */
  readonly size: number;
  /** Ends every watch. */
  close(): void;
}

export function watchCache<T>(options: WatchCacheOptions<T>): WatchCache<T> {
  const { start, max, idleMs, clock } = options;
  const active = new Map<string, { readonly source: WatchSource<T>; stop(): void }>();
  const none = createWatch<T>();
  none.absent();
  let closed = false;

  const makeRoom = (): boolean => {
    for (const { source } of active.values()) if (source.evict()) return true;
    return false;
  };

  const begin = (key: string, source: WatchSource<T>): (() => void) => {
    if (closed) return () => undefined;
    if (active.size >= max && !active.has(key) && !makeRoom()) {
      source.reject(reason('DISCOVERY_LIMIT', `${key}: more than ${max} targets are watched at once`));
      return () => undefined;
    }
    const stop = start(key, source);
    const entry = { source, stop };
    // Whoever asked for the key earlier, and subscribes only now, has a watch of its own.
    if (!active.has(key)) active.set(key, entry);
    return () => {
      if (active.get(key) === entry) active.delete(key);
      stop();
    };
  };

  return {
    none: none.watch,
    get size() {
      return active.size;
    },
    get(key) {
      const known = active.get(key);
      if (!known) return createWatch<T>({ start: (source) => begin(key, source), clock, idleMs }).watch;
      // The order of the map is that of the last use.
      active.delete(key);
      active.set(key, known);
      return known.source.watch;
    },
    close() {
      closed = true;
      for (const { source, stop } of active.values()) {
        stop();
        source.stale();
      }
      active.clear();
    },
  };
}
