// Outbound policy. What is required and missing makes the whole policy invalid. spec/wire.md, outbound.proto.
import type { ClientPolicy, ClientProtocol, GrpcProtocol, HttpProtocol, OpaqueProtocol, TlsRoute } from '@weft/core';
import type {
  OutboundPolicy,
  OutboundProxyProtocol,
  OutboundProxyProtocolGrpc,
  OutboundProxyProtocolHttp1,
  OutboundProxyProtocolOpaque,
} from '../gen/messages.ts';
import {
  grpcRouteFromWire,
  grpcRouteToWire,
  httpRouteFromWire,
  httpRouteToWire,
  opaqueRouteFromWire,
  opaqueRouteToWire,
  tlsRouteFromWire,
  tlsRouteToWire,
} from './client-route.ts';
import { ConvertError } from './convert-error.ts';
import { failureAccrualFromWire, failureAccrualToWire } from './failure-accrual.ts';
import { metadataFromWire, metadataToWire } from './metadata.ts';
import { each, join, optional, required, type Wire } from './path.ts';
import { freezeDeep } from './plain-data.ts';
import { durationFromWire, durationToWire } from './time.ts';

/** Throws ConvertError: the target's policy is invalid. Regular expressions are not compiled here. */
export function clientPolicyFromWire(wire: OutboundPolicy): ClientPolicy {
  return freezeDeep({
    parent: metadataFromWire(wire.metadata, 'metadata'),
    protocol: protocolFromWire(required(wire.protocol, 'protocol'), 'protocol'),
  });
}

/** Throws ConvertError for filters and retry conditions that the wire has no place for. */
export function clientPolicyToWire(policy: ClientPolicy): OutboundPolicy {
  return { metadata: metadataToWire(policy.parent), protocol: protocolToWire(policy.protocol) };
}

function protocolFromWire(wire: OutboundProxyProtocol, at: string): ClientProtocol {
  const { detect } = wire;
  if (detect) {
    const path = join(at, 'detect');
    return {
      kind: 'detect',
      timeoutMs: durationFromWire(detect.timeout, join(path, 'timeout')),
      opaque: opaqueFromWire(detect.opaque, join(path, 'opaque')),
      http1: httpFromWire(detect.http1, join(path, 'http1')),
      http2: httpFromWire(detect.http2, join(path, 'http2')),
    };
  }
  if (wire.opaque) return { kind: 'opaque', ...opaqueFromWire(wire.opaque, join(at, 'opaque')) };
  if (wire.http1) return { kind: 'http1', ...httpFromWire(wire.http1, join(at, 'http1')) };
  if (wire.http2) return { kind: 'http2', ...httpFromWire(wire.http2, join(at, 'http2')) };
  if (wire.grpc) return { kind: 'grpc', ...grpcFromWire(wire.grpc, join(at, 'grpc')) };
  if (!wire.tls) throw new ConvertError('KIND_UNKNOWN', join(at, 'kind'));
  return { kind: 'tls', routes: each(wire.tls.routes, join(at, 'tls.routes'), tlsRouteFromWire) };
}

function protocolToWire(protocol: ClientProtocol): OutboundProxyProtocol {
  switch (protocol.kind) {
    case 'detect': {
      const { timeoutMs, opaque, http1, http2 } = protocol;
      return { detect: { timeout: durationToWire(timeoutMs), opaque: opaqueToWire(opaque), http1: httpToWire(http1), http2: httpToWire(http2) } };
    }
    case 'opaque':
      return { opaque: opaqueToWire(protocol) };
    case 'http1':
      return { http1: httpToWire(protocol) };
    case 'http2':
      return { http2: httpToWire(protocol) };
    case 'grpc':
      return { grpc: grpcToWire(protocol) };
    case 'tls':
      return { tls: { routes: protocol.routes.map((route: TlsRoute) => tlsRouteToWire(route)) } };
  }
}

function opaqueFromWire(wire: Wire<OutboundProxyProtocolOpaque>, at: string): OpaqueProtocol {
  return { routes: each(required(wire, at).routes, join(at, 'routes'), opaqueRouteFromWire) };
}

function opaqueToWire({ routes }: OpaqueProtocol): OutboundProxyProtocolOpaque {
  return { routes: routes.map(opaqueRouteToWire) };
}

/** Http1 and Http2 have the same shape. */
function httpFromWire(wire: Wire<OutboundProxyProtocolHttp1>, at: string): HttpProtocol {
  const { routes, failureAccrual } = required(wire, at);
  return {
    routes: each(routes, join(at, 'routes'), httpRouteFromWire),
    accrual: optional(failureAccrual, join(at, 'failure_accrual'), failureAccrualFromWire),
  };
}

function httpToWire({ routes, accrual }: HttpProtocol): OutboundProxyProtocolHttp1 {
  return { routes: routes.map(httpRouteToWire), failureAccrual: accrual && failureAccrualToWire(accrual) };
}

function grpcFromWire({ routes, failureAccrual }: OutboundProxyProtocolGrpc, at: string): GrpcProtocol {
  return {
    routes: each(routes, join(at, 'routes'), grpcRouteFromWire),
    accrual: optional(failureAccrual, join(at, 'failure_accrual'), failureAccrualFromWire),
  };
}

function grpcToWire({ routes, accrual }: GrpcProtocol): OutboundProxyProtocolGrpc {
  return { routes: routes.map(grpcRouteToWire), failureAccrual: accrual && failureAccrualToWire(accrual) };
}
