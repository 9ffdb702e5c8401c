// What was counted since the last scrape, a row for each endpoint or route that was used: the series themselves are many objects each, and among a thousand
// endpoints none of them is at hand when its request comes.
import { LATENCY_BUCKETS_MS } from '@weft/core';

const REQUESTS = 0;
const RESPONSES = 1;
/** In microseconds. */
const LATENCY_SUM = 2;
/** Followed by one count for each bucket of `LATENCY_BUCKETS_MS`, and one for what is above them. */
const LATENCY_COUNTS = 3;
const BUCKETS = LATENCY_BUCKETS_MS.length + 1;
const COLUMNS = LATENCY_COUNTS + BUCKETS;
const FIRST_ROWS = 64;
/** Of a cell. */
const OVERFLOW = 2 ** 32;
const US_PER_MS = 1000;
/** Rows that are handed out before all are collected, whether or not somebody asks for metrics. */
const MAX_ROWS = 4096;

/** What a row has counted. */
export interface Tally {
  readonly requests: number;
  readonly responses: number;
  readonly latencySum: number;
  /** For each bucket, and one for what is above them. */
  readonly latencyCounts: Float64Array;
}

/** Whose row it is. */
export interface Tallied {
  /** Adds what its row has counted to its series. The row is somebody else's from then on. */
  collect(tally: Tally): void;
}

export class HttpTallies {
  /** Column by column, in as few bytes as will do: the few that most responses count in stay in the caches of a core, a row of its own for each of a thousand would not. */
  #cells = new Uint32Array(FIRST_ROWS * COLUMNS);
  /** How often one began again from 0, of the few that did, by `name`. */
  readonly #overflows = new Map<number, number>();
  /** Of each column. */
  #rows = FIRST_ROWS;
  readonly #owners: Tallied[] = [];

  /** A new row of zeros, until `collect`. */
  take(owner: Tallied): number {
    if (this.#owners.length === MAX_ROWS) this.collect();
    const row = this.#owners.length;
    if (row === this.#rows) this.#grow();
    this.#owners.push(owner);
    return row;
  }

  request(row: number): void {
    this.#add(row, REQUESTS, 1);
  }

  response(row: number): void {
    this.#add(row, RESPONSES, 1);
  }

  latency(row: number, ms: number): void {
    let bucket = 0;
    while (bucket < LATENCY_BUCKETS_MS.length && ms > (LATENCY_BUCKETS_MS[bucket] as number)) bucket++;
    this.#add(row, LATENCY_SUM, Math.round(ms * US_PER_MS));
    this.#add(row, LATENCY_COUNTS + bucket, 1);
  }

  /** Brings all series up to date. */
  collect(): void {
    const owners = this.#owners.splice(0);
    owners.forEach((owner, row) => owner.collect(this.#tally(row)));
    this.#cells.fill(0);
    this.#overflows.clear();
  }

  #tally(row: number): Tally {
    const counted = (column: number): number => (this.#cells[column * this.#rows + row] as number) + (this.#overflows.get(name(row, column)) ?? 0) * OVERFLOW;
    return {
      requests: counted(REQUESTS),
      responses: counted(RESPONSES),
      latencySum: counted(LATENCY_SUM) / US_PER_MS,
      latencyCounts: Float64Array.from({ length: BUCKETS }, (_, bucket) => counted(LATENCY_COUNTS + bucket)),
    };
  }

  #add(row: number, column: number, by: number): void {
    const at = column * this.#rows + row;
    const sum = (this.#cells[at] as number) + by;
    this.#cells[at] = sum;
    if (sum >= OVERFLOW) this.#overflown(name(row, column), Math.floor(sum / OVERFLOW));
  }

  #overflown(cell: number, times: number): void {
    this.#overflows.set(cell, (this.#overflows.get(cell) ?? 0) + times);
  }

  #grow(): void {
    const rows = 2 * this.#rows;
    const cells = new Uint32Array(rows * COLUMNS);
    for (let column = 0; column < COLUMNS; column++) cells.set(this.#cells.subarray(column * this.#rows, (column + 1) * this.#rows), column * rows);
    this.#cells = cells;
    this.#rows = rows;
  }
}

/** Of a cell, however many rows there are. */
function name(row: number, column: number): number {
  return row * COLUMNS + column;
}
