// How often a peer may do what costs us work and gains it nothing: a token bucket that looks at the clock only when it is empty.

/** So many at once, and so many a second on average. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Monotonic time in milliseconds. */
export interface MonotonicClock {
  now(): number;
}

export class Budget {
  private tokens: number;
  private readonly rate: Rate;
  private readonly clock: MonotonicClock;
  private refilledAt: number;

  constructor(rate: Rate, clock: MonotonicClock) {
    this.rate = rate;
    this.clock = clock;
    this.tokens = rate.burst;
    this.refilledAt = clock.now();
  }

  /** Takes one token; false when there is none. */
  spend(): boolean {
    if (this.tokens < 1) this.refill();
    if (this.tokens < 1) return false;
    this.tokens--;
    return true;
  }

  /** Gives tokens back for useful work, up to the burst. */
  earn(tokens: number): void {
    this.tokens = Math.min(this.rate.burst, this.tokens + tokens);
  }

  private refill(): void {
    const now = this.clock.now();
    this.earn(((now - this.refilledAt) * this.rate.perSecond) / 1000);
    this.refilledAt = now;
  }
}
