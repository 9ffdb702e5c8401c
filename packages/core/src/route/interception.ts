// Filters that answer a request in place of its route's backends: redirects and injected failures. spec/proxy.md §7.4, §4.6.
import { assertNever } from '../assert-never.ts';
import type { Filter, Ratio } from '../domain/match.ts';
import type { Random } from '../ports/random.ts';
import { configuredReason, type Reason, ReasonError, reason, reasonOf } from '../reasons/reason.ts';
import type { CompiledMatch } from './compile-match.ts';
import { redirectLocation } from './redirect.ts';
import type { RoutedRequest } from './request-view.ts';

/** Called per request, in the order of the filters. Undefined: the request goes on. Throws REDIRECT_INVALID. */
export type Intercept = (request: RoutedRequest, match: CompiledMatch) => Reason | undefined;

/** The filters that only edit heads; each kind is applied in the order listed. */
export type HeaderFilter = Extract<Filter, { kind: 'request-headers' | 'response-headers' }>;

export interface SortedFilters {
  readonly headers: readonly HeaderFilter[];
  /** Undefined where nothing intercepts. */
  readonly intercept: Intercept | undefined;
}

const MOVED_PERMANENTLY = 301;

/** Tells the filters of a rule apart; `route` is named in reasons. Throws POLICY_INVALID on one that cannot be applied to requests. */
export function sortFilters(route: string, filters: readonly Filter[], random: Random): SortedFilters {
  const headers: HeaderFilter[] = [];
  const intercepts: Intercept[] = [];
  for (const filter of filters) {
    if (filter.kind === 'request-headers' || filter.kind === 'response-headers') headers.push(filter);
    else intercepts.push(compileIntercept(route, filter, random));
  }
  return { headers, intercept: intercepts.length === 0 ? undefined : firstOf(intercepts) };
}

function firstOf(intercepts: readonly Intercept[]): Intercept {
  const [only] = intercepts;
  if (only && intercepts.length === 1) return only;
  return (request, match) => {
    for (const intercept of intercepts) {
      const why = intercept(request, match);
      if (why) return why;
    }
    return undefined;
  };
}

function compileIntercept(route: string, filter: Exclude<Filter, HeaderFilter>, random: Random): Intercept {
  switch (filter.kind) {
    case 'redirect': {
      const status = filter.status === 0 ? MOVED_PERMANENTLY : filter.status;
      return (request, match) => {
        const location = locationIn(route, filter, request, match);
        return location === undefined ? undefined : configuredReason(route, { kind: 'redirect', status, location });
      };
    }
    case 'http-failure':
    case 'grpc-failure': {
      const { ratio, ...answer } = filter;
      return sometimes(ratio, random, configuredReason(route, answer));
    }
    case 'invalid':
      throw new ReasonError(reason('POLICY_INVALID', filter.message));
    case 'forbidden':
    case 'unknown':
      throw new ReasonError(reason('POLICY_INVALID', `filter ${filter.kind} is not supported on requests`));
    default:
      return assertNever(filter);
  }
}

function locationIn(route: string, ...redirect: Parameters<typeof redirectLocation>): string | undefined {
  try {
    return redirectLocation(...redirect);
  } catch (error) {
    const { code, detail = '' } = reasonOf(error);
    throw new ReasonError(reason(code, `${route}: ${detail}`), { cause: error });
  }
}

/** Always, where there is no ratio. */
function sometimes(ratio: Ratio | undefined, random: Random, why: Reason): Intercept {
  if (!ratio || ratio.numerator >= ratio.denominator) return () => why;
  const share = ratio.numerator / ratio.denominator;
  return () => (random.next() < share ? why : undefined);
}
