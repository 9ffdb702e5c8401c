// The retry budgets of ServiceProfiles that all threads count in: a table in shared memory, in which a budget has one of a few places.
// What has no place, of thousands of budgets in use at once, is each thread's own. spec/proxy.md §7.7.
import {
  isValidBudget,
  type Millis,
  RETRY_STATE_MS,
  RETRY_STATE_NUMBERS,
  type RetryBudget,
  type RetryBudgets,
  type RetryTokens,
  RetryWindow,
  retryStateSince,
} from '@weft/core';
import { hash } from './shared-hash.ts';

/** A power of two. */
const SETS = 256;
const PLACES = 8;

const STATES = SETS * PLACES * RETRY_STATE_NUMBERS * Float64Array.BYTES_PER_ELEMENT;
/** Per set: its lock. Per place: the key as 64 bits of hash. */
const LOCKS = SETS * Int32Array.BYTES_PER_ELEMENT;
const KEYS = SETS * PLACES * 2 * Int32Array.BYTES_PER_ELEMENT;
const SEED = Int32Array.BYTES_PER_ELEMENT * 2;

export class SharedBudgets implements RetryBudgets {
  readonly buffer: SharedArrayBuffer;
  readonly #states: Float64Array;
  readonly #locks: Int32Array;
  readonly #keys: Int32Array;
  readonly #seed: number;
  readonly #clock: { now(): Millis };

  /** New ones hash by this seed; or what another thread has made. `now` has the same origin in all threads. */
  constructor(from: { readonly seed: number } | SharedArrayBuffer, now: () => Millis) {
    this.buffer = from instanceof SharedArrayBuffer ? from : new SharedArrayBuffer(STATES + LOCKS + KEYS + SEED);
    this.#states = new Float64Array(this.buffer, 0, SETS * PLACES * RETRY_STATE_NUMBERS);
    this.#locks = new Int32Array(this.buffer, STATES, SETS);
    this.#keys = new Int32Array(this.buffer, STATES + LOCKS, SETS * PLACES * 2);
    const seed = new Int32Array(this.buffer, STATES + LOCKS + KEYS, 1);
    if (!(from instanceof SharedArrayBuffer)) seed[0] = from.seed;
    this.#seed = seed[0] ?? 0;
    this.#clock = { now };
  }

  /** Those of one name and the same values count together. */
  tokens(name: string, budget: RetryBudget): RetryTokens | undefined {
    if (!isValidBudget(budget)) return undefined;
    const key = `${name} ${budget.retryRatio} ${budget.minRetriesPerSecond} ${budget.ttlMs}`;
    const high = hash(key, this.#seed);
    const low = hash(key, ~this.#seed);
    const set = high & (SETS - 1);
    const own = new RetryWindow(budget, this.#clock);
    const windows = Array.from({ length: PLACES }, (_, place) => new RetryWindow(budget, this.#clock, this.#state(set, place)));
    const within = <T>(use: (window: RetryWindow) => T): T => {
      this.#lock(set);
      const place = this.#find(set, high, low) ?? this.#claim(set, high, low, windows);
      const result = use((place === undefined ? undefined : windows[place]) ?? own);
      Atomics.store(this.#locks, set, 0);
      return result;
    };
    return { deposit: () => within(deposit), withdraw: () => within(withdraw) };
  }

  #state(set: number, place: number): Float64Array {
    const from = (set * PLACES + place) * RETRY_STATE_NUMBERS;
    return this.#states.subarray(from, from + RETRY_STATE_NUMBERS);
  }

  /** For a few dozen instructions; longer only where its holder is not running. */
  #lock(set: number): void {
    while (Atomics.compareExchange(this.#locks, set, 0, 1) !== 0);
  }

  #find(set: number, high: number, low: number): number | undefined {
    for (let place = 0; place < PLACES; place++) {
      const at = (set * PLACES + place) * 2;
      if (this.#keys[at] === high && this.#keys[at + 1] === low) return place;
    }
    return undefined;
  }

  /** The first place that nobody has, or whose budget counted nothing for so long that all is forgotten. */
  #claim(set: number, high: number, low: number, windows: readonly RetryWindow[]): number | undefined {
    const now = this.#clock.now();
    for (let place = 0; place < PLACES; place++) {
      const at = (set * PLACES + place) * 2;
      const free = this.#keys[at] === 0 && this.#keys[at + 1] === 0;
      if (!free && now - retryStateSince(this.#state(set, place)) <= 2 * RETRY_STATE_MS) continue;
      this.#keys[at] = high;
      this.#keys[at + 1] = low;
      windows[place]?.begin();
      return place;
    }
    return undefined;
  }
}

const deposit = (window: RetryWindow): void => window.deposit();
const withdraw = (window: RetryWindow): boolean => window.withdraw();
