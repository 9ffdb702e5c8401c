// A client policy compiled: everything a connection or request has to look up is looked up here. spec/proxy.md §2.2, §7.
import {
  assertNever,
  type Backend,
  DEFAULT_CLASSIFIERS,
  type FailureAccrual,
  type Filter,
  formatMetadata,
  GRPC_ROUTE_CLASSIFIERS,
  type GrpcMatch,
  type GrpcProtocol,
  type GrpcRetryConditions,
  type HostMatch,
  type HttpMatch,
  type HttpProtocol,
  type HttpRetryConditions,
  type HttpRule,
  type Metadata,
  type OpaqueProtocol,
  type ProfileRoute,
  profileClassifiers,
  type Random,
  type Reason,
  ReasonError,
  type Retry,
  type RetryBudget,
  type RuleClassifiers,
  reason,
  reasonOf,
  type TcpRule,
  type TlsRoute,
} from '@weft/core';
import {
  ANYTHING,
  type CompiledMatch,
  grpcMatch,
  HostIndex,
  httpMatch,
  type OutboundRouting,
  type ProfileRouting,
  patternCompiler,
  profileRoutes,
  type RoutedRequest,
  routeTable,
} from '@weft/core/route';
import { profileRouteLabels } from '../observe/labels.ts';
import type { RouteConnections } from '../observe/route-metrics.ts';
import { type Available, compileDistribution, type Distribute, distribute } from './distribution.ts';
import { compileFilters, type FilterPlan } from './filters.ts';
import type { RoutePlace } from './in-route.ts';

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

export interface TcpPlan<B> {
  readonly parent: Metadata;
  /** Undefined: there is no route. */
  readonly connections: RouteConnections | undefined;
  /** Set where the route lets no connection pass. */
  readonly forbidden: Reason | undefined;
  /** With each backend what forbids it. */
  readonly distribute: Distribute<B, Reason | undefined>;
}

export type OutboundPlan<H, T> =
  | { readonly kind: 'detect'; readonly http1: HttpPlan<H>; readonly http2: HttpPlan<H>; readonly opaque: TcpPlan<T> }
  | { readonly kind: 'http1' | 'http2'; readonly http: HttpPlan<H> }
  | { readonly kind: 'opaque'; readonly opaque: TcpPlan<T> }
  /** Undefined: no route for the server name. */
  | { readonly kind: 'tls'; select(sni: string): TcpPlan<T> | undefined };

/** For what a backend is used. */
export interface BackendUse {
  readonly parent: Metadata;
  readonly protocol: 'http/1' | 'http/2' | 'opaque' | 'tls';
  /** When its endpoints are ejected. */
  readonly accrual?: FailureAccrual | undefined;
}

export interface OutboundPlanOptions<H, T> {
  readonly http: (backend: Backend, use: BackendUse) => H;
  readonly tcp: (backend: Backend, use: BackendUse) => T;
  readonly connections: (kind: 'tcp' | 'tls', parent: Metadata, route: Metadata) => RouteConnections;
  readonly random: Random;
}

/** Where the backends of one protocol of a policy come from. */
interface Source<B> {
  readonly backend: (backend: Backend) => B;
  readonly random: Random;
}

interface TcpSource<B> extends Source<B> {
  /** Counts what takes a route. */
  readonly connections: (route: Metadata) => RouteConnections;
}

/** Throws POLICY_INVALID, naming the route, where the policy asks for what cannot be done. */
export function compileOutbound<H extends Available, T extends Available>(routing: OutboundRouting, options: OutboundPlanOptions<H, T>): OutboundPlan<H, T> {
  const { profile } = routing;
  const { parent, protocol } = routing.policy;
  const { random } = options;
  const compile = patternCompiler();
  const httpSource = (use: BackendUse): Source<H> => ({ backend: (backend) => options.http(backend, use), random });
  const tcpSource = (use: BackendUse): TcpSource<T> => ({
    backend: (backend) => options.tcp(backend, use),
    connections: (route) => options.connections(use.protocol === 'tls' ? 'tls' : 'tcp', parent, route),
    random,
  });
  const http = (one: HttpProtocol, version: 'http/1' | 'http/2'): HttpPlan<H> =>
    profile && protocol.kind === 'detect'
      ? compileProfile(profile, httpSource({ parent: profile.parent, protocol: version }))
      : compileHttp(
          parent,
          one.routes,
          'http',
          (match: HttpMatch) => httpMatch(match, compile),
          httpSource({ parent, protocol: version, accrual: one.accrual }),
        );
  const grpc = (one: GrpcProtocol): HttpPlan<H> =>
    compileHttp(parent, one.routes, 'grpc', (match: GrpcMatch) => grpcMatch(match, compile), httpSource({ parent, protocol: 'http/2', accrual: one.accrual }));
  const opaque = (one: OpaqueProtocol): TcpPlan<T> => compileOpaque(parent, one, tcpSource({ parent, protocol: 'opaque' }));
  switch (protocol.kind) {
    case 'detect':
      return { kind: 'detect', http1: http(protocol.http1, 'http/1'), http2: http(protocol.http2, 'http/2'), opaque: opaque(protocol.opaque) };
    case 'http1':
      return { kind: 'http1', http: http(protocol, 'http/1') };
    case 'http2':
      return { kind: 'http2', http: http(protocol, 'http/2') };
    case 'grpc':
      return { kind: 'http2', http: grpc(protocol) };
    case 'opaque':
      return { kind: 'opaque', opaque: opaque(protocol) };
    case 'tls':
      return { kind: 'tls', select: compileTls(parent, protocol.routes, tcpSource({ parent, protocol: 'tls' })) };
    default:
      return assertNever(protocol);
  }
}

