// HTTP and gRPC routes compiled: which rule takes a request, and what the rule says of it. spec/proxy.md §7.1 – §7.6.
import {
  type Backend,
  DEFAULT_CLASSIFIERS,
  GRPC_ROUTE_CLASSIFIERS,
  type GrpcRetryConditions,
  type HostMatch,
  type HttpRetryConditions,
  type HttpRule,
  type Metadata,
  type ProfileRoute,
  type Random,
  type Retry,
  type RetryBudget,
  type RuleClassifiers,
} from '@weft/core';
import { type CompiledMatch, placeOf, type RoutedRequest, type RoutePlace, routeTable, selectWithin, withinRoute } from '@weft/core/route';
import type { ProfileMeters } from '../observe/profile-metrics.ts';
import { type Available, compileDistribution, type Distribute } from './distribution.ts';
import { compileFilters, type FilterPlan } from './filters.ts';

export interface HttpRulePlan<B> extends RoutePlace {
  /** Of a gRPC route: every response is classified by its grpc-status. */
  readonly grpc: boolean;
  /** What is a failure. */
  readonly classifiers: RuleClassifiers;
  readonly filters: FilterPlan;
  readonly distribute: Distribute<B, FilterPlan>;
  readonly timeouts: HttpRule<unknown, unknown>['timeouts'];
  readonly retry: RuleRetry | undefined;
  /** Whether requests may change timeouts and retries by headers of their own. */
  readonly allowL5dHeaders: boolean;
  /** Set on the routes of a ServiceProfile. */
  readonly profile: ProfileRule | undefined;
}

/** Which failures are tried again, and what bounds it. */
export type RuleRetry =
  | { readonly kind: 'http'; readonly policy: Retry<HttpRetryConditions> }
  | { readonly kind: 'grpc'; readonly policy: Retry<GrpcRetryConditions> }
  /** Of a ServiceProfile: what it classifies as a failure, within a budget that all its routes share. */
  | { readonly kind: 'budget'; readonly budget: RetryBudget };

export interface ProfileRule {
  readonly meters: ProfileMeters;
  /** `rt_*` of the route metrics; empty on the route that takes what no other does. */
  readonly labels: Readonly<Record<string, string>>;
  /** The first that matches decides. */
  readonly responseClasses: ProfileRoute['responseClasses'];
}

/** The rule that takes a request, and the match by which it does. */
export interface Selected<B> {
  readonly rule: HttpRulePlan<B>;
  readonly match: CompiledMatch;
}

export interface HttpPlan<B> {
  readonly parent: Metadata;
  /** Sent as `l5d-dst-canonical`: set where a ServiceProfile drives HTTP. */
  readonly canonicalDst: string | undefined;
  /** Undefined: no route matches. Throws MATCH_LIMIT. */
  select(request: RoutedRequest): Selected<B> | undefined;
}

/** Where the backends of one protocol of a policy come from. */
export interface Source<B> {
  readonly backend: (backend: Backend) => B;
  readonly random: Random;
}

type Routes<M> = readonly { readonly metadata: Metadata; readonly hosts: readonly HostMatch[]; readonly rules: readonly HttpRule<M, RetryConditions>[] }[];
type RetryConditions = HttpRetryConditions | GrpcRetryConditions;

export function compileHttp<M, H extends Available>(
  parent: Metadata,
  routes: Routes<M>,
  kind: 'http' | 'grpc',
  match: (match: M) => CompiledMatch,
  source: Source<H>,
): HttpPlan<H> {
  const table = routeTable(
    routes.map((route) =>
      withinRoute(route.metadata, () => ({
        hosts: route.hosts,
        rules: route.rules.map((rule) => ({ matches: rule.matches.map(match), rule: compileRule({ parent, route: route.metadata }, rule, kind, source) })),
      })),
    ),
  );
  return { parent, canonicalDst: undefined, select: selectWithin(parent, table.select) };
}

function compileRule<H extends Available>(
  { parent, route }: RoutePlace,
  rule: HttpRule<unknown, RetryConditions>,
  kind: 'http' | 'grpc',
  { backend, random }: Source<H>,
): HttpRulePlan<H> {
  const place = placeOf({ parent, route });
  return {
    parent,
    route,
    grpc: kind === 'grpc',
    classifiers: kind === 'grpc' ? GRPC_ROUTE_CLASSIFIERS : DEFAULT_CLASSIFIERS,
    filters: compileFilters(place, rule.filters, random),
    distribute: compileDistribution(rule.distribution, { backend, filters: (filters) => compileFilters(place, filters, random), random }),
    timeouts: rule.timeouts,
    retry: rule.retry && retryOf(rule.retry),
    allowL5dHeaders: rule.allowL5dHeaders,
    profile: undefined,
  };
}

function retryOf(policy: Retry<RetryConditions>): RuleRetry {
  const { conditions } = policy;
  return 'codes' in conditions ? { kind: 'grpc', policy: { ...policy, conditions } } : { kind: 'http', policy: { ...policy, conditions } };
}
