// Timers as engines need them, so that tests can turn the clock by hand.

/** Calls `fire` once after `delayMs`; the returned function cancels it. */
export interface EngineTimers {
  after(delayMs: number, fire: () => void): () => void;
}

/** Node's timers; none keeps the process alive. */
export const systemTimers: EngineTimers = {
  after(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
