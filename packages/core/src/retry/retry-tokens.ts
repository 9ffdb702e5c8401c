// How many retries a ServiceProfile allows: a share of the requests of the last while, and a few on top. spec/proxy.md §7.7.
import type { RetryBudget } from '../domain/profile.ts';
import type { Clock, Millis } from '../time/clock.ts';

const SLOTS = 10;
const MIN_TTL_MS = 1_000;
const MAX_TTL_MS = 60_000;
const MAX_RATIO = 1_000;
const ROUNDING = 1e-9;

/** In its state: the slot in use, when it began, the slots. */
const CURRENT = 0;
const SINCE = 1;
const FIRST = 2;

/** How many numbers a window keeps. */
export const RETRY_STATE_NUMBERS: number = FIRST + SLOTS;

/** After so long without a call nothing is left of what a window counted. */
export const RETRY_STATE_MS: Millis = MAX_TTL_MS;

/** Shared by all routes of a profile. */
export interface RetryTokens {
  /** A request was done with that needs no further try. */
  deposit(): void;
  /** Whether a retry may be sent; if so it is paid for. */
  withdraw(): boolean;
}

/** The tokens of the budget of this name, for as long as it is in force; undefined where its values are out of range: then nothing is retried. */
export interface RetryBudgets {
  tokens(name: string, budget: RetryBudget): RetryTokens | undefined;
}

/**
 * Counted in retries: a request deposits `ratio` of one, a retry withdraws one. Both are forgotten after the time to live, in ten slots;
 * the reserve of `minRetriesPerSecond` is always there.
 */
export class RetryWindow implements RetryTokens {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #slotMs: Millis;
  readonly #deposit: number;
  readonly #reserve: number;
  readonly #state: Float64Array;

  /** `state`: where it counts, begun by `begin`. Default: numbers of its own. See `retryTokens` for what it takes. */
  constructor({ ttlMs, retryRatio, minRetriesPerSecond }: RetryBudget, clock: Pick<Clock, 'now'>, state?: Float64Array) {
    this.#clock = clock;
    this.#slotMs = ttlMs / SLOTS;
    this.#deposit = retryRatio;
    this.#reserve = minRetriesPerSecond * (ttlMs / 1000);
    this.#state = state ?? new Float64Array(RETRY_STATE_NUMBERS);
    if (!state) this.begin();
  }

  /** Forgets everything. */
  begin(): void {
    this.#state.fill(0);
    this.#state[SINCE] = this.#clock.now();
  }

  deposit(): void {
    this.#advance();
    this.#add(this.#deposit);
  }

  withdraw(): boolean {
    this.#advance();
    let balance = this.#reserve;
    for (let slot = FIRST; slot < RETRY_STATE_NUMBERS; slot += 1) balance += this.#state[slot] ?? 0;
    // Ten tenths are a little less than one, and mean one.
    if (balance + ROUNDING < 1) return false;
    this.#add(-1);
    return true;
  }

  #add(retries: number): void {
    const slot = FIRST + (this.#state[CURRENT] ?? 0);
    this.#state[slot] = (this.#state[slot] ?? 0) + retries;
  }

  /** Forgets the slots whose time is over. */
  #advance(): void {
    const state = this.#state;
    const since = state[SINCE] ?? 0;
    const passed = Math.floor((this.#clock.now() - since) / this.#slotMs);
    if (passed <= 0) return;
    state[SINCE] = since + passed * this.#slotMs;
    for (let i = 0; i < Math.min(passed, SLOTS); i += 1) {
      const current = ((state[CURRENT] ?? 0) + 1) % SLOTS;
      state[CURRENT] = current;
      state[FIRST + current] = 0;
    }
  }
}

/** When something was counted last, to a slot. */
export function retryStateSince(state: Float64Array): Millis {
  return state[SINCE] ?? 0;
}

export function isValidBudget({ ttlMs, retryRatio, minRetriesPerSecond }: RetryBudget): boolean {
  return ttlMs >= MIN_TTL_MS && ttlMs <= MAX_TTL_MS && retryRatio >= 0 && retryRatio <= MAX_RATIO && minRetriesPerSecond >= 0;
}

/** Undefined where the values are out of range. */
export function retryTokens(budget: RetryBudget, clock: Clock): RetryTokens | undefined {
  return isValidBudget(budget) ? new RetryWindow(budget, clock) : undefined;
}
