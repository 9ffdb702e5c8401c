// Waiting times between attempts, growing and spread. spec/proxy.md §5.3.
import type { ExponentialBackoff } from '../domain/client-policy.ts';
import { type Random, systemRandom } from '../ports/random.ts';
import type { Millis } from '../time/clock.ts';

/** Kept by one who retries: asked before each wait, reset after a success. */
export interface Backoff {
  /** How long to wait before the next attempt. */
  next(): Millis;
  /** Starts again at the minimum. */
  reset(): void;
}

export interface BackoffOptions extends ExponentialBackoff {
  /** Default: the system's. */
  readonly random?: Random;
}

/** `base = min(minMs·2ⁿ, maxMs)`; the wait is uniform in [base, base + jitter·base], never above maxMs. Throws on a range that makes no sense. */
export function exponentialBackoff(options: BackoffOptions): Backoff {
  const { minMs, maxMs, jitter, random = systemRandom } = options;
  if (!(minMs >= 0) || !(maxMs > 0) || !(minMs <= maxMs) || !Number.isFinite(maxMs)) throw new RangeError(`backoff from ${minMs} ms to ${maxMs} ms`);
  if (!(jitter >= 0) || !Number.isFinite(jitter)) throw new RangeError(`backoff jitter ${jitter}`);
  let base = minMs;
  return {
    next() {
      const wait = Math.min(base + random.next() * jitter * base, maxMs);
      base = Math.min(base * 2, maxMs);
      return wait;
    },
    reset() {
      base = minMs;
    },
  };
}
