// How often a client may ask its API server: at once as often as the burst says, and then at an even pace. What client-go calls QPS and burst.
import { type Clock, sleep } from '@weft/core';
import { KubeError } from './kube-error.ts';

export interface RequestRate {
  /** Requests per second in the long run, more than 0. */
  readonly qps: number;
  /** Requests that may be sent at once after a pause, at least 1. */
  readonly burst: number;
}

/** A queue beyond this helps nobody: callers have given up by then. */
const LONGEST_WAIT_MS = 10_000;

/** Resolves when one more request may be sent. Rejects with KubeError TOO_MANY_REQUESTS where that would take too long, and with the signal's reason when aborted. */
export function requestRate({ qps, burst }: RequestRate, clock: Clock): (signal?: AbortSignal) => Promise<void> {
  const intervalMs = 1000 / qps;
  const leewayMs = (Math.max(1, burst) - 1) * intervalMs;
  /** When every request so far would have been sent at the even pace. */
  let paced = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const now = clock.now();
    const at = Math.max(paced, now);
    const waitMs = at - now - leewayMs;
    if (waitMs > LONGEST_WAIT_MS) throw new KubeError('TOO_MANY_REQUESTS', `more than ${qps} requests per second are waiting for the API server`);
    paced = at + intervalMs;
    if (waitMs > 0) await sleep(clock, waitMs, signal);
  };
}
