// Timers that tests fire.
import type { EngineTimers } from '../exchange/timers.ts';

interface Waiting {
  readonly delayMs: number;
  readonly fire: () => void;
}

export interface ManualTimers {
  readonly timers: EngineTimers;
  /** Neither fired nor cancelled. */
  readonly waiting: Waiting[];
  /** Fires what is waiting now. */
  fireAll(): void;
}

export function manualTimers(): ManualTimers {
  const waiting: Waiting[] = [];
  const timers: EngineTimers = {
    after(delayMs, fire) {
      const timer = { delayMs, fire };
      waiting.push(timer);
      return () => void waiting.splice(waiting.indexOf(timer), waiting.includes(timer) ? 1 : 0);
    },
  };
  return {
    timers,
    waiting,
    fireAll() {
      for (const { fire } of waiting.splice(0)) fire();
    },
  };
}
