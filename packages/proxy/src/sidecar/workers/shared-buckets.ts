// The buckets of rate limits that all threads take from: a table in shared memory, in which a key has one of a few places. No thread
// waits for another but for the length of a look-up.
import { type Buckets, FULL, type Gcra, type Nanos } from '@weft/core';
import { hash } from './shared-hash.ts';

/** A power of two. */
const SETS = 2_048;
const PLACES = 8;

/** Per set: its lock. Per place: the key as 64 bits of hash. */
const LOCKS = SETS * Int32Array.BYTES_PER_ELEMENT;
const KEYS = SETS * PLACES * 2 * Int32Array.BYTES_PER_ELEMENT;
/** When each bucket is full again; one more in each set, which keys without a place share. */
const TIMES = SETS * (PLACES + 1) * Float64Array.BYTES_PER_ELEMENT;
const SEED = Int32Array.BYTES_PER_ELEMENT * 2;

export class SharedBuckets implements Buckets {
  readonly buffer: SharedArrayBuffer;
  readonly #locks: Int32Array;
  readonly #keys: Int32Array;
  readonly #times: Float64Array;
  readonly #seed: number;
  readonly #now: () => Nanos;

  /** New ones hash by this seed; or what another thread has made. `now` has the same origin in all threads. */
  constructor(from: { readonly seed: number } | SharedArrayBuffer, now: () => Nanos) {
    this.buffer = from instanceof SharedArrayBuffer ? from : new SharedArrayBuffer(TIMES + LOCKS + KEYS + SEED);
    this.#times = new Float64Array(this.buffer, 0, SETS * (PLACES + 1));
    this.#locks = new Int32Array(this.buffer, TIMES, SETS);
    this.#keys = new Int32Array(this.buffer, TIMES + LOCKS, SETS * PLACES * 2);
    const seed = new Int32Array(this.buffer, TIMES + LOCKS + KEYS, 1);
    if (!(from instanceof SharedArrayBuffer)) seed[0] = from.seed;
    this.#seed = seed[0] ?? 0;
    this.#now = now;
  }

  /** As `memoryBuckets`: what is forgotten was full, and what has no place takes from the bucket that its set shares. */
  take(key: string, limit: Gcra): boolean {
    const high = hash(key, this.#seed);
    const low = hash(key, ~this.#seed);
    const set = high & (SETS - 1);
    this.#lock(set);
    const time = this.#now();
    const place = this.#find(set, high, low) ?? this.#claim(set, high, low, time);
    const at = set * (PLACES + 1) + (place ?? PLACES);
    const next = limit.take(this.#times[at] ?? FULL, time);
    if (next !== undefined) this.#times[at] = next;
    Atomics.store(this.#locks, set, 0);
    return next !== undefined;
  }

  available(key: string, limit: Gcra): number {
    const high = hash(key, this.#seed);
    const set = high & (SETS - 1);
    const place = this.#find(set, high, hash(key, ~this.#seed));
    return limit.available(this.#times[set * (PLACES + 1) + (place ?? PLACES)] ?? FULL, this.#now());
  }

  /** For a few dozen instructions; longer only where its holder is not running. */
  #lock(set: number): void {
    while (Atomics.compareExchange(this.#locks, set, 0, 1) !== 0);
  }

  #find(set: number, high: number, low: number): number | undefined {
    for (let place = 0; place < PLACES; place++) {
      const at = (set * PLACES + place) * 2;
      if (this.#keys[at] === high && this.#keys[at + 1] === low) return place;
    }
    return undefined;
  }

  /** The first place whose bucket is full. It begins with what the shared one holds. */
  #claim(set: number, high: number, low: number, time: Nanos): number | undefined {
    for (let place = 0; place < PLACES; place++) {
      const full = set * (PLACES + 1) + place;
      if ((this.#times[full] ?? FULL) > time) continue;
      const at = (set * PLACES + place) * 2;
      this.#keys[at] = high;
      this.#keys[at + 1] = low;
      this.#times[full] = this.#times[set * (PLACES + 1) + PLACES] ?? FULL;
      return place;
    }
    return undefined;
  }
}

/** Nanoseconds since the machine's clock began: the same in every thread, unlike `performance.now()`. */
export function threadNanos(): () => Nanos {
  const offset = Number(process.hrtime.bigint()) - performance.now() * 1e6;
  return () => Math.round(performance.now() * 1e6 + offset);
}
