// Which results of a request are tried again, and how often. spec/proxy.md §7.6.
import type { StatusRange } from '../classify/classifier.ts';
import type { ExponentialBackoff, GrpcRetryConditions, HttpRetryConditions, Retry } from '../domain/client-policy.ts';
import type { Millis } from '../time/clock.ts';

/** A policy of either kind, or what a request asked for. Built once per rule, or per request that changes it. */
export interface RetryPolicy {
  /** Tries beyond the first. */
  readonly maxRetries: number;
  readonly maxBodyBytes: number;
  /** HTTP statuses that are tried again; undefined: none. */
  readonly statuses: readonly StatusRange[] | undefined;
  /** gRPC codes that are tried again; undefined: none. */
  readonly codes: readonly number[] | undefined;
  /** For the response head, from the end of the request on; of every try but the last. */
  readonly timeoutMs: Millis | undefined;
  readonly backoff: ExponentialBackoff | undefined;
}

export function httpRetryPolicy({ conditions, ...rest }: Retry<HttpRetryConditions>): RetryPolicy {
  return { ...common(rest), statuses: conditions.statusRanges, codes: undefined };
}

export function grpcRetryPolicy({ conditions, ...rest }: Retry<GrpcRetryConditions>): RetryPolicy {
  return { ...common(rest), statuses: undefined, codes: conditions.codes };
}

function common(retry: Omit<Retry<unknown>, 'conditions'>): Pick<RetryPolicy, 'maxRetries' | 'maxBodyBytes' | 'timeoutMs' | 'backoff'> {
  return { maxRetries: retry.maxRetries, maxBodyBytes: retry.maxRequestBytes, timeoutMs: retry.timeoutMs, backoff: retry.backoff };
}

/** `grpcStatus`: as far as it is known. */
export function isRetryable(policy: RetryPolicy, status: number, grpcStatus: number | undefined): boolean {
  if (grpcStatus !== undefined && policy.codes?.includes(grpcStatus) === true) return true;
  return policy.statuses?.some(({ start, end }) => status >= start && status <= end) === true;
}
