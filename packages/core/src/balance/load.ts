// How busy endpoints are, as balancers see it. spec/proxy.md §6.2.
import type { Millis } from '../time/clock.ts';

/** One request on its way. Every dispatch ends with exactly one of these calls; further calls have no effect. */
export interface Dispatch {
  /** The first body frame of the response arrived, or the request failed or was cancelled: the time since the dispatch is the sample. */
  complete(now: Millis): void;
  /** The response is a failure that should keep requests away: `penaltyMs` is the sample. Plain estimates count it as `complete`. */
  penalize(now: Millis, penaltyMs: Millis): void;
}

/** The load of one endpoint. */
export interface LoadEstimate {
  /** Lower is better; comparable only between estimates of one balancer. */
  cost(now: Millis): number;
  /** The cost without its side effect on what is stored: for display. */
  peek(now: Millis): number;
  dispatch(now: Millis): Dispatch;
  /** Requests dispatched and not yet completed. */
  readonly inFlight: number;
}

/** The loads of all endpoints of one balancer, a row each, so that a pick compares two without a look at either. Called by the picker and by the ends of requests. */
export interface Loads {
  /** A row for a new endpoint. */
  add(now: Millis): number;
  /** The endpoint has gone; requests of it may still be in flight. */
  release(row: number): void;
  cost(row: number, now: Millis): number;
  peek(row: number, now: Millis): number;
  dispatch(row: number, now: Millis): Dispatch;
  inFlight(row: number): number;
}

/** One row as an object. */
export class RowEstimate implements LoadEstimate {
  readonly row: number;
  readonly #loads: Loads;
  #released = false;

  constructor(loads: Loads, now: Millis) {
    this.#loads = loads;
    this.row = loads.add(now);
  }

  get inFlight(): number {
    return this.#loads.inFlight(this.row);
  }

  cost(now: Millis): number {
    return this.#loads.cost(this.row, now);
  }

  peek(now: Millis): number {
    return this.#loads.peek(this.row, now);
  }

  dispatch(now: Millis): Dispatch {
    if (!this.#released) return this.#loads.dispatch(this.row, now);
    // Who chose the endpoint before it went: its row may be somebody else's by now.
    const row = this.#loads.add(now);
    const dispatch = this.#loads.dispatch(row, now);
    this.#loads.release(row);
    return dispatch;
  }

  /** The endpoint has gone. */
  release(): void {
    this.#released = true;
    this.#loads.release(this.row);
  }
}
