// What filters do to one request, in words. spec/proxy.md §7.4.
import { assertNever } from '../assert-never.ts';
import type { Filter, HeaderModifier, Ratio } from '../domain/match.ts';
import type { Random } from '../ports/random.ts';
import { formatReason, type Reason, reasonOf } from '../reasons/reason.ts';
import { INTERNAL_ERROR, refusalAnswer } from '../reasons/refusal-answer.ts';
import type { CompiledMatch } from '../route/compile-match.ts';
import { inRoute, placeOf, type RoutePlace } from '../route/in-route.ts';
import { type SortedFilters, sortFilters } from '../route/interception.ts';
import { redirectLocation } from '../route/redirect.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import type { FilterExplanation, ReasonExplanation, Verdict } from './explanation.ts';

/** Draws as if a share below one never came up: what always happens is left. */
const NEVER: Random = { next: () => 1 - Number.EPSILON };

export function explainFilters(filters: readonly Filter[], request: RoutedRequest, match: CompiledMatch): readonly FilterExplanation[] {
  return filters.map((filter) => ({ filter, effect: effectOf(filter, request, match) }));
}

/** Undefined: the request passes, or may pass. `place` is named; `side`: where injected failures are internal errors. */
export function verdictOfFilters(
  place: RoutePlace,
  filters: readonly Filter[],
  request: RoutedRequest,
  match: CompiledMatch,
  side: 'inbound' | 'outbound',
): Verdict | undefined {
  let sorted: SortedFilters;
  try {
    sorted = sortFilters(placeOf(place), filters, NEVER);
  } catch (error) {
    return refused(inRoute(reasonOf(error), place), 'request');
  }
  try {
    const why = sorted.intercept?.(request, match);
    return why && answered(why, side);
  } catch (error) {
    return refused(reasonOf(error), 'request');
  }
}

/** A request gets a response, a connection is closed. */
export function refused(why: Reason, what: 'request' | 'connection'): Verdict {
  const status = what === 'request' ? refusalAnswer(why.code).status : undefined;
  return { kind: 'refused', ...(status !== undefined && { status }), reason: explainReason(why) };
}

export function explainReason(why: Reason): ReasonExplanation {
  return { code: why.code, text: formatReason(why) };
}

function answered(why: Reason, side: 'inbound' | 'outbound'): Verdict {
  const { answer } = why;
  if (!answer) return refused(why, 'request');
  const configured = answer.kind === 'grpc-failure' ? 200 : answer.status;
  return { kind: 'answered', status: side === 'inbound' && answer.kind !== 'redirect' ? INTERNAL_ERROR.status : configured, reason: explainReason(why) };
}

function effectOf(filter: Filter, request: RoutedRequest, match: CompiledMatch): string {
  switch (filter.kind) {
    case 'redirect':
      try {
        const location = redirectLocation(filter, request, match);
        return location === undefined ? 'none: the request is where the redirect leads' : `redirects to ${location} with ${filter.status || 301}`;
      } catch (error) {
        return formatReason(reasonOf(error));
      }
    case 'http-failure':
      return `fails ${shareOf(filter.ratio)} with status ${filter.status}: ${filter.message}`;
    case 'grpc-failure':
      return `fails ${shareOf(filter.ratio)} with gRPC status ${filter.code}: ${filter.message}`;
    case 'request-headers':
      return `request headers: ${formatModifier(filter.modifier)}`;
    case 'response-headers':
      return `response headers: ${formatModifier(filter.modifier)}`;
    case 'invalid':
      return `cannot be understood: ${filter.message}`;
    case 'forbidden':
      return 'forbids connections';
    case 'unknown':
      return 'is of no known kind';
    default:
      return assertNever(filter);
  }
}

function shareOf(ratio: Ratio | undefined): string {
  return ratio && ratio.numerator < ratio.denominator ? `${ratio.numerator} of ${ratio.denominator} requests` : 'every request';
}

function formatModifier({ add, set, remove }: HeaderModifier): string {
  const changes = [
    ...add.map(([name, value]) => `add ${name}: ${value}`),
    ...set.map(([name, value]) => `set ${name}: ${value}`),
    ...remove.map((name) => `remove ${name}`),
  ];
  return changes.join(', ') || 'nothing';
}
