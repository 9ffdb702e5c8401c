// Time for pools of idle connections: one timer for all pools that keep them equally long. With a timer for each of a thousand pools more than a
// thousand would fire every second.
import type { EngineTimers } from '../exchange/timers.ts';

/** What keeps idle connections. */
export interface IdlePool {
  /** Lets go of those that are due. False when none is left: the pool is not asked again until it is added again. */
  expire(): boolean;
}

/** An idle connection lives for its time and up to a quarter more. */
const TICKS = 4;

export class IdleClock {
  /** In ticks, a quarter of the lifetime each. Stands while no pool keeps a connection. */
  now = 0;
  private readonly timers: EngineTimers;
  private readonly tickMs: number;
  private readonly pools = new Set<IdlePool>();
  private cancel: (() => void) | null = null;

  constructor(timers: EngineTimers, lifeMs: number) {
    this.timers = timers;
    this.tickMs = Math.max(1, lifeMs / TICKS);
  }

  /** Whether what has been idle since this tick has lived its time. */
  isDue(since: number): boolean {
    return this.now - since > TICKS;
  }

  add(pool: IdlePool): void {
    this.pools.add(pool);
    this.cancel ??= this.timers.after(this.tickMs, () => this.tick());
  }

  delete(pool: IdlePool): void {
    this.pools.delete(pool);
    if (this.pools.size > 0) return;
    this.cancel?.();
    this.cancel = null;
  }

  private tick(): void {
    this.now += 1;
    for (const pool of this.pools) if (!pool.expire()) this.pools.delete(pool);
    // A pool that was added meanwhile may have started it.
    this.cancel?.();
    this.cancel = this.pools.size === 0 ? null : this.timers.after(this.tickMs, () => this.tick());
  }
}

/** A clock for each lifetime that is configured. */
export class IdleClocks {
  private readonly timers: EngineTimers;
  private readonly byLife = new Map<number, IdleClock>();

  constructor(timers: EngineTimers) {
    this.timers = timers;
  }

  of(lifeMs: number): IdleClock {
    let clock = this.byLife.get(lifeMs);
    if (clock === undefined) {
      clock = new IdleClock(this.timers, lifeMs);
      this.byLife.set(lifeMs, clock);
    }
    return clock;
  }
}
