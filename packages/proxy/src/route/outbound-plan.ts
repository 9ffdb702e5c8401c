// A client policy compiled: everything a connection or request has to look up is looked up here. spec/proxy.md §2.2, §7.
import {
  assertNever,
  type Backend,
  type ClientPolicy,
  type GrpcProtocol,
  type GrpcRetryConditions,
  type HttpProtocol,
  type HttpRetryConditions,
  type HttpRule,
  type Metadata,
  type OpaqueProtocol,
  type ProfileRoute,
  type Random,
  ReasonError,
  type Retry,
  type RetryBudget,
  reason,
  type TcpRule,
  type TlsRoute,
} from '@weft/core';
import type { RequestHead } from '@weft/http';
import { type Available, compileDistribution, type Distribute } from './distribution.ts';
import { compileFilters, type HeadEdits } from './filters.ts';
import { hostRank } from './host-match.ts';
import { anyOf, grpcMatcher, httpMatcher } from './rule-match.ts';
import { type RoutePlan, selectRoute } from './select-route.ts';

export interface HttpRulePlan<B> {
  readonly route: Metadata;
  /** Of a gRPC route: every response is classified by its grpc-status. */
  readonly grpc: boolean;
  readonly edits: HeadEdits;
  readonly distribute: Distribute<B>;
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

export interface HttpPlan<B> {
  readonly parent: Metadata;
  /** Undefined: no route matches. */
  select(request: RequestHead): HttpRulePlan<B> | undefined;
}

export interface TcpPlan<B> {
  readonly parent: Metadata;
  readonly distribute: Distribute<B>;
}

export type OutboundPlan<H, T> =
  | { readonly kind: 'detect'; readonly http1: HttpPlan<H>; readonly http2: HttpPlan<H>; readonly opaque: TcpPlan<T> }
  | { readonly kind: 'http1' | 'http2'; readonly http: HttpPlan<H> }
  | { readonly kind: 'opaque'; readonly opaque: TcpPlan<T> }
  /** Undefined: no route for the server name. */
  | { readonly kind: 'tls'; select(sni: string): TcpPlan<T> | undefined };

export interface OutboundPlanOptions<H, T> {
  readonly http: (backend: Backend) => H;
  readonly tcp: (backend: Backend) => T;
  readonly random: Random;
}

/** Throws POLICY_INVALID where the policy asks for what cannot be done. */
export function compileOutbound<H extends Available, T extends Available>(policy: ClientPolicy, options: OutboundPlanOptions<H, T>): OutboundPlan<H, T> {
  const { parent, protocol } = policy;
  const http = (one: HttpProtocol): HttpPlan<H> => compileHttp(parent, one, options);
  const opaque = (one: OpaqueProtocol): TcpPlan<T> => compileOpaque(parent, one, options);
  switch (protocol.kind) {
    case 'detect':
      return { kind: 'detect', http1: http(protocol.http1), http2: http(protocol.http2), opaque: opaque(protocol.opaque) };
    case 'http1':
    case 'http2':
      return { kind: protocol.kind, http: http(protocol) };
    case 'grpc':
      return { kind: 'http2', http: compileGrpc(parent, protocol, options) };
    case 'opaque':
      return { kind: 'opaque', opaque: opaque(protocol) };
    case 'tls':
      return { kind: 'tls', select: compileTls(parent, protocol.routes, options) };
    default:
      return assertNever(protocol);
  }
}

function compileHttp<H extends Available, T>(parent: Metadata, protocol: HttpProtocol, options: OutboundPlanOptions<H, T>): HttpPlan<H> {
  const routes = protocol.routes.map((route) => ({
    hosts: route.hosts,
    rules: route.rules.map((rule) => {
      const retry = rule.retry && ({ kind: 'http', policy: rule.retry } as const);
      return { matches: anyOf(rule.matches, httpMatcher), rule: compileRule(route.metadata, rule, retry, options) };
    }),
  }));
  return { parent, select: selectRoute(routes) };
}

function compileGrpc<H extends Available, T>(parent: Metadata, protocol: GrpcProtocol, options: OutboundPlanOptions<H, T>): HttpPlan<H> {
  const routes: RoutePlan<HttpRulePlan<H>>[] = protocol.routes.map((route) => ({
    hosts: route.hosts,
    rules: route.rules.map((rule) => {
      const retry = rule.retry && ({ kind: 'grpc', policy: rule.retry } as const);
      return { matches: anyOf(rule.matches, grpcMatcher), rule: { ...compileRule(route.metadata, rule, retry, options), grpc: true } };
    }),
  }));
  return { parent, select: selectRoute(routes) };
}

function compileRule<H extends Available, T>(
  route: Metadata,
  rule: HttpRule<unknown, unknown>,
  retry: RuleRetry | undefined,
  options: OutboundPlanOptions<H, T>,
): HttpRulePlan<H> {
  return {
    route,
    grpc: false,
    edits: compileFilters(rule.filters),
    distribute: compileDistribution(rule.distribution, options.http, options.random),
    timeouts: rule.timeouts,
    retry,
    allowL5dHeaders: rule.allowL5dHeaders,
    profile: undefined,
  };
}

function compileOpaque<H, T extends Available>(parent: Metadata, protocol: OpaqueProtocol, options: OutboundPlanOptions<H, T>): TcpPlan<T> {
  const rule = protocol.routes[0]?.rules[0];
  return { parent, distribute: rule ? compileTcpRule(rule, options) : () => undefined };
}

function compileTcpRule<H, T extends Available>(rule: TcpRule, options: OutboundPlanOptions<H, T>): Distribute<T> {
  const unsupported = rule.filters[0];
  if (unsupported) throw new ReasonError(reason('POLICY_INVALID', `filter ${unsupported.kind} is not supported on connections`));
  return compileDistribution(rule.distribution, options.tcp, options.random);
}

function compileTls<H, T extends Available>(
  parent: Metadata,
  routes: readonly TlsRoute[],
  options: OutboundPlanOptions<H, T>,
): (sni: string) => TcpPlan<T> | undefined {
  const compiled = routes.flatMap((route) => {
    const rule = route.rules[0];
    return rule ? [{ rank: hostRank(route.snis), plan: { parent, distribute: compileTcpRule(rule, options) } }] : [];
  });
  return (sni) => {
    let best: TcpPlan<T> | undefined;
    let bestRank = -1;
    for (const { rank, plan } of compiled) {
      const found = rank(sni);
      if (found === undefined || found <= bestRank) continue;
      best = plan;
      bestRank = found;
    }
    return best;
  };
}
