// What a failed response costs its endpoint in the penalty variant of Peak-EWMA. spec/proxy.md §6.2, second table.
import { type FieldLookup, isGrpcContentType } from '../classify/classifier.ts';
import { parseGrpcStatus } from '../classify/response-class.ts';
import type { Millis } from '../time/clock.ts';

export interface PenaltyRules {
  readonly penaltyMs: Millis;
  /** Longest hint of the server that is believed. */
  readonly maxRetryAfterMs: Millis;
}

export const DEFAULT_PENALTY: PenaltyRules = { penaltyMs: 5000, maxRetryAfterMs: 300_000 };

/** Resource exhausted and unavailable, as 429 and 503: the server may say for how long. */
const GRPC_WITH_HINT: readonly number[] = [8, 14];
const GRPC_FAILED: readonly number[] = [2, 4, 13, 15];

/**
 * The penalty that the head of a response earns, or undefined where it is no failure. A code that comes in the trailers is too late
 * to count. `wallNow`: for hints that are dates.
 */
export function penaltyOf<F>(status: number, headers: F, lookup: FieldLookup<F>, rules: PenaltyRules, wallNow: Millis): Millis | undefined {
  const { penaltyMs, maxRetryAfterMs } = rules;
  const hinted = (hint: Millis | undefined): Millis => Math.max(penaltyMs, Math.min(hint ?? 0, maxRetryAfterMs));
  if (status === 429 || status === 503) return hinted(retryAfter(lookup(headers, 'retry-after'), wallNow));
  if (status >= 500 && status <= 599) return penaltyMs;
  if (status !== 200 || !isGrpcContentType(lookup(headers, 'content-type'))) return undefined;
  const code = parseGrpcStatus(lookup(headers, 'grpc-status'));
  if (code === undefined) return undefined;
  if (GRPC_WITH_HINT.includes(code)) return hinted(pushback(lookup(headers, 'grpc-retry-pushback-ms')));
  return GRPC_FAILED.includes(code) ? penaltyMs : undefined;
}

/** RFC 9110 §10.2.3: seconds, or a date in one of the three forms of §5.6.7. */
function retryAfter(text: string | undefined, wallNow: Millis): Millis | undefined {
  const value = text?.trim() ?? '';
  if (/^[0-9]{1,10}$/.test(value)) return Number(value) * 1000;
  if (!/^[A-Z][a-z]{2,8},? /.test(value)) return undefined;
  // The oldest form names no zone; all of them mean UTC.
  const at = Date.parse(value.endsWith(' GMT') ? value : `${value} GMT`);
  return Number.isNaN(at) ? undefined : Math.max(0, at - wallNow);
}

/** gRFC A6. A negative value asks not to retry, which says nothing of when. */
function pushback(text: string | undefined): Millis | undefined {
  return text !== undefined && /^[0-9]{1,10}$/.test(text.trim()) ? Number(text) : undefined;
}
