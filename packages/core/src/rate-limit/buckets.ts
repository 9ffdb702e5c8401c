// The buckets of all rate limits of a proxy, by key, in bounded memory.
import type { Clock } from '../time/clock.ts';
import { FULL, type Gcra, type Nanos } from './gcra.ts';

/** A key is always asked for with the same limit. */
export interface Buckets {
  /** Takes one request from the bucket of this key. False: it holds none, and nothing is taken. Called once per request and limit. */
  take(key: string, limit: Gcra): boolean;
  /** How many requests it holds. */
  available(key: string, limit: Gcra): number;
}

export interface BucketsOptions {
  readonly clock: Clock;
  /** Default 16384. Those in use within a second count: a full bucket is the same as none. */
  readonly max?: number;
}

/**
 * Never admits more than each key's limit, however many keys there are: a bucket is forgotten only when it is full, and while there
 * is no room, all keys without a bucket take from one that they share. Who gets a bucket afterwards starts with what that one holds.
 */
export function memoryBuckets({ clock, max = 16_384 }: BucketsOptions): Buckets {
  const origin = clock.now();
  const known = new Map<string, Nanos>();
  let shared = FULL;
  let sweep = known.entries();
  const now = (): Nanos => Math.round((clock.now() - origin) * 1e6);

  /** Looks at two buckets, so that each is looked at again before as many new ones have come. */
  const forgetFull = (time: Nanos): void => {
    for (let i = 0; i < 2; i++) {
      let next = sweep.next();
      if (next.done) next = (sweep = known.entries()).next();
      if (next.done) return;
      const [key, full] = next.value;
      if (full <= time) known.delete(key);
    }
  };

  return {
    take(key, limit) {
      const time = now();
      const full = known.get(key);
      if (full === undefined) forgetFull(time);
      const next = limit.take(full ?? shared, time);
      if (next === undefined) return false;
      if (full !== undefined || known.size < max) known.set(key, next);
      else shared = next;
      return true;
    },
    available: (key, limit) => limit.available(known.get(key) ?? shared, now()),
  };
}
