// What was counted since the last scrape, a row for each endpoint or route that was used: the series themselves are many objects each, and among a thousand
// endpoints none of them is at hand when its request comes.
import { LATENCY_BUCKETS_MS } from '@weft/core';

export const REQUESTS = 0;
export const RESPONSES = 1;
export const LATENCY_SUM = 2;
/** Followed by one count for each bucket of `LATENCY_BUCKETS_MS`, and one for what is above them. */
export const LATENCY_COUNTS = 3;
const CELLS = 32;
const FIRST_ROWS = 64;
/** Rows that are handed out before all are collected, whether or not somebody asks for metrics. */
const MAX_ROWS = 4096;

if (LATENCY_COUNTS + LATENCY_BUCKETS_MS.length + 1 > CELLS) throw new RangeError('a row of tallies is too short for the latency buckets');

/** Whose row it is. */
export interface Tallied {
  /** Adds the row that begins at `at` to its series. The row is somebody else's from then on. */
  collect(cells: Float64Array, at: number): void;
}

export class HttpTallies {
  cells = new Float64Array(FIRST_ROWS * CELLS);
  readonly #owners: Tallied[] = [];

  /** Where a new row of zeros begins, until `collect`. */
  take(owner: Tallied): number {
    if (this.#owners.length === MAX_ROWS) this.collect();
    const at = this.#owners.length * CELLS;
    if (at === this.cells.length) {
      const cells = new Float64Array(2 * this.cells.length);
      cells.set(this.cells);
      this.cells = cells;
    }
    this.#owners.push(owner);
    return at;
  }

  /** Brings all series up to date. */
  collect(): void {
    const { cells } = this;
    const owners = this.#owners.splice(0);
    owners.forEach((owner, row) => owner.collect(cells, row * CELLS));
    cells.fill(0, 0, owners.length * CELLS);
  }

  /** Counts a response time in the row that begins at `at`. */
  latency(at: number, ms: number): void {
    const { cells } = this;
    let bucket = 0;
    while (bucket < LATENCY_BUCKETS_MS.length && ms > (LATENCY_BUCKETS_MS[bucket] as number)) bucket++;
    add(cells, at + LATENCY_SUM, ms);
    add(cells, at + LATENCY_COUNTS + bucket, 1);
  }
}

export function add(cells: Float64Array, at: number, by: number): void {
  cells[at] = (cells[at] as number) + by;
}
