// Connections by the TCPRoute or TLSRoute that they took: outbound_{tcp,tls}_route_{open,close}_total. spec/proxy.md §9.4.
import type { Labels, Metadata, MetricRegistry, ReasonCode } from '@weft/core';
import type { BoundedNames } from './bounded-names.ts';
import { httpMetrics } from './http-metrics.ts';
import { outboundRouteLabels, parentLabels } from './labels.ts';
import { type BindProfileMeters, profileMeters } from './profile-metrics.ts';

/** Of one route, bound when the plan is compiled. */
export interface RouteConnections {
  opened(): void;
  /** Undefined: in order. */
  closed(why?: ReasonCode): void;
  /** Those to a server name, counted apart where that is asked for. */
  named(hostname: string): RouteConnections;
}

export interface RouteMetrics {
  /** Requests by the routes of ServiceProfiles. */
  readonly profile: BindProfileMeters;
  /** `target`: of TCP routes, the original destination. */
  bind(kind: 'tcp' | 'tls', parent: Metadata, route: Metadata, target: RouteTarget): RouteConnections;
}

export interface RouteTarget {
  /** Undefined: connections go to a name. */
  readonly ip: string | undefined;
  readonly port: number;
}

/** `hostnames`: that are shown; undefined: none. */
export function routeMetrics(registry: MetricRegistry, hostnames?: BoundedNames): RouteMetrics {
  const families = {
    tcp: {
      open: registry.counter('outbound_tcp_route_open_total', 'The number of connections opened', { evictable: true }),
      close: registry.counter('outbound_tcp_route_close_total', 'The number of connections closed', { evictable: true }),
    },
    tls: {
      open: registry.counter('outbound_tls_route_open_total', 'The number of connections opened', { evictable: true }),
      close: registry.counter('outbound_tls_route_close_total', 'The number of connections closed', { evictable: true }),
    },
  };
  return {
    profile: profileMeters(httpMetrics(registry, 'route_'), httpMetrics(registry, 'route_actual_')),
    bind(kind, parent, route, { ip, port }) {
      const { open, close } = families[kind];
      const target: Labels = kind === 'tcp' ? { target_ip: ip ?? '', target_port: port } : { hostname: '' };
      const labels: Labels = { ...parentLabels(parent), ...outboundRouteLabels(route), ...target };
      const counted = (shown: Labels): RouteConnections => ({
        opened: () => open.with(shown).inc(),
        closed: (why) => close.with({ ...shown, error: why === undefined ? '' : errorLabel(why) }).inc(),
        named: (hostname) => (kind === 'tls' && hostnames?.admits(hostname) ? counted({ ...labels, hostname }) : counted(labels)),
      });
      return counted(labels);
    },
  };
}

function errorLabel(why: ReasonCode): string {
  if (why === 'CONNECTION_FORBIDDEN') return 'forbidden';
  return why === 'POLICY_INVALID' || why === 'BACKEND_INVALID' ? 'invalid_backend' : 'unexpected';
}
