// Start lines that came before, found by their bytes. Direct-mapped and of fixed size; a line enters at its second sighting, so that
// targets seen once push nothing out.

import { digestOf, sameBytes } from '../field/byte-runs.ts';

const MAX_BYTES = 256;
const SEED = 0x811c9dc5 | 0;

interface Entry<T> {
  readonly bytes: Uint8Array;
  readonly value: T;
}

export class LineCache<T> {
  private readonly entries: (Entry<T> | undefined)[];
  private readonly seen: Int32Array;
  private readonly mask: number;

  /** `slots` is a power of two. */
  constructor(slots: number) {
    this.mask = slots - 1;
    this.entries = Array.from({ length: slots }, () => undefined);
    this.seen = new Int32Array(slots);
  }

  find(bytes: Uint8Array, start: number, end: number): T | undefined {
    const length = end - start;
    if (length > MAX_BYTES) return undefined;
    const entry = this.entries[digestOf(bytes, start, end, SEED) & this.mask];
    if (entry === undefined || entry.bytes.length !== length) return undefined;
    return sameBytes(bytes, start, entry.bytes, 0, length) ? entry.value : undefined;
  }

  offer(bytes: Uint8Array, start: number, end: number, value: T): void {
    if (end - start > MAX_BYTES) return;
    const hash = digestOf(bytes, start, end, SEED);
    const slot = hash & this.mask;
    if (this.seen[slot] === hash) this.entries[slot] = { bytes: Uint8Array.prototype.slice.call(bytes, start, end), value };
    else this.seen[slot] = hash;
  }
}
