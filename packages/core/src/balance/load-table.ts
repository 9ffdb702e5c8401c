// The loads of all endpoints of one balancer side by side: what both Peak-EWMA estimates share. spec/proxy.md §6.2.
import type { Millis } from '../time/clock.ts';
import type { Dispatch, Loads } from './load.ts';

const ESTIMATE = 0;
const UPDATED_AT = 1;
const IN_FLIGHT = 2;
/** 1 when the endpoint has gone and only its requests still hold the row. */
const RELEASED = 3;
const CELLS = 4;
const FIRST_ROWS = 16;

/** A row for each endpoint, half a cache line long: a pick compares two of perhaps a thousand at random, and as objects they would have left the caches long ago. */
export abstract class LoadTable implements Loads {
  #cells = new Float64Array(FIRST_ROWS * CELLS);
  #rows = 0;
  readonly #free: number[] = [];

  add(now: Millis): number {
    const row = this.#free.pop() ?? this.#grow();
    const at = row * CELLS;
    this.#cells[at + ESTIMATE] = this.first;
    this.#cells[at + UPDATED_AT] = now;
    this.#cells[at + IN_FLIGHT] = 0;
    this.#cells[at + RELEASED] = 0;
    return row;
  }

  /** The row is used again once its last request has ended. */
  release(row: number): void {
    this.#cells[row * CELLS + RELEASED] = 1;
    if (this.inFlight(row) === 0) this.#free.push(row);
  }

  /** Lower is better. May decay what is stored. */
  abstract cost(row: number, now: Millis): number;
  /** The cost without a side effect. */
  abstract peek(row: number, now: Millis): number;

  dispatch(row: number, now: Millis): Dispatch {
    this.#cells[row * CELLS + IN_FLIGHT] = this.inFlight(row) + 1;
    return new CountedDispatch(this, row, now);
  }

  inFlight(row: number): number {
    return this.#cells[row * CELLS + IN_FLIGHT] as number;
  }

  finished(row: number, now: Millis, elapsedMs: Millis): void {
    this.sample(row, now, elapsedMs);
    this.#ended(row);
  }

  penalized(row: number, now: Millis, elapsedMs: Millis, penaltyMs: Millis): void {
    this.sample(row, now, this.penalty(row, now, elapsedMs, penaltyMs));
    this.#ended(row);
  }

  /** The estimate before the first sample. */
  protected abstract readonly first: Millis;
  protected abstract sample(row: number, now: Millis, rttMs: Millis): void;
  /** What is sampled for a failure. */
  protected abstract penalty(row: number, now: Millis, elapsedMs: Millis, penaltyMs: Millis): Millis;

  protected stored(row: number): Millis {
    return this.#cells[row * CELLS + ESTIMATE] as number;
  }

  protected age(row: number, now: Millis): Millis {
    return now - (this.#cells[row * CELLS + UPDATED_AT] as number);
  }

  /** Time does not go back. */
  protected store(row: number, now: Millis, estimate: Millis): void {
    const at = row * CELLS;
    this.#cells[at + ESTIMATE] = estimate;
    if (now > (this.#cells[at + UPDATED_AT] as number)) this.#cells[at + UPDATED_AT] = now;
  }

  #ended(row: number): void {
    const at = row * CELLS;
    const left = (this.#cells[at + IN_FLIGHT] as number) - 1;
    this.#cells[at + IN_FLIGHT] = left;
    if (left === 0 && this.#cells[at + RELEASED] === 1) this.#free.push(row);
  }

  #grow(): number {
    if ((this.#rows + 1) * CELLS > this.#cells.length) {
      const cells = new Float64Array(this.#cells.length * 2);
      cells.set(this.#cells);
      this.#cells = cells;
    }
    return this.#rows++;
  }
}

/** The only allocation per balanced request. */
class CountedDispatch implements Dispatch {
  readonly #startedAt: Millis;
  readonly #row: number;
  #table: LoadTable | undefined;

  constructor(table: LoadTable, row: number, now: Millis) {
    this.#table = table;
    this.#row = row;
    this.#startedAt = now;
  }

  complete(now: Millis): void {
    const table = this.#table;
    this.#table = undefined;
    table?.finished(this.#row, now, Math.max(0, now - this.#startedAt));
  }

  penalize(now: Millis, penaltyMs: Millis): void {
    const table = this.#table;
    this.#table = undefined;
    table?.penalized(this.#row, now, Math.max(0, now - this.#startedAt), penaltyMs);
  }
}
