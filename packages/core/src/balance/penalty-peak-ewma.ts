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

  dispatch(now: Millis): Dispatch {
    this.#inFlight++;
    return new CountedDispatch(this, now);
  }

  finished(now: Millis, elapsedMs: Millis): void {
    this.#inFlight--;
    const projected = this.#projected(now);
    const estimate = projected < elapsedMs ? elapsedMs : projected + elapsedMs * (1 - decay(now - this.#updatedAt, this.#decayMs));
    this.#store(now, estimate);
  }

  penalized(now: Millis, _elapsedMs: Millis, penaltyMs: Millis): void {
    this.#inFlight--;
    this.#store(now, Math.max(penaltyMs, this.#projected(now)));
  }

  #projected(now: Millis): Millis {
    return this.#estimate * decay(now - this.#updatedAt, this.#decayMs);
  }

  #store(now: Millis, estimate: Millis): void {
    this.#estimate = estimate;
    this.#updatedAt = Math.max(now, this.#updatedAt);
  }
}

export interface PenaltyRules {
  readonly penaltyMs: Millis;
  /** Longest hint of the server that is believed. */
  readonly maxRetryAfterMs: Millis;
}

export const DEFAULT_PENALTY: PenaltyRules = { penaltyMs: 5000, maxRetryAfterMs: 300_000 };

/** What the head of a response says; `grpcStatus` only of an HTTP 200 with content-type application/grpc, and only from its headers. */
export interface ResponseVerdict {
  readonly status: number;
  readonly grpcStatus?: number | undefined;
  /** From `retry-after` or the gRPC retry pushback. */
  readonly retryAfterMs?: Millis | undefined;
}

/** The penalty that a response earns, or undefined when it is no failure. */
export function penaltyOf(response: ResponseVerdict, rules: PenaltyRules = DEFAULT_PENALTY): Millis | undefined {
  const { status, grpcStatus, retryAfterMs } = response;
  if (status === 429 || status === 503 || grpcStatus === 8 || grpcStatus === 14) {
    return retryAfterMs === undefined ? rules.penaltyMs : Math.max(rules.penaltyMs, Math.min(retryAfterMs, rules.maxRetryAfterMs));
  }
  const failed = (status >= 500 && status <= 599) || grpcStatus === 2 || grpcStatus === 4 || grpcStatus === 13 || grpcStatus === 15;
  return failed ? rules.penaltyMs : undefined;
}
