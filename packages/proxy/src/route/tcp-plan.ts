// Opaque and TLS routes compiled: where a connection goes, or why it may not. spec/proxy.md §2.2, §6.6, §7.1.
import type { Filter, Metadata, OpaqueProtocol, Reason, TcpRule, TlsRoute } from '@weft/core';
import { forbids, HostIndex, withinRoute } from '@weft/core/route';
import type { RouteConnections } from '../observe/route-metrics.ts';
import { type Available, compileDistribution, type Distribute, distribute } from './distribution.ts';
import type { Source } from './http-plan.ts';

export interface TcpPlan<B> {
  readonly parent: Metadata;
  /** Undefined: there is no route. */
  readonly connections: RouteConnections | undefined;
  /** Set where the route lets no connection pass. */
  readonly forbidden: Reason | undefined;
  /** With each backend what forbids it. */
  readonly distribute: Distribute<B, Reason | undefined>;
}

export interface TcpSource<B> extends Source<B> {
  /** Counts what takes a route. */
  readonly connections: (route: Metadata) => RouteConnections;
}

export function compileOpaque<T extends Available>(parent: Metadata, protocol: OpaqueProtocol, source: TcpSource<T>): TcpPlan<T> {
  const [route] = protocol.routes;
  const rule = route?.rules[0];
  return route && rule
    ? withinRoute(route.metadata, () => compileTcpRule(parent, route.metadata, rule, source))
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

export function compileTls<T extends Available>(parent: Metadata, routes: readonly TlsRoute[], source: TcpSource<T>): (sni: string) => TcpPlan<T> | undefined {
  const plans = new HostIndex<TcpPlan<T>>();
  for (const route of routes) {
    const [rule] = route.rules;
    if (!rule) continue;
    const plan = withinRoute(route.metadata, () => compileTcpRule(parent, route.metadata, rule, source));
    // Where two routes have the same name the earlier one keeps it.
    for (const sni of route.snis.length === 0 ? [undefined] : route.snis) plans.at(sni, () => plan);
  }
  return (sni) => plans.find(sni, (plan) => plan);
}
