// Peak-EWMA: a moving average of response times that jumps up at once and comes down slowly, times requests in flight. spec/proxy.md §6.2.
import type { Millis } from '../time/clock.ts';
import { decay } from './decay.ts';
import { LoadTable } from './load-table.ts';

export interface PeakEwmaRules {
  /** The estimate before the first sample, at least 1. Default 30 ms, what Linkerd's proxy uses, so that mixed fleets balance alike. */
  readonly defaultRttMs?: Millis | undefined;
  /** Time constant of the decay. Default 10 s, for the same reason. */
  readonly decayMs?: Millis | undefined;
}

export const DEFAULT_RTT_MS: Millis = 30;
export const DEFAULT_DECAY_MS: Millis = 10_000;

/** The plain estimate: cost is estimate · (in flight + 1), and asking for it decays what is stored. */
export class PeakEwma extends LoadTable {
  protected readonly first: Millis;
  readonly #decayMs: Millis;

  constructor({ defaultRttMs = DEFAULT_RTT_MS, decayMs = DEFAULT_DECAY_MS }: PeakEwmaRules = {}) {
    super();
    this.first = Math.max(1, defaultRttMs);
    this.#decayMs = decayMs;
  }

  cost(row: number, now: Millis): number {
    this.sample(row, now, 0);
    return this.stored(row) * (this.inFlight(row) + 1);
  }

  peek(row: number, now: Millis): number {
    return this.stored(row) * decay(this.age(row, now), this.#decayMs) * (this.inFlight(row) + 1);
  }

  protected sample(row: number, now: Millis, rttMs: Millis): void {
    const estimate = this.stored(row);
    if (estimate < rttMs) {
      this.store(row, now, rttMs);
      return;
    }
    const kept = decay(this.age(row, now), this.#decayMs);
    this.store(row, now, estimate * kept + rttMs * (1 - kept));
  }

  protected penalty(_row: number, _now: Millis, elapsedMs: Millis): Millis {
    return elapsedMs;
  }
}
