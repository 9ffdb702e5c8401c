// How busy an endpoint is, as balancers see it. spec/proxy.md §6.2.
import type { Millis } from '../time/clock.ts';

/** One request on its way. Every dispatch ends with exactly one of these calls; further calls have no effect. */
export interface Dispatch {
  /** The first body frame of the response arrived, or the request failed or was cancelled: the time since the dispatch is the sample. */
  complete(now: Millis): void;
  /** The response is a failure that should keep requests away: `penaltyMs` is the sample. Plain estimates count it as `complete`. */
  penalize(now: Millis, penaltyMs: Millis): void;
}

/** The load of one endpoint. Queried by the picker; dispatched to once per request. */
export interface LoadEstimate {
  /** Lower is better; comparable only between estimates of one balancer. */
  cost(now: Millis): number;
  /** The cost without its side effect on what is stored: for display. */
  peek(now: Millis): number;
  dispatch(now: Millis): Dispatch;
  /** Requests dispatched and not yet completed. */
  readonly inFlight: number;
}

/** What an estimate does with the end of a dispatch. */
export interface DispatchOwner {
  finished(now: Millis, elapsedMs: Millis): void;
  penalized(now: Millis, elapsedMs: Millis, penaltyMs: Millis): void;
}

/** The only allocation per balanced request. */
export class CountedDispatch implements Dispatch {
  readonly #startedAt: Millis;
  #owner: DispatchOwner | undefined;

  constructor(owner: DispatchOwner, now: Millis) {
    this.#owner = owner;
    this.#startedAt = now;
  }

  complete(now: Millis): void {
    const owner = this.#owner;
    this.#owner = undefined;
    owner?.finished(now, Math.max(0, now - this.#startedAt));
  }

  penalize(now: Millis, penaltyMs: Millis): void {
    const owner = this.#owner;
    this.#owner = undefined;
    owner?.penalized(now, Math.max(0, now - this.#startedAt), penaltyMs);
  }
}
