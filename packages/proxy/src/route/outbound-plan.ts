// A client policy compiled: everything a connection or request has to look up is looked up here. spec/proxy.md §2.2, §7.
import {
  assertNever,
  type Backend,
  type FailureAccrual,
  type GrpcMatch,
  type GrpcProtocol,
  type HttpMatch,
  type HttpProtocol,
  type Metadata,
  type OpaqueProtocol,
  type Random,
} from '@weft/core';
import { grpcMatch, httpMatch, type OutboundRouting, patternCompiler } from '@weft/core/route';
import type { BindProfileMeters } from '../observe/profile-metrics.ts';
import type { RouteConnections } from '../observe/route-metrics.ts';
import type { Available } from './distribution.ts';
import { compileHttp, type HttpPlan, type Source } from './http-plan.ts';
import { compileProfile } from './profile-plan.ts';
import { compileOpaque, compileTls, type TcpPlan, type TcpSource } from './tcp-plan.ts';

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
  readonly profileMeters: BindProfileMeters;
  readonly random: Random;
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
      ? compileProfile(profile, httpSource({ parent: profile.parent, protocol: version }), options.profileMeters)
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
