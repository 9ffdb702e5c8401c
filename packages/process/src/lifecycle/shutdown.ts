// Ordered shutdown: what was opened last is closed first, within a grace period.
import { type Clock, type Logger, type Millis, silentLogger, systemClock } from '@weft/core';

/** Closes one thing. The signal aborts when the grace period is over or the shutdown is forced: then cut off instead of waiting. */
export type ShutdownStep = (force: AbortSignal) => Promise<void> | void;

export interface Shutdown {
  /** Aborted when the shutdown begins. */
  readonly signal: AbortSignal;
  /** Registers a step; steps run one after the other, the last registered first. Registered during a shutdown, it runs at once. Returns its removal. */
  add(name: string, step: ShutdownStep): () => void;
  /** Begins, and resolves when all steps are done or cut off. Further calls join the running one. Never rejects: failing steps are logged. */
  begin(reason: string): Promise<ShutdownOutcome>;
  /** Ends the grace period now, beginning the shutdown if need be. */
  force(reason: string): void;
}

/** `forced`: the grace period was over before the steps were. */
export type ShutdownOutcome = 'clean' | 'forced';

export interface ShutdownOptions {
  /** For all steps together, in milliseconds. Default 10,000. */
  readonly graceMs?: Millis;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

interface Step {
  readonly name: string;
  readonly run: ShutdownStep;
}

export function createShutdown(options: ShutdownOptions = {}): Shutdown {
  const { graceMs = 10_000, logger = silentLogger, clock = systemClock() } = options;
  const started = new AbortController();
  const forced = new AbortController();
  const steps: Step[] = [];
  let outcome: Promise<ShutdownOutcome> | undefined;

  const runStep = async (step: Step): Promise<void> => {
    try {
      await step.run(forced.signal);
    } catch (error) {
      logger.log('error', 'a shutdown step failed', { step: step.name, error });
    }
  };
  const run = async (reason: string): Promise<ShutdownOutcome> => {
    logger.log('info', 'shutting down', { reason });
    const timer = clock.after(graceMs, () => forced.abort(new Error('the grace period is over')));
    const whenForced = new Promise<void>((resolve) => forced.signal.addEventListener('abort', () => resolve(), { once: true }));
    started.abort(new Error(`shutting down: ${reason}`));
    for (let step = steps.pop(); step; step = steps.pop()) {
      // Once forced, a step gets its turn but is not waited for beyond what it does at once.
      await Promise.race([runStep(step), whenForced]);
      if (forced.signal.aborted) logger.log('warn', 'a shutdown step was cut off', { step: step.name });
    }
    timer.cancel();
    return forced.signal.aborted ? 'forced' : 'clean';
  };
  const begin = (reason: string): Promise<ShutdownOutcome> => (outcome ??= run(reason));

  return {
    signal: started.signal,
    add(name, step) {
      const entry: Step = { name, run: step };
      if (outcome) {
        void runStep(entry);
        return () => undefined;
      }
      steps.push(entry);
      return () => {
        const index = steps.indexOf(entry);
        if (index >= 0) steps.splice(index, 1);
      };
    },
    begin,
    force(reason) {
      void begin(reason);
      forced.abort(new Error(reason));
    },
  };
}
