// One rate as a generic cell rate algorithm: a bucket is one number, the time at which it is full again. ATM Forum TM 4.1 §4.4.3;
// spec/proxy.md §8.5.

/** Nanoseconds from any fixed origin, whole: fractions would add up to a request too many or too few. */
export type Nanos = number;

/** A bucket that nothing was taken from. */
export const FULL: Nanos = 0;

/** So many requests per second, with a burst of as many. Requests that are denied take nothing. */
export class Gcra {
  readonly rps: number;
  readonly #interval: Nanos;
  readonly #tolerance: Nanos;

  /** `rps`: a whole number from 1. */
  constructor(rps: number) {
    if (!Number.isInteger(rps) || rps < 1) throw new RangeError(`not a rate: ${rps}`);
    this.rps = rps;
    this.#interval = Math.ceil(1e9 / rps);
    this.#tolerance = this.#interval * (rps - 1);
  }

  /** When the bucket is full again after a request now; undefined where that is one too many. */
  take(full: Nanos, now: Nanos): Nanos | undefined {
    return now < full - this.#tolerance ? undefined : Math.max(full, now) + this.#interval;
  }

  /** How many requests the bucket holds now. */
  available(full: Nanos, now: Nanos): number {
    return Math.max(0, this.rps - Math.ceil(Math.max(0, full - now) / this.#interval));
  }
}
