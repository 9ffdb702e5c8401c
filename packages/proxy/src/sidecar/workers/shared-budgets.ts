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
import { PLACES, SharedTable, type TableSlot } from './shared-table.ts';

/** A power of two. */
const SETS = 256;

const STATES = SETS * PLACES * RETRY_STATE_NUMBERS * Float64Array.BYTES_PER_ELEMENT;

export class SharedBudgets implements RetryBudgets {
  readonly buffer: SharedArrayBuffer;
  readonly #table: SharedTable;
  readonly #states: Float64Array;
  readonly #clock: { now(): Millis };

  /** New ones hash by this seed; or what another thread has made. `now` has the same origin in all threads. */
  constructor(from: { readonly seed: number } | SharedArrayBuffer, now: () => Millis) {
    this.#table = new SharedTable(from, SETS, STATES);
    this.buffer = this.#table.buffer;
    this.#states = new Float64Array(this.buffer, 0, SETS * PLACES * RETRY_STATE_NUMBERS);
    this.#clock = { now };
  }

  /** Those of one name and the same values count together. */
  tokens(name: string, budget: RetryBudget): RetryTokens | undefined {
    if (!isValidBudget(budget)) return undefined;
    const slot = this.#table.slotOf(`${name} ${budget.retryRatio} ${budget.minRetriesPerSecond} ${budget.ttlMs}`);
    const own = new RetryWindow(budget, this.#clock);
    const windows = Array.from({ length: PLACES }, (_, place) => new RetryWindow(budget, this.#clock, this.#state(slot, place)));
    const within = <T>(use: (window: RetryWindow) => T): T => {
      this.#table.lock(slot);
      const place = this.#table.find(slot) ?? this.#claim(slot, windows);
      const result = use((place === undefined ? undefined : windows[place]) ?? own);
      this.#table.unlock(slot);
      return result;
    };
    return { deposit: () => within(deposit), withdraw: () => within(withdraw) };
  }

  #state({ set }: TableSlot, place: number): Float64Array {
    const from = (set * PLACES + place) * RETRY_STATE_NUMBERS;
    return this.#states.subarray(from, from + RETRY_STATE_NUMBERS);
  }

  /** The first place that nobody has, or whose budget counted nothing for so long that all is forgotten. */
  #claim(slot: TableSlot, windows: readonly RetryWindow[]): number | undefined {
    const now = this.#clock.now();
    for (let place = 0; place < PLACES; place++) {
      if (!this.#table.isFree(slot, place) && now - retryStateSince(this.#state(slot, place)) <= 2 * RETRY_STATE_MS) continue;
      this.#table.assign(slot, place);
      windows[place]?.begin();
      return place;
    }
    return undefined;
  }
}

const deposit = (window: RetryWindow): void => window.deposit();
const withdraw = (window: RetryWindow): boolean => window.withdraw();
