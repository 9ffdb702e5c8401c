// The buckets of rate limits that all threads take from: a table in shared memory, in which a key has one of a few places. No thread
// waits for another but for the length of a look-up.
import { type Buckets, FULL, type Gcra, type Nanos } from '@weft/core';
import { PLACES, SharedTable, type TableSlot } from './shared-table.ts';

/** A power of two. */
const SETS = 2_048;

/** When each bucket is full again; one more in each set, which keys without a place share. */
const TIMES = SETS * (PLACES + 1) * Float64Array.BYTES_PER_ELEMENT;

export class SharedBuckets implements Buckets {
  readonly buffer: SharedArrayBuffer;
  readonly #table: SharedTable;
  readonly #times: Float64Array;
  readonly #now: () => Nanos;

  /** New ones hash by this seed; or what another thread has made. `now` has the same origin in all threads. */
  constructor(from: { readonly seed: number } | SharedArrayBuffer, now: () => Nanos) {
    this.#table = new SharedTable(from, SETS, TIMES);
    this.buffer = this.#table.buffer;
    this.#times = new Float64Array(this.buffer, 0, SETS * (PLACES + 1));
    this.#now = now;
  }

  /** As `memoryBuckets`: what is forgotten was full, and what has no place takes from the bucket that its set shares. */
  take(key: string, limit: Gcra): boolean {
    const slot = this.#table.slotOf(key);
    this.#table.lock(slot);
    const time = this.#now();
    const place = this.#table.find(slot) ?? this.#claim(slot, time);
    const at = slot.set * (PLACES + 1) + (place ?? PLACES);
    const next = limit.take(this.#times[at] ?? FULL, time);
    if (next !== undefined) this.#times[at] = next;
    this.#table.unlock(slot);
    return next !== undefined;
  }

  available(key: string, limit: Gcra): number {
    const slot = this.#table.slotOf(key);
    const place = this.#table.find(slot);
    return limit.available(this.#times[slot.set * (PLACES + 1) + (place ?? PLACES)] ?? FULL, this.#now());
  }

  /** The first place whose bucket is full. It begins with what the shared one holds. */
  #claim(slot: TableSlot, time: Nanos): number | undefined {
    for (let place = 0; place < PLACES; place++) {
      const at = slot.set * (PLACES + 1) + place;
      if ((this.#times[at] ?? FULL) > time) continue;
      this.#table.assign(slot, place);
      this.#times[at] = this.#times[slot.set * (PLACES + 1) + PLACES] ?? FULL;
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
