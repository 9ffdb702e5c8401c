// Virtual time for hundreds of thousands of events: what happens next is found in logarithmic time.
import type { Clock, Millis, Timer } from '@weft/core';

interface Event {
  readonly at: Millis;
  readonly order: number;
  fn: (() => void) | undefined;
}

export class VirtualClock implements Clock {
  readonly #heap: Event[] = [];
  #now: Millis = 0;
  #order = 0;

  now(): Millis {
    return this.#now;
  }

  wall(): Millis {
    return this.#now;
  }

  after(delayMs: Millis, fn: () => void): Timer {
    const event: Event = { at: this.#now + Math.max(0, delayMs), order: this.#order++, fn };
    this.#push(event);
    return {
      cancel() {
        event.fn = undefined;
      },
    };
  }

  /** Runs what happens until then, in the order of time. */
  runUntil(end: Millis): void {
    for (let next = this.#heap[0]; next && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      this.#now = next.at;
      next.fn?.();
    }
    this.#now = end;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (!above || !before(event, above)) break;
      heap[at] = above;
      heap[parent] = event;
      at = parent;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [heap[2 * at + 1], heap[2 * at + 2]];
      if (!left) return;
      const [child, index] = right && before(right, left) ? [right, 2 * at + 2] : [left, 2 * at + 1];
      if (!before(child, last)) return;
      heap[at] = child;
      heap[index] = last;
      at = index;
    }
  }
}

/** Equal times in the order in which they were set. */
const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
