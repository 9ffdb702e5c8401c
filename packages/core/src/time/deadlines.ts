// Deadlines of very many things at once, most of which are never reached: setting and lifting one costs a set operation, and one timer of the
// clock serves all of them (design.md §4). They are kept in slots of a few milliseconds, so that they come up to a slot late and never early.
import type { Clock, Millis, Timer } from './clock.ts';

export interface Expiring {
  /** The deadline is over. It is not set any more. */
  expire(): void;
}

/** Where a deadline stands; gives it back to `lift`. */
export type DeadlineSlot = Set<Expiring>;

const SLOT_MS = 4;

export class Deadlines {
  readonly #clock: Clock;
  readonly #slotMs: Millis;
  /** By the number of the slot; none is empty. */
  readonly #slots = new Map<number, DeadlineSlot>();
  #timer: Timer | undefined;
  #firesAt = Number.POSITIVE_INFINITY;

  /** `slotMs`: how late a deadline may come. Default 4. */
  constructor(clock: Clock, slotMs: Millis = SLOT_MS) {
    this.#clock = clock;
    this.#slotMs = slotMs;
  }

  /** On the scale of `clock.now()`. One thing stands at most once at a time. */
  set(one: Expiring, at: Millis): DeadlineSlot {
    const number = Math.ceil(at / this.#slotMs);
    let slot = this.#slots.get(number);
    if (!slot) {
      slot = new Set();
      this.#slots.set(number, slot);
      if (number < this.#firesAt) this.#arm(number);
    }
    return slot.add(one);
  }

  lift(slot: DeadlineSlot, one: Expiring): void {
    slot.delete(one);
  }

  #arm(number: number): void {
    this.#timer?.cancel();
    this.#firesAt = number;
    this.#timer = this.#clock.after(number * this.#slotMs - this.#clock.now(), () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    const due: DeadlineSlot[] = [];
    this.#firesAt = Number.POSITIVE_INFINITY;
    for (const [number, slot] of this.#slots) {
      if (number * this.#slotMs <= now) due.push(slot);
      else if (slot.size > 0) {
        if (number < next) next = number;
        continue;
      }
      this.#slots.delete(number);
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
    // What expires may lift others of its slot, which then do not.
    for (const slot of due) {
      for (const one of slot) {
        slot.delete(one);
        one.expire();
      }
    }
  }
}
