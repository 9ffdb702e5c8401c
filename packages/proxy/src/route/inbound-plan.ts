// A server policy compiled: the routes of a port with who may use them. spec/proxy.md §8.
import {
  type Authorizer,
  type Buckets,
  createAuthorizer,
  createRateLimiter,
  defaultMetadata,
  type Filter,
  type InboundRoute,
  type Labels,
  type Metadata,
  type Random,
  type RateLimiter,
  type Reason,
  reasonOf,
  type ServerPolicy,
} from '@weft/core';
import {
  ANYTHING,
  type CompiledMatch,
  grpcMatch,
  httpMatch,
  inRoute,
  patternCompiler,
  placeOf,
  type RoutePlace,
  routeTable,
  selectWithin,
} from '@weft/core/route';
import type { RequestHead } from '@weft/http';
import { rateLimitLabels, routeLabels, serverLabels } from '../observe/labels.ts';
import { compileFilters, type FilterPlan } from './filters.ts';

/** Its parent is the server. */
export interface InboundRulePlan extends RoutePlace {
  readonly labels: Labels;
  readonly authorizer: Authorizer;
  readonly filters: FilterPlan;
  /** Set where requests of this rule fail after authorization: the policy asks for what cannot be done. */
  readonly invalid: Reason | undefined;
}

export interface InboundRateLimit {
  readonly limiter: RateLimiter;
  readonly labels: Labels;
}

export interface InboundPlan {
  readonly server: Metadata;
  readonly port: number;
  readonly kind: ServerPolicy['protocol']['kind'];
  /** HTTP detection; the proxy's own limit where the policy has none. */
  readonly detectTimeoutMs: number | undefined;
  readonly labels: Labels;
  /** For opaque connections. HTTP-only protocols admit none. */
  readonly tcp: Authorizer;
  /** What requests are counted against once they are authorized and filtered. */
  readonly rateLimit: InboundRateLimit | undefined;
  /** Undefined: no route matches. Throws MATCH_LIMIT. */
  select(request: RequestHead): SelectedInbound | undefined;
}

/** The rule that takes a request, and the match by which it does. */
export interface SelectedInbound {
  readonly rule: InboundRulePlan;
  readonly match: CompiledMatch;
}

export interface InboundPlanOptions {
  /** Of failures that are injected now and then. */
  readonly random: Random;
  /** Of all rate limits, so that they outlive the policy. */
  readonly buckets: Buckets;
}

export function compileInbound(policy: ServerPolicy, port: number, { random, buckets }: InboundPlanOptions): InboundPlan {
  const { metadata: server, protocol } = policy;
  const tcpAdmits = protocol.kind === 'detect' || protocol.kind === 'opaque' || protocol.kind === 'tls';
  return {
    server,
    port,
    kind: protocol.kind,
    detectTimeoutMs: protocol.kind === 'detect' ? protocol.timeoutMs : undefined,
    labels: serverLabels(server, port),
    tcp: createAuthorizer({ authorizations: tcpAdmits ? protocol.authorizations : [], server }),
    rateLimit: compileRateLimit(policy, port, buckets),
    select: compileRoutes(policy, random),
  };
}

function compileRateLimit({ protocol }: ServerPolicy, port: number, buckets: Buckets): InboundRateLimit | undefined {
  const limit = 'rateLimit' in protocol ? protocol.rateLimit : undefined;
  const limiter = limit && createRateLimiter({ limit, scope: String(port), buckets });
  return limiter && { limiter, labels: rateLimitLabels(limit.metadata) };
}

function compileRoutes(policy: ServerPolicy, random: Random): InboundPlan['select'] {
  const { metadata: server, protocol } = policy;
  if (!('routes' in protocol)) return () => undefined;
  if (protocol.routes.length === 0) {
    const route = defaultMetadata('default');
    const labels = routeLabels(route);
    const authorizer = createAuthorizer({ authorizations: protocol.authorizations, server, route });
    const rule: InboundRulePlan = { parent: server, route, labels, authorizer, filters: compileFilters('', [], random), invalid: undefined };
    const selected = { rule, match: ANYTHING };
    return () => selected;
  }
  const compile = patternCompiler();
  const plans =
    protocol.kind === 'grpc'
      ? protocol.routes.map((route) => compileRoute(route, server, random, (match) => grpcMatch(match, compile)))
      : protocol.routes.map((route) => compileRoute(route, server, random, (match) => httpMatch(match, compile)));
  // A match that is not understood could have led a request to stricter rules: none is served then.
  const unread = plans.find((plan) => plan.unread)?.unread;
  if (unread) {
    const selected = { rule: unread, match: ANYTHING };
    return () => selected;
  }
  return selectWithin(server, routeTable(plans).select);
}

const NO_FILTERS: FilterPlan = { request: undefined, response: undefined, intercept: undefined };

/** What cannot be compiled fails the requests that come to it, so that nothing is admitted by omission. `unread`: a rule whose matches cannot be. */
function compileRoute<M>(route: InboundRoute<M>, server: Metadata, random: Random, match: (match: M) => CompiledMatch) {
  const authorizer = createAuthorizer({ authorizations: route.authorizations, server, route: route.metadata });
  const common = { parent: server, route: route.metadata, labels: routeLabels(route.metadata), authorizer };
  const failing = (error: unknown): InboundRulePlan => ({ ...common, filters: NO_FILTERS, invalid: inRoute(reasonOf(error), common) });
  const rulePlan = (filters: readonly Filter[]): InboundRulePlan => {
    try {
      return { ...common, filters: compileFilters(placeOf(common), filters, random), invalid: undefined };
    } catch (error) {
      return failing(error);
    }
  };
  let unread: InboundRulePlan | undefined;
  const rules = route.rules.map((rule) => {
    try {
      return { matches: rule.matches.map(match), rule: rulePlan(rule.filters) };
    } catch (error) {
      unread ??= failing(error);
      return { matches: [], rule: unread };
    }
  });
  return { hosts: route.hosts, rules, unread };
}