type Routes<M> = readonly { readonly metadata: Metadata; readonly hosts: readonly HostMatch[]; readonly rules: readonly HttpRule<M, RetryConditions>[] }[];
type RetryConditions = HttpRetryConditions | GrpcRetryConditions;

function compileHttp<M, H extends Available>(
  parent: Metadata,
  routes: Routes<M>,
  kind: 'http' | 'grpc',
  match: (match: M) => CompiledMatch,
  source: Source<H>,
): HttpPlan<H> {
  const table = routeTable(
    routes.map((route) =>
      within(route.metadata, () => ({
        hosts: route.hosts,
        rules: route.rules.map((rule) => ({ matches: rule.matches.map(match), rule: compileRule({ parent, route: route.metadata }, rule, kind, source) })),
      })),
    ),
  );
  return { parent, canonicalDst: undefined, select: table.select };
}

function compileRule<H extends Available>(
  { parent, route }: RoutePlace,
  rule: HttpRule<unknown, RetryConditions>,
  kind: 'http' | 'grpc',
  { backend, random }: Source<H>,
): HttpRulePlan<H> {
  return {
    parent,
    route,
    grpc: kind === 'grpc',
    classifiers: kind === 'grpc' ? GRPC_ROUTE_CLASSIFIERS : DEFAULT_CLASSIFIERS,
    filters: compileFilters(route, rule.filters, random),
    distribute: compileDistribution(rule.distribution, { backend, filters: (filters) => compileFilters(route, filters, random), random }),
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

/** Its routes differ in classes, retries and timeouts, and share one distribution. */
function compileProfile<H extends Available>(profile: ProfileRouting, { backend, random }: Source<H>): HttpPlan<H> {
  const { parent, retryBudget, authority } = profile;
  const common = {
    parent,
    route: parent,
    grpc: false,
    filters: compileFilters(parent, [], random),
    distribute: compileDistribution(profile.distribution, { backend, filters: (filters) => compileFilters(parent, filters, random), random }),
    allowL5dHeaders: false,
  };
  const rule = (route: ProfileRoute): Selected<H> => ({
    match: ANYTHING,
    rule: {
      ...common,
      timeouts: { requestMs: route.timeoutMs },
      retry: route.isRetryable && retryBudget ? { kind: 'budget', budget: retryBudget } : undefined,
      classifiers: profileClassifiers(route.responseClasses),
      profile: { labels: profileRouteLabels(route.labels), responseClasses: route.responseClasses },
    },
  });
  const select = profileRoutes(profile.routes.map((route) => ({ condition: route.condition, rule: rule(route) })));
  const implicit: Selected<H> = {
    match: ANYTHING,
    rule: { ...common, timeouts: {}, retry: undefined, classifiers: DEFAULT_CLASSIFIERS, profile: { labels: {}, responseClasses: [] } },
  };
  return { parent, canonicalDst: authority, select: (request) => select(request) ?? implicit };
}

function compileOpaque<T extends Available>(parent: Metadata, protocol: OpaqueProtocol, source: TcpSource<T>): TcpPlan<T> {
  const [route] = protocol.routes;
  const rule = route?.rules[0];
  return route && rule
    ? within(route.metadata, () => compileTcpRule(parent, route.metadata, rule, source))
    : { parent, connections: undefined, forbidden: undefined, distribute: distribute([], () => undefined) };
}

function compileTcpRule<T extends Available>(parent: Metadata, route: Metadata, rule: TcpRule, { backend, connections, random }: TcpSource<T>): TcpPlan<T> {
  const filters = (filters: readonly Filter[]): Reason | undefined => forbids(filters, route);
  return {
    parent,
    connections: connections(route),
    forbidden: filters(rule.filters),
    distribute: compileDistribution(rule.distribution, { backend, filters, random }),
  };
}

function forbids(filters: readonly Filter[], route: Metadata): Reason | undefined {
  for (const filter of filters) {
    if (filter.kind === 'invalid') throw new ReasonError(reason('POLICY_INVALID', filter.message));
    if (filter.kind !== 'forbidden') throw new ReasonError(reason('POLICY_INVALID', `filter ${filter.kind} is not supported on connections`));
  }
  return filters.length > 0 ? reason('CONNECTION_FORBIDDEN', formatMetadata(route)) : undefined;
}

function compileTls<T extends Available>(parent: Metadata, routes: readonly TlsRoute[], source: TcpSource<T>): (sni: string) => TcpPlan<T> | undefined {
  const plans = new HostIndex<TcpPlan<T>>();
  for (const route of routes) {
    const [rule] = route.rules;
    if (!rule) continue;
    const plan = within(route.metadata, () => compileTcpRule(parent, route.metadata, rule, source));
    // Where two routes have the same name the earlier one keeps it.
    for (const sni of route.snis.length === 0 ? [undefined] : route.snis) plans.at(sni, () => plan);
  }
  return (sni) => plans.find(sni, (plan) => plan);
}

function within<R>(route: Metadata, compile: () => R): R {
  try {
    return compile();
  } catch (error) {
    const { code, detail = '' } = reasonOf(error);
    throw new ReasonError(reason(code, `route ${formatMetadata(route)}: ${detail}`), { cause: error });
  }
}
