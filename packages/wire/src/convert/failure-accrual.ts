// Failure accrual and its backoff. spec/proxy.md §6.5; the ejection settings and retry-after hints are not used.
import type { ExponentialBackoff, FailureAccrual } from '@weft/core';
import type { OutboundExponentialBackoff, OutboundFailureAccrual } from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { shortestFloat } from './number.ts';
import { join, required, type Wire } from './path.ts';
import { durationFromWire, durationToWire } from './time.ts';

const DEFAULT_WINDOW_MS = 10_000;
/** Shorter ones are refused, as in Linkerd: they could not be kept to. */
const MIN_WINDOW_MS = 10;
/** Of a threshold. */
const BASIS_POINTS = 10_000;
const MAX_MIN_REQUESTS = 1_000_000;
const MAX_JITTER = 100;

export function failureAccrualFromWire(wire: OutboundFailureAccrual, at: string): FailureAccrual {
  if (wire.consecutiveFailures) {
    const { maxFailures = 0, backoff } = wire.consecutiveFailures;
    return { kind: 'consecutive', maxFailures, backoff: backoffFromWire(backoff, join(at, 'consecutive_failures.backoff')) };
  }
  if (!wire.unified) throw new ConvertError('KIND_UNKNOWN', join(at, 'kind'));
  const path = join(at, 'unified');
  const { successRateThreshold: threshold = 0, decay, minRequests = 0, maxConsecutiveFailures = 0, backoff } = wire.unified;
  const windowMs = decay ? durationFromWire(decay, join(path, 'decay')) : DEFAULT_WINDOW_MS;
  if (!(threshold >= 0 && threshold <= 1)) throw new ConvertError('VALUE_INVALID', join(path, 'success_rate_threshold'), threshold);
  // One that rounds to nothing is off, and with it the window.
  if (Math.round(threshold * BASIS_POINTS) > 0 && windowMs < MIN_WINDOW_MS) throw new ConvertError('VALUE_INVALID', join(path, 'decay'), windowMs);
  if (minRequests > MAX_MIN_REQUESTS) throw new ConvertError('VALUE_INVALID', join(path, 'min_requests'), minRequests);
  return { kind: 'unified', threshold, windowMs, minRequests, maxConsecutiveFailures, backoff: backoffFromWire(backoff, join(path, 'backoff')) };
}

export function failureAccrualToWire(accrual: FailureAccrual): OutboundFailureAccrual {
  const backoff = backoffToWire(accrual.backoff);
  if (accrual.kind === 'consecutive') return { consecutiveFailures: { maxFailures: accrual.maxFailures, backoff } };
  const { threshold, windowMs, minRequests, maxConsecutiveFailures } = accrual;
  return { unified: { successRateThreshold: threshold, decay: durationToWire(windowMs), minRequests, maxConsecutiveFailures, backoff } };
}

export function backoffFromWire(wire: Wire<OutboundExponentialBackoff>, at: string): ExponentialBackoff {
  const { minBackoff, maxBackoff, jitterRatio = 0 } = required(wire, at);
  const minMs = durationFromWire(minBackoff, join(at, 'min_backoff'));
  const maxMs = durationFromWire(maxBackoff, join(at, 'max_backoff'));
  if (maxMs === 0 || minMs > maxMs) throw new ConvertError('VALUE_INVALID', join(at, 'max_backoff'), maxMs);
  if (!(jitterRatio >= 0 && jitterRatio <= MAX_JITTER)) throw new ConvertError('VALUE_INVALID', join(at, 'jitter_ratio'), jitterRatio);
  return { minMs, maxMs, jitter: shortestFloat(jitterRatio) };
}

export function backoffToWire(backoff: ExponentialBackoff): OutboundExponentialBackoff {
  return { minBackoff: durationToWire(backoff.minMs), maxBackoff: durationToWire(backoff.maxMs), jitterRatio: backoff.jitter };
}
