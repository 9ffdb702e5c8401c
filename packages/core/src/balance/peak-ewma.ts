// Peak-EWMA: a moving average of response times that jumps up at once and comes down slowly, times requests in flight. spec/proxy.md §6.2.
import type { Millis } from '../time/clock.ts';
import { CountedDispatch, type Dispatch, type DispatchOwner, type LoadEstimate } from './load.ts';

export interface PeakEwmaLoadOptions {
  /** The estimate before the first sample, at least 1. Default 30 ms, what Linkerd's proxy uses, so that mixed fleets balance alike. */
  readonly defaultRttMs?: Millis | undefined;
  /** Time constant of the decay. Default 10 s, for the same reason. */
  readonly decayMs?: Millis | undefined;
  /** The time of creation, on the clock of later calls. */
  readonly now: Millis;
}

export const DEFAULT_RTT_MS: Millis = 30;
export const DEFAULT_DECAY_MS: Millis = 10_000;

/** The plain estimate: cost is estimate · (in flight + 1), and asking for it decays what is stored. */
export class PeakEwma implements LoadEstimate, DispatchOwner {
  readonly #decayMs: Millis;
  #estimate: Millis;
  #updatedAt: Millis;
  #inFlight = 0;

  constructor(options: PeakEwmaLoadOptions) {
    this.#estimate = Math.max(1, options.defaultRttMs ?? DEFAULT_RTT_MS);
    this.#decayMs = options.decayMs ?? DEFAULT_DECAY_MS;
    this.#updatedAt = options.now;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  cost(now: Millis): number {
    this.#sample(now, 0);
    return this.#estimate * (this.#inFlight + 1);
  }

  peek(now: Millis): number {
    return this.#estimate * decay(now - this.#updatedAt, this.#decayMs) * (this.#inFlight + 1);
  }

  dispatch(now: Millis): Dispatch {
    this.#inFlight++;
    return new CountedDispatch(this, now);
  }

  finished(now: Millis, elapsedMs: Millis): void {
    this.#inFlight--;
    this.#sample(now, elapsedMs);
  }

  penalized(now: Millis, elapsedMs: Millis): void {
    this.finished(now, elapsedMs);
  }

  #sample(now: Millis, rttMs: Millis): void {
    if (this.#estimate < rttMs) this.#estimate = rttMs;
    else {
      const kept = decay(now - this.#updatedAt, this.#decayMs);
      this.#estimate = this.#estimate * kept + rttMs * (1 - kept);
    }
    this.#updatedAt = Math.max(now, this.#updatedAt);
  }
}

/** The share of an estimate that is left after `elapsedMs`. */
export function decay(elapsedMs: Millis, decayMs: Millis): number {
  if (elapsedMs <= 0) return 1;
  return decayMs > 0 ? Math.exp(-elapsedMs / decayMs) : 0;
}
