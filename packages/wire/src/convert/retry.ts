// Retries and timeouts of outbound rules. spec/proxy.md §7.5, §7.6.
import type { GrpcRetryConditions, HttpRetryConditions, HttpRule, Retry } from '@weft/core';
import type {
  GoogleDuration,
  HttpRouteTimeouts,
  OutboundExponentialBackoff,
  OutboundGrpcRouteRetryConditions,
  OutboundHttpRouteRetryConditions,
} from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { backoffFromWire, backoffToWire } from './failure-accrual.ts';
import { each, join, optional, type Wire } from './path.ts';
import { optionalDurationFromWire, optionalDurationToWire } from './time.ts';

/** The Retry messages of HTTP and gRPC routes. */
export interface WireRetry<W> {
  readonly maxRetries?: number | undefined;
  readonly maxRequestBytes?: number | undefined;
  readonly conditions?: W | null | undefined;
  readonly timeout?: GoogleDuration | null | undefined;
  readonly backoff?: OutboundExponentialBackoff | null | undefined;
}

export type ConditionsFrom<W, C> = (wire: Wire<W>, at: string) => C;

export function retryFromWire<W, C>(wire: WireRetry<W>, at: string, conditionsFrom: ConditionsFrom<W, C>): Retry<C> {
  return {
    maxRetries: wire.maxRetries ?? 0,
    maxRequestBytes: wire.maxRequestBytes ?? 0,
    conditions: conditionsFrom(wire.conditions, join(at, 'conditions')),
    timeoutMs: optionalDurationFromWire(wire.timeout, join(at, 'timeout')),
    backoff: optional(wire.backoff, join(at, 'backoff'), backoffFromWire),
  };
}

export function retryToWire<W, C>(retry: Retry<C>, conditionsTo: (conditions: C) => W): WireRetry<W> {
  return {
    maxRetries: retry.maxRetries,
    maxRequestBytes: retry.maxRequestBytes,
    conditions: conditionsTo(retry.conditions),
    timeout: optionalDurationToWire(retry.timeoutMs),
    backoff: retry.backoff && backoffToWire(retry.backoff),
  };
}

export function httpConditionsFromWire(wire: Wire<OutboundHttpRouteRetryConditions>, at: string): HttpRetryConditions {
  return {
    statusRanges: each(wire?.statusRanges, join(at, 'status_ranges'), ({ start = 0, end = 0 }, path) => {
      if (start > 65535 || end > 65535) throw new ConvertError('VALUE_INVALID', path, `${start}-${end}`);
      return { start, end };
    }),
  };
}

export function httpConditionsToWire(conditions: HttpRetryConditions): OutboundHttpRouteRetryConditions {
  return { statusRanges: conditions.statusRanges };
}

/** Field numbers are status codes; the misspelling is the API's. */
const CODES = [
  ['cancelled', 1],
  ['deadineExceeded', 4],
  ['resourceExhausted', 8],
  ['internal', 13],
  ['unavailable', 14],
] as const;

export function grpcConditionsFromWire(wire: Wire<OutboundGrpcRouteRetryConditions>): GrpcRetryConditions {
  return { codes: CODES.filter(([name]) => wire?.[name]).map(([, code]) => code) };
}

export function grpcConditionsToWire(conditions: GrpcRetryConditions): OutboundGrpcRouteRetryConditions {
  const names = conditions.codes.map((code) => {
    const found = CODES.find(([, known]) => known === code);
    if (!found) throw new ConvertError('KIND_UNSUPPORTED', 'retry.conditions.codes', code);
    return [found[0], true] as const;
  });
  return Object.fromEntries(names);
}

type RuleTimeouts = HttpRule<unknown, unknown>['timeouts'];

/** `requestTimeout` is the deprecated form of `timeouts.request` and counts only where that is absent. */
export function timeoutsFromWire(wire: Wire<HttpRouteTimeouts>, requestTimeout: Wire<GoogleDuration>, at: string): RuleTimeouts {
  return {
    requestMs: optionalDurationFromWire(wire?.request ?? requestTimeout, join(at, wire?.request ? 'timeouts.request' : 'requestTimeout')),
    responseMs: optionalDurationFromWire(wire?.response, join(at, 'timeouts.response')),
    idleMs: optionalDurationFromWire(wire?.idle, join(at, 'timeouts.idle')),
  };
}

export function timeoutsToWire({ requestMs, responseMs, idleMs }: RuleTimeouts): HttpRouteTimeouts | undefined {
  if (requestMs === undefined && responseMs === undefined && idleMs === undefined) return undefined;
  return { request: optionalDurationToWire(requestMs), response: optionalDurationToWire(responseMs), idle: optionalDurationToWire(idleMs) };
}
