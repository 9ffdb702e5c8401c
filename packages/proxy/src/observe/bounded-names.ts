// Values of labels that peers choose: so many are told apart, since each makes series of its own. spec/proxy.md §9.1, §9.3.
import type { Clock, Millis } from '@weft/core';

export interface BoundedNamesOptions {
  /** A name that was not used for so long makes room: its series are gone by then. */
  readonly retainIdleMs: Millis;
  readonly clock: Clock;
}

export const MAX_NAMES = 1_024;
/** Of a DNS name and a port. */
const MAX_LENGTH = 253 + 6;
/** How often unused ones are looked for. */
const SWEEP_MS = 1_000;

export class BoundedNames {
  readonly #options: BoundedNamesOptions;
  readonly #usedAt = new Map<string, Millis>();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(options: BoundedNamesOptions) {
    this.#options = options;
  }

  /** Whether this name may be shown. */
  admits(name: string): boolean {
    if (name.length > MAX_LENGTH) return false;
    const now = this.#options.clock.now();
    if (this.#usedAt.size >= MAX_NAMES && !this.#usedAt.has(name) && !this.#sweep(now)) return false;
    this.#usedAt.set(name, now);
    return true;
  }

  #sweep(now: Millis): boolean {
    if (now - this.#sweptAt < SWEEP_MS) return false;
    this.#sweptAt = now;
    for (const [name, usedAt] of this.#usedAt) if (now - usedAt >= this.#options.retainIdleMs) this.#usedAt.delete(name);
    return this.#usedAt.size < MAX_NAMES;
  }
}
