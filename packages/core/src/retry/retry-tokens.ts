// How many retries a ServiceProfile allows: a share of the requests of the last while, and a few on top. spec/proxy.md §7.7.
import type { RetryBudget } from '../domain/profile.ts';
import type { Clock, Millis } from '../time/clock.ts';

const SLOTS = 10;
const MIN_TTL_MS = 1_000;
const MAX_TTL_MS = 60_000;
const MAX_RATIO = 1_000;
const ROUNDING = 1e-9;

/**
 * Shared by all routes of a profile. Counted in retries: a request that needs no further try deposits `ratio` of one, a retry withdraws one.
 * Both are forgotten after the time to live, in ten slots; the reserve of `minRetriesPerSecond` is always there.
 */
export class RetryTokens {
  readonly #clock: Clock;
  readonly #slotMs: Millis;
  readonly #deposit: number;
  readonly #reserve: number;
  readonly #slots = new Float64Array(SLOTS);
  #current = 0;
  #since: Millis;

  /** See `retryTokens` for what it takes. */
  constructor({ ttlMs, retryRatio, minRetriesPerSecond }: RetryBudget, clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
    this.#slotMs = ttlMs / SLOTS;
    this.#deposit = retryRatio;
    this.#reserve = minRetriesPerSecond * (ttlMs / 1000);
  }

  /** A request was done with. */
  deposit(): void {
    this.#advance();
    this.#add(this.#deposit);
  }

  /** Whether a retry may be sent; if so it is paid for. */
  withdraw(): boolean {
    this.#advance();
    let balance = this.#reserve;
    for (const retries of this.#slots) balance += retries;
    // Ten tenths are a little less than one, and mean one.
    if (balance + ROUNDING < 1) return false;
    this.#add(-1);
    return true;
  }

  #add(retries: number): void {
    this.#slots[this.#current] = (this.#slots[this.#current] ?? 0) + retries;
  }

  /** Forgets the slots whose time is over. */
  #advance(): void {
    const passed = Math.floor((this.#clock.now() - this.#since) / this.#slotMs);
    if (passed <= 0) return;
    this.#since += passed * this.#slotMs;
    for (let i = 0; i < Math.min(passed, SLOTS); i += 1) {
      this.#current = (this.#current + 1) % SLOTS;
      this.#slots[this.#current] = 0;
    }
  }
}

/** Undefined where the values are out of range: then nothing is retried. */
export function retryTokens(budget: RetryBudget, clock: Clock): RetryTokens | undefined {
  const { ttlMs, retryRatio, minRetriesPerSecond } = budget;
  const valid = ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS && retryRatio >= 0 && retryRatio <= MAX_RATIO && minRetriesPerSecond >= 0;
  return valid ? new RetryTokens(budget, clock) : undefined;
}
