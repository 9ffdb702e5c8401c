// Peak-EWMA that also counts failures: a failed response is recorded as a long one. spec/proxy.md §6.2, penalty variant (HTTP only).
import type { Millis } from '../time/clock.ts';
import { decay } from './decay.ts';
import { LoadTable } from './load-table.ts';
import { DEFAULT_DECAY_MS, DEFAULT_RTT_MS, type PeakEwmaRules } from './peak-ewma.ts';

/** Asking for the cost only projects the decay; peaks are compared with that projection. */
export class PenaltyPeakEwma extends LoadTable {
  protected readonly first: Millis;
  readonly #decayMs: Millis;

  constructor({ defaultRttMs = DEFAULT_RTT_MS, decayMs = DEFAULT_DECAY_MS }: PeakEwmaRules = {}) {
    super();
    this.first = Math.max(1, defaultRttMs);
    this.#decayMs = Math.max(1, decayMs);
  }

  cost(row: number, now: Millis): number {
    return this.#projected(row, now) * (this.inFlight(row) + 1);
  }

  peek(row: number, now: Millis): number {
    return this.cost(row, now);
  }

  protected sample(row: number, now: Millis, rttMs: Millis): void {
    const projected = this.#projected(row, now);
    this.store(row, now, projected < rttMs ? rttMs : projected + rttMs * (1 - decay(this.age(row, now), this.#decayMs)));
  }

  /** A lower penalty than what is projected would attract requests. */
  protected penalty(row: number, now: Millis, _elapsedMs: Millis, penaltyMs: Millis): Millis {
    return Math.max(penaltyMs, this.#projected(row, now));
  }

  #projected(row: number, now: Millis): Millis {
    return this.stored(row) * decay(this.age(row, now), this.#decayMs);
  }
}
