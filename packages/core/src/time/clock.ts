// Time as a port: monotonic time, wall time and timers, kept apart.

/** Milliseconds, fractions allowed. On the monotonic scale unless a name says wall or epoch. */
export type Millis = number;

export interface Timer {
  /** Stops the timer; harmless when it has fired or was cancelled. */
  cancel(): void;
}

/** Everything that waits or measures takes one of these. Tests pass `manualClock`. */
export interface Clock {
  /** Monotonic time in milliseconds from an arbitrary origin; for durations only. */
  now(): Millis;
  /** Wall time in milliseconds since the Unix epoch; for timestamps and certificate lifetimes only. */
  wall(): Millis;
  /** Calls `fn` once after `delayMs`. Does not keep the process alive by itself. */
  after(delayMs: Millis, fn: () => void): Timer;
}

// The global is an accessor, which is no good for what is asked three times a request.
const { performance } = globalThis;

/** setTimeout counts in a signed 32-bit integer; longer delays are walked in steps. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export function systemClock(): Clock {
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    after(delayMs, fn) {
      const end = performance.now() + delayMs;
      const step = (remaining: Millis): NodeJS.Timeout => {
        const timeout = setTimeout(
          () => {
            const left = end - performance.now();
            if (remaining > MAX_DELAY_MS && left > 0) handle = step(left);
            else fn();
          },
          Math.min(remaining, MAX_DELAY_MS),
        );
        timeout.unref();
        return timeout;
      };
      let handle = step(Math.max(0, delayMs));
      return { cancel: () => clearTimeout(handle) };
    },
  };
}

/** Resolves after `ms` on the given clock; rejects with the signal's reason when aborted. */
export function sleep(clock: Clock, ms: Millis, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortReason(signal));
    const onAbort = (): void => {
      timer.cancel();
      reject(abortReason(signal));
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}
