// How averages forget.
import type { Millis } from '../time/clock.ts';

/** The share of an estimate that is left after `elapsedMs`. */
export function decay(elapsedMs: Millis, decayMs: Millis): number {
  if (elapsedMs <= 0) return 1;
  return decayMs > 0 ? Math.exp(-elapsedMs / decayMs) : 0;
}
