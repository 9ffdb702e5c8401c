// A client policy compiled: everything a connection or request has to look up is looked up here. spec/proxy.md §2.2, §7.
import {
  assertNever,
  type Backend,
  type ClientPolicy,
  type GrpcProtocol,
  type HttpProtocol,
  type Metadata,
  type OpaqueProtocol,
  type Random,
  ReasonError,
  reason,
  type TcpRule,
  type TlsRoute,
} from '@weft/core';
import type { RequestHead } from '@weft/http';
import type { RouteConnections } from '../observe/route-metrics.ts';
import { type Available, compileDistribution, type Distribute } from './distribution.ts';
import { compileFilters, type HeadEdits } from './filters.ts';
import { hostRank } from './host-match.ts';
import { anyOf, grpcMatcher, httpMatcher } from './rule-match.ts';
import { type RoutePlan, selectRoute } from './select-route.ts';

export interface HttpRulePlan<B> {
  readonly route: Metadata;
  readonly edits: HeadEdits;
  readonly distribute: Distribute<B>;
}

export interface HttpPlan<B> {
  readonly parent: Metadata;
  /** Undefined: no route matches. */
  select(request: RequestHead): HttpRulePlan<B> | undefined;
}

export interface TcpPlan<B> {
  readonly parent: Metadata;
  /** Undefined: there is no route. */
  readonly connections: RouteConnections | undefined;
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
  readonly connections: (kind: 'tcp' | 'tls', parent: Metadata, route: Metadata) => RouteConnections;
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
    rules: route.rules.map((rule) => ({ matches: anyOf(rule.matches, httpMatcher), rule: compileRule(route.metadata, rule, options) })),
  }));
  return { parent, select: selectRoute(routes) };
}

function compileGrpc<H extends Available, T>(parent: Metadata, protocol: GrpcProtocol, options: OutboundPlanOptions<H, T>): HttpPlan<H> {
  const routes: RoutePlan<HttpRulePlan<H>>[] = protocol.routes.map((route) => ({
    hosts: route.hosts,
    rules: route.rules.map((rule) => ({ matches: anyOf(rule.matches, grpcMatcher), rule: compileRule(route.metadata, rule, options) })),
  }));
  return { parent, select: selectRoute(routes) };
}

function compileRule<H extends Available, T>(
  route: Metadata,
  rule: { readonly filters: TcpRule['filters']; readonly distribution: TcpRule['distribution'] },
  options: OutboundPlanOptions<H, T>,
): HttpRulePlan<H> {
  return { route, edits: compileFilters(rule.filters), distribute: compileDistribution(rule.distribution, options.http, options.random) };
}

function compileOpaque<H, T extends Available>(parent: Metadata, protocol: OpaqueProtocol, options: OutboundPlanOptions<H, T>): TcpPlan<T> {
  const [route] = protocol.routes;
  const rule = route?.rules[0];
  if (!rule) return { parent, connections: undefined, distribute: () => undefined };
  return { parent, connections: options.connections('tcp', parent, route.metadata), distribute: compileTcpRule(rule, options) };
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
    if (!rule) return [];
    const connections = options.connections('tls', parent, route.metadata);
    return [{ rank: hostRank(route.snis), plan: { parent, connections, distribute: compileTcpRule(rule, options) } }];
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
