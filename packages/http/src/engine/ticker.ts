// Turns for what must look at the clock now and then: one timer for all, and a faster one only for those that ask for it.
import type { EngineTimers } from '../exchange/timers.ts';

export interface Ticked {
  tick(): void;
}

const TICK_MS = 1000;

export class Ticker {
  private readonly timers: EngineTimers;
  private readonly all = new Set<Ticked>();
  private running = false;

  constructor(timers: EngineTimers) {
    this.timers = timers;
  }

  /** Returns what ends it. With a keep-alive the turns are as close as its times need. */
  add(one: Ticked, keepAlive: { readonly intervalMs: number; readonly timeoutMs: number } | undefined): () => void {
    const everyMs = keepAlive === undefined ? TICK_MS : Math.min(keepAlive.intervalMs, keepAlive.timeoutMs);
    if (everyMs < TICK_MS) return this.repeat(one, Math.max(1, everyMs));
    this.all.add(one);
    if (!this.running) this.run();
    return () => this.all.delete(one);
  }

  private run(): void {
    this.running = true;
    this.timers.after(TICK_MS, () => {
      for (const one of this.all) one.tick();
      if (this.all.size > 0) this.run();
      else this.running = false;
    });
  }

  private repeat(one: Ticked, everyMs: number): () => void {
    let stopped = false;
    let cancel: () => void = () => undefined;
    const again = (): void => {
      cancel = this.timers.after(everyMs, () => {
        one.tick();
        if (!stopped) again();
      });
    };
    again();
    return () => {
      stopped = true;
      cancel();
    };
  }
}
