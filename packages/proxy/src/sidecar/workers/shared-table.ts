// Keys in memory that all threads share: each has one of a few places in the set that its hash names, behind the lock of the set. What a
// place holds is the user's. Keys are 64 bits of hash by a seed, so that nobody chooses where they meet.
import { hash } from './shared-hash.ts';

/** In each set. */
export const PLACES = 8;

const INT = Int32Array.BYTES_PER_ELEMENT;

export interface TableSlot {
  readonly set: number;
  readonly high: number;
  readonly low: number;
}

export class SharedTable {
  readonly buffer: SharedArrayBuffer;
  readonly #locks: Int32Array;
  readonly #keys: Int32Array;
  readonly #seed: number;
  readonly #sets: number;

  /** A new one hashes by this seed; or what another thread has made. `sets` is a power of two; what places hold takes `ownBytes`, from the beginning. */
  constructor(from: { readonly seed: number } | SharedArrayBuffer, sets: number, ownBytes: number) {
    const locks = sets * INT;
    const keys = sets * PLACES * 2 * INT;
    this.buffer = from instanceof SharedArrayBuffer ? from : new SharedArrayBuffer(ownBytes + locks + keys + 2 * INT);
    this.#locks = new Int32Array(this.buffer, ownBytes, sets);
    this.#keys = new Int32Array(this.buffer, ownBytes + locks, sets * PLACES * 2);
    const seed = new Int32Array(this.buffer, ownBytes + locks + keys, 1);
    if (!(from instanceof SharedArrayBuffer)) seed[0] = from.seed;
    this.#seed = seed[0] ?? 0;
    this.#sets = sets;
  }

  slotOf(key: string): TableSlot {
    const high = hash(key, this.#seed);
    return { set: high & (this.#sets - 1), high, low: hash(key, ~this.#seed) };
  }

  /** For a few dozen instructions; longer only where its holder is not running. */
  lock({ set }: TableSlot): void {
    while (Atomics.compareExchange(this.#locks, set, 0, 1) !== 0);
  }

  unlock({ set }: TableSlot): void {
    Atomics.store(this.#locks, set, 0);
  }

  find({ set, high, low }: TableSlot): number | undefined {
    for (let place = 0; place < PLACES; place++) {
      const at = (set * PLACES + place) * 2;
      if (this.#keys[at] === high && this.#keys[at + 1] === low) return place;
    }
    return undefined;
  }

  isFree({ set }: TableSlot, place: number): boolean {
    const at = (set * PLACES + place) * 2;
    return this.#keys[at] === 0 && this.#keys[at + 1] === 0;
  }

  /** The place is this key's from now on. */
  assign({ set, high, low }: TableSlot, place: number): void {
    const at = (set * PLACES + place) * 2;
    this.#keys[at] = high;
    this.#keys[at + 1] = low;
  }
}
