// What a request may ask for in `l5d-*` headers, where its route allows it. spec/proxy.md §7.6. A value that cannot be read asks for nothing.
import type { StatusRange } from '../classify/classifier.ts';
import { parseDuration } from '../config/duration.ts';
import type { HttpRule } from '../domain/client-policy.ts';
import type { RetryPolicy } from './retry-policy.ts';

export type RequestOption =
  | 'l5d-retry-http'
  | 'l5d-retry-grpc'
  | 'l5d-retry-limit'
  | 'l5d-retry-timeout'
  | 'l5d-timeout'
  | 'l5d-request-timeout'
  | 'l5d-response-timeout';

export type Timeouts = HttpRule<unknown, unknown>['timeouts'];

/** Reads a header and takes all its lines out of the request; the first counts. */
export type TakeOption = (name: RequestOption) => string | undefined;

/** Where a request asks for retries on its own. */
const ASKED: RetryPolicy = {
  maxRetries: 1,
  maxBodyBytes: 64 * 1024,
  statuses: undefined,
  codes: undefined,
  timeoutMs: undefined,
  backoff: { minMs: 25, maxMs: 250, jitter: 1 },
};

/** The policy of the route with what the request changes about it; each header changes a field of its own. */
export function takeRetryOptions(policy: RetryPolicy | undefined, take: TakeOption): RetryPolicy | undefined {
  const statuses = parsed(take('l5d-retry-http'), parseStatuses);
  const codes = parsed(take('l5d-retry-grpc'), parseCodes);
  const maxRetries = parsed(take('l5d-retry-limit'), parseLimit);
  const timeoutMs = parsed(take('l5d-retry-timeout'), parseDuration);
  if (statuses === undefined && codes === undefined && maxRetries === undefined && timeoutMs === undefined) return policy;
  const base = policy ?? ASKED;
  return {
    ...base,
    statuses: statuses ?? base.statuses,
    codes: codes ?? base.codes,
    maxRetries: maxRetries ?? base.maxRetries,
    timeoutMs: timeoutMs ?? base.timeoutMs,
  };
}

export function takeTimeoutOptions(timeouts: Timeouts, take: TakeOption): Timeouts {
  const short = parsed(take('l5d-timeout'), parseDuration);
  const requestMs = parsed(take('l5d-request-timeout'), parseDuration) ?? short;
  const responseMs = parsed(take('l5d-response-timeout'), parseDuration);
  if (requestMs === undefined && responseMs === undefined) return timeouts;
  return { ...timeouts, requestMs: requestMs ?? timeouts.requestMs, responseMs: responseMs ?? timeouts.responseMs };
}

function parsed<T>(text: string | undefined, parse: (text: string) => T | undefined): T | undefined {
  return text === undefined ? undefined : parse(text);
}

/** Items are not trimmed, and those that are unknown do not count. */
function parseStatuses(text: string): StatusRange[] {
  return text.split(',').flatMap((item) => statusesOf(item) ?? []);
}

function statusesOf(item: string): StatusRange | undefined {
  const name = item.toLowerCase();
  if (name === '5xx') return { start: 500, end: 599 };
  if (name === 'gateway-error') return { start: 502, end: 504 };
  const dash = item.indexOf('-');
  const start = statusOf(dash < 0 ? item : item.slice(0, dash));
  const end = dash < 0 ? start : statusOf(item.slice(dash + 1));
  return start !== undefined && end !== undefined && start <= end ? { start, end } : undefined;
}

function statusOf(text: string): number | undefined {
  const status = parseWhole(text);
  return status !== undefined && status >= 100 && status < 600 ? status : undefined;
}

const CODES: ReadonlyMap<string, number> = new Map([
  ['cancelled', 1],
  ['deadline-exceeded', 4],
  ['resource-exhausted', 8],
  ['internal', 13],
  ['unavailable', 14],
]);

function parseCodes(text: string): number[] {
  return text.split(',').flatMap((item) => CODES.get(item.toLowerCase()) ?? []);
}

/** Beyond what is safe to count the limit is as good as none. */
function parseLimit(text: string): number | undefined {
  return parseWhole(text);
}

/** As Linkerd's proxy reads whole numbers: digits, with a plus before them or not. */
function parseWhole(text: string): number | undefined {
  if (!/^\+?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
