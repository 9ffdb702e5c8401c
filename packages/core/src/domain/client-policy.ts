// Outbound policy of one target: protocol, routes, backends. spec/wire.md, outbound.proto.
import type { Endpoint } from './endpoint.ts';
import type { Filter, GrpcMatch, HostMatch, HttpMatch } from './match.ts';
import type { Metadata } from './metadata.ts';

export interface ClientPolicy {
  /** The parent: usually the Service and port. */
  readonly parent: Metadata;
  readonly protocol: ClientProtocol;
}

export type ClientProtocol =
  | { readonly kind: 'detect'; readonly timeoutMs: number; readonly opaque: OpaqueProtocol; readonly http1: HttpProtocol; readonly http2: HttpProtocol }
  | ({ readonly kind: 'opaque' } & OpaqueProtocol)
  | ({ readonly kind: 'http1' | 'http2' } & HttpProtocol)
  | ({ readonly kind: 'grpc' } & GrpcProtocol)
  | { readonly kind: 'tls'; readonly routes: readonly TlsRoute[] };

export interface OpaqueProtocol {
  readonly routes: readonly OpaqueRoute[];
}

export interface HttpProtocol {
  readonly routes: readonly HttpRoute[];
  readonly accrual?: FailureAccrual | undefined;
}

export interface GrpcProtocol {
  readonly routes: readonly GrpcRoute[];
  readonly accrual?: FailureAccrual | undefined;
}

export interface HttpRoute {
  readonly metadata: Metadata;
  readonly hosts: readonly HostMatch[];
  readonly rules: readonly HttpRule<HttpMatch, HttpRetryConditions>[];
}

export interface GrpcRoute {
  readonly metadata: Metadata;
  readonly hosts: readonly HostMatch[];
  readonly rules: readonly HttpRule<GrpcMatch, GrpcRetryConditions>[];
}

export interface HttpRule<M, C> {
  readonly matches: readonly M[];
  readonly filters: readonly Filter[];
  readonly distribution: Distribution;
  readonly timeouts: { readonly requestMs?: number | undefined; readonly responseMs?: number | undefined; readonly idleMs?: number | undefined };
  readonly retry?: Retry<C> | undefined;
  readonly allowL5dHeaders: boolean;
}

export interface TlsRoute {
  readonly metadata: Metadata;
  readonly snis: readonly HostMatch[];
  readonly rules: readonly TcpRule[];
}

export interface OpaqueRoute {
  readonly metadata: Metadata;
  readonly rules: readonly TcpRule[];
}

export interface TcpRule {
  readonly filters: readonly Filter[];
  readonly distribution: Distribution;
}

export type Distribution =
  | { readonly kind: 'empty' }
  | { readonly kind: 'first-available'; readonly backends: readonly RouteBackend[] }
  | { readonly kind: 'random-available'; readonly backends: readonly (RouteBackend & { readonly weight: number })[] };

export interface RouteBackend {
  readonly backend: Backend;
  readonly filters: readonly Filter[];
}

export interface Backend {
  readonly metadata: Metadata;
  readonly dispatcher: Dispatcher;
  /** Carried on the wire; the proxy's own settings rule (spec/proxy.md §6.3). */
  readonly queue: { readonly capacity: number; readonly failfastTimeoutMs: number };
}

export type Dispatcher =
  | { readonly kind: 'forward'; readonly endpoint: Endpoint }
  | { readonly kind: 'balancer' /** `host:port` to resolve. */; readonly path: string; readonly load: Load }
  | { readonly kind: 'fail'; readonly message: string };

export type Load =
  | { readonly kind: 'peak-ewma'; readonly defaultRttMs: number; readonly decayMs: number }
  | {
      readonly kind: 'penalty-peak-ewma';
      readonly defaultRttMs: number;
      readonly decayMs: number;
      readonly penaltyMs: number;
      readonly penaltyDecayMs: number;
      readonly maxRetryAfterMs: number;
    };

export interface ExponentialBackoff {
  readonly minMs: number;
  readonly maxMs: number;
  /** Share of the base added at random, 0 – 1 or more. */
  readonly jitter: number;
}

export type FailureAccrual =
  | { readonly kind: 'consecutive'; readonly maxFailures: number; readonly backoff: ExponentialBackoff }
  | {
      readonly kind: 'unified';
      readonly threshold: number;
      readonly windowMs: number;
      readonly minRequests: number;
      /** 0: off. */
      readonly maxConsecutiveFailures: number;
      readonly backoff: ExponentialBackoff;
    };

export interface Retry<C> {
  readonly maxRetries: number;
  readonly maxRequestBytes: number;
  readonly conditions: C;
  readonly timeoutMs?: number | undefined;
  readonly backoff?: ExponentialBackoff | undefined;
}

export interface HttpRetryConditions {
  readonly statusRanges: readonly { readonly start: number; readonly end: number }[];
}

/** gRPC codes that are retried. */
export interface GrpcRetryConditions {
  readonly codes: readonly number[];
}
