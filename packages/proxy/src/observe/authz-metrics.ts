// What inbound policy decided: inbound_http_authz_*, inbound_http_local_ratelimit_total and inbound_tcp_authz_* counters. spec/proxy.md §9.2.
import type { Counter, Family, MetricRegistry, RateLimitScope } from '@weft/core';

export interface AuthzMetrics {
  readonly http: {
    readonly allow: Family<Counter>;
    readonly deny: Family<Counter>;
    readonly routeNotFound: Family<Counter>;
    readonly rateLimited: Family<Counter>;
  };
  readonly tcp: { readonly allow: Family<Counter>; readonly deny: Family<Counter>; readonly terminate: Family<Counter> };
}

export function authzMetrics(registry: MetricRegistry): AuthzMetrics {
  const counter = (name: string, help: string): Family<Counter> => registry.counter(name, help, { evictable: true });
  return {
    http: {
      allow: counter('inbound_http_authz_allow_total', 'The total number of inbound HTTP requests that were authorized'),
      deny: counter('inbound_http_authz_deny_total', 'The total number of inbound HTTP requests that could not be processed due to being unauthorized.'),
      routeNotFound: counter('inbound_http_route_not_found_total', 'The total number of HTTP requests that could not be associated with a route'),
      rateLimited: counter('inbound_http_local_ratelimit_total', 'The total number of inbound HTTP requests that were rate-limited'),
    },
    tcp: {
      allow: counter('inbound_tcp_authz_allow_total', 'The total number of inbound TCP connections that were authorized'),
      deny: counter('inbound_tcp_authz_deny_total', 'The total number of inbound TCP connections that were denied'),
      terminate: counter(
        'inbound_tcp_authz_terminate_total',
        'The total number of inbound TCP connections that were terminated due to an authorization change',
      ),
    },
  };
}

/** The `ratelimit_scope` label: an override is one of an identity. */
export function rateLimitScopeLabel(scope: RateLimitScope): string {
  return scope === 'total' ? 'total' : 'identity';
}
