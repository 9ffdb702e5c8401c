// What waits, in the order in which it came: bounded, and as cheap with thousands as with one. spec/proxy.md §6.3.
import type { Millis } from '../time/clock.ts';

interface Waiting<W> {
  readonly waiter: W;
  /** When it joined. */
  readonly since: Millis;
}

/** Served slots are cut off once they are this many and the half of all. */
const CUT_AT = 64;

const LOOKS = 100;

export class WaitingLine<W extends { readonly aborted: boolean }> {
  readonly capacity: number;
  #slots: (Waiting<W> | undefined)[] = [];
  /** The slot of the first. */
  #head = 0;
  /** Refusals until those who left are looked for again. */
  #patience = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#slots.length - this.#head;
  }

  get first(): Waiting<W> | undefined {
    return this.#slots[this.#head];
  }

  /** False: there is no room. Those who left without being served make room first. */
  join(waiter: W, since: Millis): boolean {
    if (this.length >= this.capacity && !this.#sweep()) return false;
    this.#slots.push({ waiter, since });
    return true;
  }

  /** Takes the first out. */
  shift(): Waiting<W> | undefined {
    const first = this.#slots[this.#head];
    if (!first) return undefined;
    this.#slots[this.#head++] = undefined;
    if (this.#head === this.#slots.length || (this.#head >= CUT_AT && this.#head * 2 >= this.#slots.length)) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** Takes all out. */
  drain(): readonly Waiting<W>[] {
    const all = this.#slots.slice(this.#head).filter((one) => one !== undefined);
    this.#slots = [];
    this.#head = 0;
    return all;
  }

  /** Looks through a full line for so few of the refusals that each costs a hundred looks at most. */
  #sweep(): boolean {
    if (this.#patience > 0) {
      this.#patience--;
      return false;
    }
    this.#slots = this.#slots.filter((one) => one !== undefined && !one.waiter.aborted);
    this.#head = 0;
    this.#patience = Math.floor(this.capacity / LOOKS);
    return this.length < this.capacity;
  }
}
