// Peak-EWMA that also counts failures: a failed response is recorded as a long one. spec/proxy.md §6.2, penalty variant (HTTP only).
import type { Millis } from '../time/clock.ts';
import { CountedDispatch, type Dispatch, type DispatchOwner, type LoadEstimate } from './load.ts';
import { DEFAULT_DECAY_MS, DEFAULT_RTT_MS, decay, type PeakEwmaLoadOptions } from './peak-ewma.ts';

/** Asking for the cost only projects the decay; peaks are compared with that projection. */
export class PenaltyPeakEwma implements LoadEstimate, DispatchOwner {
  readonly #decayMs: Millis;
  #estimate: Millis;
  #updatedAt: Millis;
  #inFlight = 0;

  constructor(options: PeakEwmaLoadOptions) {
    this.#estimate = Math.max(1, options.defaultRttMs ?? DEFAULT_RTT_MS);
    this.#decayMs = Math.max(1, options.decayMs ?? DEFAULT_DECAY_MS);
    this.#updatedAt = options.now;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  cost(now: Millis): number {
    return this.#projected(now) * (this.#inFlight + 1);
  }

  peek(now: Millis): number {
    return this.cost(now);
  }

  dispatch(now: Millis): Dispatch {
    this.#inFlight++;
    return new CountedDispatch(this, now);
  }

  finished(now: Millis, elapsedMs: Millis): void {
    this.#inFlight--;
    this.#sample(now, elapsedMs);
  }

  penalized(now: Millis, _elapsedMs: Millis, penaltyMs: Millis): void {
    this.#inFlight--;
    // A lower penalty than what is projected would attract requests.
    this.#sample(now, Math.max(penaltyMs, this.#projected(now)));
  }

  #sample(now: Millis, rttMs: Millis): void {
    const projected = this.#projected(now);
    this.#estimate = projected < rttMs ? rttMs : projected + rttMs * (1 - decay(now - this.#updatedAt, this.#decayMs));
    this.#updatedAt = Math.max(now, this.#updatedAt);
  }

  #projected(now: Millis): Millis {
    return this.#estimate * decay(now - this.#updatedAt, this.#decayMs);
  }
}
