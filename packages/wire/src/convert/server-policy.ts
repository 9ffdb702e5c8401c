// Inbound policy of a port. What is required and missing makes the whole policy invalid. spec/wire.md, inbound.proto; spec/proxy.md §8.
import {
  type Authorization,
  type Filter,
  type GrpcMatch,
  type HttpMatch,
  type InboundRoute,
  LOCALHOST_AUTHORIZATION,
  type ServerPolicy,
  type ServerProtocol,
} from '@weft/core';
import type {
  InboundGrpcRoute,
  InboundGrpcRouteFilter,
  InboundHttpRoute,
  InboundHttpRouteFilter,
  InboundProxyProtocol,
  InboundServer,
} from '../gen/messages.ts';
import { authorizationFromWire, authorizationToWire } from './authorization.ts';
import { ConvertError } from './convert-error.ts';
import { grpcFilterFromWire, grpcFilterToWire, httpFilterFromWire, inboundHttpFilterToWire, keepUnknown } from './filter.ts';
import { grpcMatchFromWire, grpcMatchToWire, hostMatchFromWire, hostMatchToWire, httpMatchFromWire, httpMatchToWire } from './match.ts';
import { metadataFromLabels, metadataFromWire, metadataToLabels, metadataToWire } from './metadata.ts';
import { each, join, optional, required } from './path.ts';
import { freezeDeep, samePlain } from './plain-data.ts';
import { rateLimitFromWire, rateLimitToWire } from './rate-limit.ts';
import { durationFromWire, durationToWire } from './time.ts';

type Authorizations = readonly Authorization[];

/** Throws ConvertError: the port's policy is invalid. The authorizations get `localhost` appended, and those of routes the server's. */
export function serverPolicyFromWire(wire: InboundServer): ServerPolicy {
  const authorizations = [...each(wire.authorizations, 'authorizations', authorizationFromWire), LOCALHOST_AUTHORIZATION];
  return freezeDeep({
    metadata: metadataFromLabels(wire.labels, 'server', 'labels'),
    protocol: protocolFromWire(required(wire.protocol, 'protocol'), authorizations),
  });
}

/** The reverse: what `serverPolicyFromWire` appends is left out. Of resource metadata only group, kind and name are sent. */
export function serverPolicyToWire({ metadata, protocol }: ServerPolicy): InboundServer {
  const own = protocol.authorizations.filter((authorization) => !samePlain(authorization, LOCALHOST_AUTHORIZATION));
  return { protocol: protocolToWire(protocol, own), authorizations: own.map(authorizationToWire), labels: metadataToLabels(metadata) };
}

function protocolFromWire(wire: InboundProxyProtocol, authorizations: Authorizations): ServerProtocol {
  const http = (route: InboundHttpRoute, at: string) => httpRouteFromWire(route, at, authorizations);
  const { detect, http1, http2, grpc, opaque, tls } = wire;
  if (detect) {
    return {
      kind: 'detect',
      timeoutMs: durationFromWire(detect.timeout, 'protocol.detect.timeout'),
      routes: each(detect.httpRoutes, 'protocol.detect.http_routes', http),
      authorizations,
      rateLimit: optional(detect.httpLocalRateLimit, 'protocol.detect.http_local_rate_limit', rateLimitFromWire),
    };
  }
  const plain = http1 ?? http2;
  if (plain) {
    const kind = http1 ? 'http1' : 'http2';
    return {
      kind,
      routes: each(plain.routes, `protocol.${kind}.routes`, http),
      authorizations,
      rateLimit: optional(plain.localRateLimit, `protocol.${kind}.local_rate_limit`, rateLimitFromWire),
    };
  }
  if (grpc)
    return { kind: 'grpc', routes: each(grpc.routes, 'protocol.grpc.routes', (route, at) => grpcRouteFromWire(route, at, authorizations)), authorizations };
  if (opaque) return { kind: 'opaque', authorizations };
  if (tls) return { kind: 'tls', authorizations };
  throw new ConvertError('KIND_UNKNOWN', 'protocol.kind');
}

