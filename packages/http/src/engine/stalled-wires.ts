// Wires whose peer does not take what was written: HTTP gives it a time for that, and tunnels do not. design.md §4.
import type { EngineTimers } from '../exchange/timers.ts';

/** What may be stalled. */
export interface Stallable {
  destroy(error: Error): void;
}

/** How often a limit is looked at: a peer has its time and up to a quarter more. */
const LOOKS = 4;

export class StalledWires {
  private readonly timers: EngineTimers;
  private readonly limitMs: number;
  /** With the number of looks that each has been stalled for. */
  private readonly waiting = new Map<Stallable, number>();
  private running = false;

  /** `limitMs` 0: no limit. */
  constructor(timers: EngineTimers, limitMs: number) {
    this.timers = timers;
    this.limitMs = limitMs;
  }

  add(wire: Stallable): void {
    if (this.limitMs === 0) return;
    this.waiting.set(wire, 0);
    if (!this.running) this.run();
  }

  delete(wire: Stallable): void {
    this.waiting.delete(wire);
  }

  private run(): void {
    this.running = true;
    this.timers.after(this.limitMs / LOOKS, () => this.look());
  }

  private look(): void {
    for (const [wire, looks] of this.waiting) {
      if (looks < LOOKS) this.waiting.set(wire, looks + 1);
      else {
        this.waiting.delete(wire);
        wire.destroy(new Error(`peer has not read for ${this.limitMs} ms`));
      }
    }
    if (this.waiting.size > 0) this.run();
    else this.running = false;
  }
}
