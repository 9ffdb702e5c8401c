// Successes among the responses of the last while: exact counts in ten slices of time, so that the rate of requests does not matter.
// spec/proxy.md §6.5 (unified).
import type { Millis } from '../time/clock.ts';

const SLICES = 10;
const MIN_SLICE_MS: Millis = 1;

export class SuccessWindow {
  readonly #sliceMs: Millis;
  readonly #successes = zeros();
  readonly #totals = zeros();
  #current = 0;
  /** When the current slice began. */
  #since: Millis;
  #successCount = 0;
  #count = 0;

  constructor(windowMs: Millis, now: Millis) {
    this.#sliceMs = Math.max(windowMs / SLICES, MIN_SLICE_MS);
    this.#since = now;
  }

  record(success: boolean, now: Millis): void {
    this.#roll(now);
    this.#totals[this.#current] = (this.#totals[this.#current] ?? 0) + 1;
    this.#count++;
    if (!success) return;
    this.#successes[this.#current] = (this.#successes[this.#current] ?? 0) + 1;
    this.#successCount++;
  }

  /** As of the last record. */
  get successes(): number {
    return this.#successCount;
  }

  /** As of the last record. */
  get total(): number {
    return this.#count;
  }

  /** Begins anew. */
  reset(now: Millis): void {
    this.#successes.fill(0);
    this.#totals.fill(0);
    this.#current = 0;
    this.#since = now;
    this.#successCount = 0;
    this.#count = 0;
  }

  /** Forgets the slices that have left the window. Slices begin at multiples of their width after the first. */
  #roll(now: Millis): void {
    const steps = Math.floor((now - this.#since) / this.#sliceMs);
    if (!(steps > 0)) return;
    for (let n = 0; n < Math.min(steps, SLICES); n++) {
      this.#current = (this.#current + 1) % SLICES;
      this.#successCount -= this.#successes[this.#current] ?? 0;
      this.#count -= this.#totals[this.#current] ?? 0;
      this.#successes[this.#current] = 0;
      this.#totals[this.#current] = 0;
    }
    this.#since += steps * this.#sliceMs;
  }
}

function zeros(): number[] {
  return Array.from({ length: SLICES }, () => 0);
}
