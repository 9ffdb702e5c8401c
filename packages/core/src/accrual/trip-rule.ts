// When a breaker trips and what a probe must be, per policy. spec/proxy.md §6.5, second table.
import type { ResponseClass } from '../classify/response-class.ts';
import type { FailureAccrual } from '../domain/client-policy.ts';
import type { Millis } from '../time/clock.ts';
import { SuccessWindow } from './success-window.ts';

/** Fed with the responses of one endpoint while it takes requests. */
export interface TripRule {
  /** What made the breaker trip, as the reason shows it; undefined while it holds. */
  record(response: ResponseClass, now: Millis): Trip | undefined;
  /** Whether this answer to a probe shows that the endpoint has recovered. */
  recovers(response: ResponseClass): boolean;
  /** The endpoint takes requests again, and nothing is held against it. */
  reset(now: Millis): void;
}

export type Trip =
  | { readonly kind: 'consecutive'; readonly failures: number }
  | { readonly kind: 'success-rate'; readonly successes: number; readonly total: number };

export function tripRule(policy: FailureAccrual, now: Millis): TripRule {
  if (policy.kind === 'consecutive') return consecutiveFailures(policy.maxFailures);
  return unified(policy, now);
}

/** Zero never trips. */
function consecutiveFailures(max: number): TripRule {
  let failures = 0;
  return {
    record({ failure }) {
      failures = failure ? failures + 1 : 0;
      return max > 0 && failures >= max ? { kind: 'consecutive', failures } : undefined;
    },
    recovers: ({ failure }) => !failure,
    reset() {
      failures = 0;
    },
  };
}

/** Thresholds are carried as doubles and mean basis points. */
const BASIS_POINTS = 10_000;

/**
 * Failures in a row, or too few successes in the window. What is rate-limited lowers the success rate without being a failure in a row,
 * and as the answer to a probe keeps the breaker shut.
 */
function unified(policy: Extract<FailureAccrual, { kind: 'unified' }>, now: Millis): TripRule {
  const inARow = consecutiveFailures(policy.maxConsecutiveFailures);
  const threshold = Math.round(policy.threshold * BASIS_POINTS) / BASIS_POINTS;
  const window = threshold > 0 ? new SuccessWindow(policy.windowMs, now) : undefined;
  const succeeds = ({ failure, rateLimited }: ResponseClass): boolean => !failure && !rateLimited;
  return {
    record(response, at) {
      window?.record(succeeds(response), at);
      const trip = inARow.record(response, at);
      if (trip || !window) return trip;
      const { successes, total } = window;
      return total >= policy.minRequests && successes / total < threshold ? { kind: 'success-rate', successes, total } : undefined;
    },
    recovers: succeeds,
    reset(at) {
      inARow.reset(at);
      window?.reset(at);
    },
  };
}
