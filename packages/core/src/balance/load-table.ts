// The loads of all endpoints of one balancer side by side: what both Peak-EWMA estimates share. spec/proxy.md §6.2.
import type { Millis } from '../time/clock.ts';
import type { Dispatch, Loads } from './load.ts';

const FIRST_ROWS = 16;

/**
 * A row for each endpoint, in columns of numbers: a pick compares two of perhaps a thousand at random, and while a column of a thousand stays in the caches of a core,
 * as objects or rows they would have left them long ago.
 */
export abstract class LoadTable implements Loads {
  #estimates = new Float64Array(FIRST_ROWS);
  #updatedAt = new Float64Array(FIRST_ROWS);
  #inFlight = new Int32Array(FIRST_ROWS);
  /** 1 when the endpoint has gone and only its requests still hold the row. */
  #released = new Uint8Array(FIRST_ROWS);
  #rows = 0;
  readonly #free: number[] = [];

  add(now: Millis): number {
    const row = this.#free.pop() ?? this.#grow();
    this.#estimates[row] = this.first;
    this.#updatedAt[row] = now;
    this.#inFlight[row] = 0;
    this.#released[row] = 0;
    return row;
  }

  /** The row is used again once its last request has ended. */
  release(row: number): void {
    this.#released[row] = 1;
    if (this.inFlight(row) === 0) this.#free.push(row);
  }

  /** Lower is better. May decay what is stored. */
  abstract cost(row: number, now: Millis): number;
  /** The cost without a side effect. */
  abstract peek(row: number, now: Millis): number;

  dispatch(row: number, now: Millis): Dispatch {
    this.#inFlight[row] = this.inFlight(row) + 1;
    return new CountedDispatch(this, row, now);
  }

  inFlight(row: number): number {
    return this.#inFlight[row] as number;
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
    return this.#estimates[row] as number;
  }

  protected age(row: number, now: Millis): Millis {
    return now - (this.#updatedAt[row] as number);
  }

  /** Time does not go back. */
  protected store(row: number, now: Millis, estimate: Millis): void {
    this.#estimates[row] = estimate;
    if (now > (this.#updatedAt[row] as number)) this.#updatedAt[row] = now;
  }

  #ended(row: number): void {
    const left = this.inFlight(row) - 1;
    this.#inFlight[row] = left;
    if (left === 0 && this.#released[row] === 1) this.#free.push(row);
  }

  #grow(): number {
    const rows = this.#estimates.length;
    if (this.#rows === rows) {
      this.#estimates = copied(this.#estimates, new Float64Array(2 * rows));
      this.#updatedAt = copied(this.#updatedAt, new Float64Array(2 * rows));
      this.#inFlight = copied(this.#inFlight, new Int32Array(2 * rows));
      this.#released = copied(this.#released, new Uint8Array(2 * rows));
    }
    return this.#rows++;
  }
}

function copied<A extends Float64Array | Int32Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
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
