// Outbound routes of the four kinds. spec/wire.md, outbound.proto.
import type { Filter, GrpcRoute, HttpRoute, OpaqueRoute, TcpRule, TlsRoute } from '@weft/core';
import type {
  OutboundGrpcRoute,
  OutboundGrpcRouteFilter,
  OutboundGrpcRouteRule,
  OutboundHttpRoute,
  OutboundHttpRouteFilter,
  OutboundHttpRouteRule,
  OutboundOpaqueRoute,
  OutboundOpaqueRouteFilter,
  OutboundOpaqueRouteRule,
  OutboundTlsRoute,
} from '../gen/messages.ts';
import { distributionFromWire, distributionToWire } from './backend.ts';
import {
  grpcFilterFromWire,
  grpcFilterToWire,
  httpFilterFromWire,
  outboundHttpFilterToWire,
  rejectUnknown,
  tcpFilterFromWire,
  tcpFilterToWire,
} from './filter.ts';
import { grpcMatchFromWire, grpcMatchToWire, hostMatchFromWire, hostMatchToWire, httpMatchFromWire, httpMatchToWire } from './match.ts';
import { metadataFromWire, metadataToWire } from './metadata.ts';
import { each, join, optional } from './path.ts';
import {
  grpcConditionsFromWire,
  grpcConditionsToWire,
  httpConditionsFromWire,
  httpConditionsToWire,
  retryFromWire,
  retryToWire,
  timeoutsFromWire,
  timeoutsToWire,
} from './retry.ts';

const httpFilter = (wire: OutboundHttpRouteFilter, at: string): Filter => httpFilterFromWire(wire, at, rejectUnknown);
const grpcFilter = (wire: OutboundGrpcRouteFilter, at: string): Filter => grpcFilterFromWire(wire, at, rejectUnknown);
const tcpFilter = (wire: OutboundOpaqueRouteFilter, at: string): Filter => tcpFilterFromWire(wire, at, rejectUnknown);

export function httpRouteFromWire(wire: OutboundHttpRoute, at: string): HttpRoute {
  return {
    metadata: metadataFromWire(wire.metadata, join(at, 'metadata')),
    hosts: each(wire.hosts, join(at, 'hosts'), hostMatchFromWire),
    rules: each(wire.rules, join(at, 'rules'), (rule, path) => ({
      matches: each(rule.matches, join(path, 'matches'), httpMatchFromWire),
      filters: each(rule.filters, join(path, 'filters'), httpFilter),
      distribution: distributionFromWire(rule.backends, join(path, 'backends'), httpFilter),
      timeouts: timeoutsFromWire(rule.timeouts, rule.requestTimeout, path),
      retry: optional(rule.retry, join(path, 'retry'), (retry, where) => retryFromWire(retry, where, httpConditionsFromWire)),
      allowL5dHeaders: rule.allowL5dRequestHeaders ?? false,
    })),
  };
}

export function httpRouteToWire(route: HttpRoute): OutboundHttpRoute {
  return {
    metadata: metadataToWire(route.metadata),
    hosts: route.hosts.map(hostMatchToWire),
    rules: route.rules.map(
      (rule): OutboundHttpRouteRule => ({
        matches: rule.matches.map(httpMatchToWire),
        filters: rule.filters.map(outboundHttpFilterToWire),
        backends: distributionToWire(rule.distribution, outboundHttpFilterToWire),
        timeouts: timeoutsToWire(rule.timeouts),
        retry: rule.retry && retryToWire(rule.retry, httpConditionsToWire),
        allowL5dRequestHeaders: rule.allowL5dHeaders,
      }),
    ),
  };
}

export function grpcRouteFromWire(wire: OutboundGrpcRoute, at: string): GrpcRoute {
  return {
    metadata: metadataFromWire(wire.metadata, join(at, 'metadata')),
    hosts: each(wire.hosts, join(at, 'hosts'), hostMatchFromWire),
    rules: each(wire.rules, join(at, 'rules'), (rule, path) => ({
      matches: each(rule.matches, join(path, 'matches'), grpcMatchFromWire),
      filters: each(rule.filters, join(path, 'filters'), grpcFilter),
      distribution: distributionFromWire(rule.backends, join(path, 'backends'), grpcFilter),
      timeouts: timeoutsFromWire(rule.timeouts, rule.requestTimeout, path),
      retry: optional(rule.retry, join(path, 'retry'), (retry, where) => retryFromWire(retry, where, grpcConditionsFromWire)),
      allowL5dHeaders: rule.allowL5dRequestHeaders ?? false,
    })),
  };
}

export function grpcRouteToWire(route: GrpcRoute): OutboundGrpcRoute {
  return {
    metadata: metadataToWire(route.metadata),
    hosts: route.hosts.map(hostMatchToWire),
    rules: route.rules.map(
      (rule): OutboundGrpcRouteRule => ({
        matches: rule.matches.map(grpcMatchToWire),
        filters: rule.filters.map(grpcFilterToWire),
        backends: distributionToWire(rule.distribution, grpcFilterToWire),
        timeouts: timeoutsToWire(rule.timeouts),
        retry: rule.retry && retryToWire(rule.retry, grpcConditionsToWire),
        allowL5dRequestHeaders: rule.allowL5dHeaders,
      }),
    ),
  };
}

export function opaqueRouteFromWire(wire: OutboundOpaqueRoute, at: string): OpaqueRoute {
  return { metadata: metadataFromWire(wire.metadata, join(at, 'metadata')), rules: each(wire.rules, join(at, 'rules'), tcpRuleFromWire) };
}

export function opaqueRouteToWire(route: OpaqueRoute): OutboundOpaqueRoute {
  return { metadata: metadataToWire(route.metadata), rules: route.rules.map(tcpRuleToWire) };
}

export function tlsRouteFromWire(wire: OutboundTlsRoute, at: string): TlsRoute {
  return {
    metadata: metadataFromWire(wire.metadata, join(at, 'metadata')),
    snis: each(wire.snis, join(at, 'snis'), hostMatchFromWire),
    rules: each(wire.rules, join(at, 'rules'), tcpRuleFromWire),
  };
}

export function tlsRouteToWire(route: TlsRoute): OutboundTlsRoute {
  return { metadata: metadataToWire(route.metadata), snis: route.snis.map(hostMatchToWire), rules: route.rules.map(tcpRuleToWire) };
}

/** Rules of opaque and TLS routes have the same shape. */
function tcpRuleFromWire(rule: OutboundOpaqueRouteRule, at: string): TcpRule {
  return {
    filters: each(rule.filters, join(at, 'filters'), tcpFilter),
    distribution: distributionFromWire(rule.backends, join(at, 'backends'), tcpFilter),
  };
}

function tcpRuleToWire(rule: TcpRule): OutboundOpaqueRouteRule {
  return { filters: rule.filters.map(tcpFilterToWire), backends: distributionToWire(rule.distribution, tcpFilterToWire) };
}
