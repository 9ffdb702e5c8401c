// A queue of keys whose work is done one at a time; a key that is queued again while waiting is worked on once, one whose
// work failed comes back after a growing pause. The shape of every controller here.
import type { Clock, Logger } from '@weft/core';

export interface Reconciler {
  enqueue(key: string): void;
  /** Drops what waits and resolves when the present work has ended. */
  close(): Promise<void>;
}

export interface ReconcilerOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Brings one object to its desired state. May throw; it is called again. */
  readonly reconcile: (key: string) => Promise<void>;
}

const FIRST_RETRY_MS = 50;
const LAST_RETRY_MS = 10_000;

export function reconciler(options: ReconcilerOptions): Reconciler {
  const { clock, logger } = options;
  const queue = new Set<string>();
  const failures = new Map<string, number>();
  let running: Promise<void> | undefined;
  let closed = false;

  const work = async (): Promise<void> => {
    for (const key of queue) {
      if (closed) break;
      queue.delete(key);
      try {
        await options.reconcile(key);
        failures.delete(key);
      } catch (error) {
        if (closed) break;
        const count = (failures.get(key) ?? 0) + 1;
        failures.set(key, count);
        logger.log(count > 3 ? 'warn' : 'debug', 'reconciling failed, will be tried again', { controller: options.name, key, error });
        clock.after(Math.min(FIRST_RETRY_MS * 2 ** (count - 1), LAST_RETRY_MS), () => enqueue(key));
      }
    }
    running = undefined;
  };

  const enqueue = (key: string): void => {
    if (closed) return;
    queue.add(key);
    running ??= Promise.resolve().then(work);
  };

  return {
    enqueue,
    async close() {
      closed = true;
      queue.clear();
      await running;
    },
  };
}
