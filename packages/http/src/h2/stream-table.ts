// The open streams of a connection by their number. Not a `Map`: one that grows and shrinks all the time leaves a chain of discarded tables
// behind, of which each keeps the next ones alive once the collector has moved it out of the nursery, with every stream that was in them.
import type { Http2Stream } from './stream.ts';

const MIN_SLOTS = 8;
/** A table larger than this is given up when it is empty. */
const KEPT_SLOTS = 256;

/** Open addressing over consecutive numbers: streams that are open together mostly have slots of their own. */
export class StreamTable<C> {
  size = 0;
  private slots: (Http2Stream<C> | null)[] = empty(MIN_SLOTS);
  private mask = MIN_SLOTS - 1;

  get(id: number): Http2Stream<C> | undefined {
    const { slots, mask } = this;
    for (let at = (id >>> 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at] as Http2Stream<C> | null;
      if (stream === null) return undefined;
      if (stream.id === id) return stream;
    }
  }

  /** A stream whose number is not there yet. */
  add(stream: Http2Stream<C>): void {
    if ((this.size + 1) * 2 > this.slots.length) this.grow();
    this.put(stream);
    this.size += 1;
  }

  /** False if it is not there. */
  delete(id: number): boolean {
    const { slots, mask } = this;
    let at = (id >>> 1) & mask;
    for (let stream = slots[at] as Http2Stream<C> | null; stream?.id !== id; stream = slots[at] as Http2Stream<C> | null) {
      if (stream === null) return false;
      at = (at + 1) & mask;
    }
    this.size -= 1;
    this.close(at);
    if (this.size === 0 && slots.length > KEPT_SLOTS) this.resize(MIN_SLOTS);
    return true;
  }

  /** Those that are there now, in no particular order; the table may change meanwhile. */
  values(): Http2Stream<C>[] {
    return this.slots.filter((stream) => stream !== null);
  }

  /** Empties a slot and moves up what had to pass over it. */
  private close(from: number): void {
    const { slots, mask } = this;
    let hole = from;
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const stream = slots[at] as Http2Stream<C> | null;
      if (stream === null) break;
      const home = (stream.id >>> 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole] = stream;
      hole = at;
    }
    slots[hole] = null;
  }

  private put(stream: Http2Stream<C>): void {
    const { slots, mask } = this;
    let at = (stream.id >>> 1) & mask;
    while (slots[at] !== null) at = (at + 1) & mask;
    slots[at] = stream;
  }

  private grow(): void {
    const streams = this.values();
    this.resize(this.slots.length * 2);
    for (const stream of streams) this.put(stream);
  }

  private resize(slots: number): void {
    this.slots = empty(slots);
    this.mask = slots - 1;
  }
}

function empty<C>(slots: number): (Http2Stream<C> | null)[] {
  return Array.from({ length: slots }, () => null);
}
