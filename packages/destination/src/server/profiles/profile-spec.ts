// The specification of a ServiceProfile as domain values. What cannot be understood refuses the whole. spec/control-plane.md §1.10, §1.11.
import {
  type Logger,
  type ProfileRoute,
  parseGoDuration,
  type RequestCondition,
  type ResponseCondition,
  type RetryBudget,
  type WeightedTarget,
} from '@weft/core';
import type { ProfileRequestMatch, ProfileResponseMatch, ServiceProfile, ServiceProfileRoute } from '@weft/kube';
import { milliOf } from './quantity.ts';

export interface ProfileSpec {
  readonly routes: readonly ProfileRoute[];
  readonly retryBudget: RetryBudget;
  /** Weights in tenths of a thousandth; authorities without port get that of the lookup. */
  readonly overrides: readonly WeightedTarget[];
}

export const DEFAULT_BUDGET: RetryBudget = { retryRatio: 0.2, minRetriesPerSecond: 10, ttlMs: 10_000 };

/** A part of a profile that cannot be understood. */
export class ProfileSpecError extends Error {
  override readonly name = 'ProfileSpecError';
  /** Below `spec`. */
  readonly field: string;
  readonly problem: string;

  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.field = field;
    this.problem = problem;
  }
}

/** Throws ProfileSpecError. A timeout that cannot be read is logged and counts as none. */
export function profileSpecOf({ metadata, spec }: ServiceProfile, port: number, logger: Logger): ProfileSpec {
  const { retryBudget } = spec;
  const badTimeout = (timeout: string): void =>
    logger.log('warn', 'a timeout of a ServiceProfile cannot be read', { name: metadata.name, namespace: metadata.namespace, timeout });
  return {
    routes: (spec.routes ?? []).map((route, index) => routeOf(route, `routes[${index}]`, badTimeout)),
    retryBudget: retryBudget
      ? { retryRatio: retryBudget.retryRatio ?? 0, minRetriesPerSecond: retryBudget.minRetriesPerSecond ?? 0, ttlMs: ttlOf(retryBudget.ttl) }
      : DEFAULT_BUDGET,
    overrides: (spec.dstOverrides ?? []).map(({ authority, weight }, index) => {
      const milli = milliOf(weight);
      if (milli === undefined || milli < 0) throw new ProfileSpecError(`dstOverrides[${index}].weight`, `${JSON.stringify(weight)} is not a weight`);
      return { authority: /:[0-9]+$/.test(authority) ? authority : `${authority}:${port}`, weight: milli * 10 };
    }),
  };
}

function ttlOf(text: string | undefined): number {
  const ttl = parseGoDuration(text ?? '');
  if (ttl === undefined) throw new ProfileSpecError('retryBudget.ttl', `${JSON.stringify(text ?? '')} is not a duration`);
  return ttl;
}

function routeOf(route: ServiceProfileRoute, at: string, badTimeout: (text: string) => void): ProfileRoute {
  const { name, condition, responseClasses = [], isRetryable = false, timeout = '' } = route;
  const timeoutMs = timeout === '' ? 0 : parseGoDuration(timeout);
  if (timeoutMs === undefined) badTimeout(timeout);
  return {
    condition: requestCondition(condition, `${at}.condition`),
    responseClasses: responseClasses.map((one, index) => ({
      condition: responseCondition(one.condition, `${at}.responseClasses[${index}].condition`),
      isFailure: one.isFailure ?? false,
    })),
    labels: { route: name },
    isRetryable,
    ...(timeoutMs ? { timeoutMs } : {}),
  };
}

/** Several fields mean all of them, in a fixed order; exactly one means itself. */
function requestCondition(match: ProfileRequestMatch | undefined, at: string): RequestCondition {
  const { all, any, method, not, pathRegex } = match ?? {};
  const of: RequestCondition[] = [];
  if (all) of.push({ kind: 'all', of: all.map((one, index) => requestCondition(one, `${at}.all[${index}]`)) });
  if (any) of.push({ kind: 'any', of: any.map((one, index) => requestCondition(one, `${at}.any[${index}]`)) });
  if (method) of.push({ kind: 'method', method });
  for (const one of listOf(not)) of.push({ kind: 'not', of: requestCondition(one, `${at}.not`) });
  if (pathRegex) of.push({ kind: 'path', regex: pathRegex });
  return together(of, at);
}

function responseCondition(match: ProfileResponseMatch | undefined, at: string): ResponseCondition {
  const { all, any, not, status } = match ?? {};
  const of: ResponseCondition[] = [];
  if (all) of.push({ kind: 'all', of: all.map((one, index) => responseCondition(one, `${at}.all[${index}]`)) });
  if (any) of.push({ kind: 'any', of: any.map((one, index) => responseCondition(one, `${at}.any[${index}]`)) });
  if (status) of.push(statusCondition(status, at));
  for (const one of listOf(not)) of.push({ kind: 'not', of: responseCondition(one, `${at}.not`) });
  return together(of, at);
}

/** A bound that is missing, or zero, is the other one. */
function statusCondition({ min = 0, max = 0 }: { readonly min?: number; readonly max?: number }, at: string): ResponseCondition {
  for (const bound of [min, max])
    if (bound !== 0 && (bound < 100 || bound > 599)) throw new ProfileSpecError(`${at}.status`, `${bound} is not between 100 and 599`);
  if (max !== 0 && min !== 0 && max < min) throw new ProfileSpecError(`${at}.status`, `${min} to ${max} is reversed`);
  return { kind: 'status', min: min || max, max: max || min };
}

function together<T extends { readonly kind: string }>(of: readonly T[], at: string): T | { readonly kind: 'all'; readonly of: readonly T[] } {
  const [first, ...more] = of;
  if (!first) throw new ProfileSpecError(at, 'a condition has at least one field');
  return more.length === 0 ? first : { kind: 'all', of };
}

function listOf<T extends object>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as T];
}