function protocolToWire(protocol: ServerProtocol, own: Authorizations): InboundProxyProtocol {
  switch (protocol.kind) {
    case 'detect': {
      const { timeoutMs, routes, rateLimit } = protocol;
      const httpLocalRateLimit = rateLimit && rateLimitToWire(rateLimit);
      return { detect: { timeout: durationToWire(timeoutMs), httpRoutes: routes.map((route) => httpRouteToWire(route, own)), httpLocalRateLimit } };
    }
    case 'http1':
    case 'http2': {
      const { routes, rateLimit } = protocol;
      return { [protocol.kind]: { routes: routes.map((route) => httpRouteToWire(route, own)), localRateLimit: rateLimit && rateLimitToWire(rateLimit) } };
    }
    case 'grpc':
      return { grpc: { routes: protocol.routes.map((route) => grpcRouteToWire(route, own)) } };
    case 'opaque':
      return { opaque: {} };
    case 'tls':
      return { tls: {} };
  }
}

function httpRouteFromWire(wire: InboundHttpRoute, at: string, serverAuthorizations: Authorizations): InboundRoute<HttpMatch> {
  const filter = (wireFilter: InboundHttpRouteFilter, path: string): Filter => httpFilterFromWire(wireFilter, path, keepUnknown);
  return {
    ...routeFromWire(wire, at, serverAuthorizations),
    rules: each(wire.rules, join(at, 'rules'), ({ matches, filters }, path) => ({
      matches: each(matches, join(path, 'matches'), httpMatchFromWire),
      filters: each(filters, join(path, 'filters'), filter),
    })),
  };
}

function grpcRouteFromWire(wire: InboundGrpcRoute, at: string, serverAuthorizations: Authorizations): InboundRoute<GrpcMatch> {
  const filter = (wireFilter: InboundGrpcRouteFilter, path: string): Filter => grpcFilterFromWire(wireFilter, path, keepUnknown);
  return {
    ...routeFromWire(wire, at, serverAuthorizations),
    rules: each(wire.rules, join(at, 'rules'), ({ matches, filters }, path) => ({
      matches: each(matches, join(path, 'matches'), grpcMatchFromWire),
      filters: each(filters, join(path, 'filters'), filter),
    })),
  };
}

function routeFromWire(wire: InboundHttpRoute | InboundGrpcRoute, at: string, serverAuthorizations: Authorizations) {
  return {
    metadata: metadataFromWire(wire.metadata, join(at, 'metadata')),
    hosts: each(wire.hosts, join(at, 'hosts'), hostMatchFromWire),
    authorizations: [...each(wire.authorizations, join(at, 'authorizations'), authorizationFromWire), ...serverAuthorizations],
  };
}

function httpRouteToWire(route: InboundRoute<HttpMatch>, serverOwn: Authorizations): InboundHttpRoute {
  const rules = route.rules.map(({ matches, filters }) => ({ matches: matches.map(httpMatchToWire), filters: filters.map(inboundHttpFilterToWire) }));
  return { ...routeToWire(route, serverOwn), rules };
}

function grpcRouteToWire(route: InboundRoute<GrpcMatch>, serverOwn: Authorizations): InboundGrpcRoute {
  const rules = route.rules.map(({ matches, filters }) => ({ matches: matches.map(grpcMatchToWire), filters: filters.map(grpcFilterToWire) }));
  return { ...routeToWire(route, serverOwn), rules };
}

function routeToWire(route: InboundRoute<unknown>, serverOwn: Authorizations) {
  return {
    metadata: metadataToWire(route.metadata),
    hosts: route.hosts.map(hostMatchToWire),
    authorizations: routeOwn(route.authorizations, serverOwn).map(authorizationToWire),
  };
}

/** The route's own authorizations: without `localhost`, and without the server's where they end the list. */
function routeOwn(effective: Authorizations, serverOwn: Authorizations): Authorizations {
  const all = effective.filter((authorization) => !samePlain(authorization, LOCALHOST_AUTHORIZATION));
  const start = all.length - serverOwn.length;
  return start >= 0 && samePlain(all.slice(start), serverOwn) ? all.slice(0, start) : all;
}
