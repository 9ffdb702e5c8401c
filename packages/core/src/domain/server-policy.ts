// Inbound policy of one port: protocol, routes, authorizations. spec/proxy.md §8, spec/wire.md, inbound.proto.
import type { IpNetwork } from '../address/network.ts';
import type { Filter, GrpcMatch, HostMatch, HttpMatch } from './match.ts';
import type { Metadata } from './metadata.ts';

export interface ServerPolicy {
  readonly metadata: Metadata;
  readonly protocol: ServerProtocol;
}

export type ServerProtocol =
  | {
      readonly kind: 'detect';
      readonly timeoutMs: number;
      readonly routes: readonly InboundRoute<HttpMatch>[];
      readonly authorizations: readonly Authorization[];
      readonly rateLimit?: RateLimit | undefined;
    }
  | {
      readonly kind: 'http1' | 'http2';
      readonly routes: readonly InboundRoute<HttpMatch>[];
      readonly authorizations: readonly Authorization[];
      readonly rateLimit?: RateLimit | undefined;
    }
  | { readonly kind: 'grpc'; readonly routes: readonly InboundRoute<GrpcMatch>[]; readonly authorizations: readonly Authorization[] }
  | { readonly kind: 'opaque' | 'tls'; readonly authorizations: readonly Authorization[] };

export interface InboundRoute<M> {
  readonly metadata: Metadata;
  readonly hosts: readonly HostMatch[];
  /** The route's own and the server's, in that order. */
  readonly authorizations: readonly Authorization[];
  readonly rules: readonly { readonly matches: readonly M[]; readonly filters: readonly Filter[] }[];
}

export interface Authorization {
  readonly metadata: Metadata;
  /** At least one. */
  readonly networks: readonly { readonly net: IpNetwork; readonly except: readonly IpNetwork[] }[];
  readonly authentication: Authentication;
}

export type Authentication =
  | { readonly kind: 'unauthenticated' }
  /** Any terminated mesh TLS, even without a client identity. */
  | { readonly kind: 'tls' }
  /** Exact identities, or suffixes given as forward labels; a suffix without labels admits every DNS identity. */
  | { readonly kind: 'clients'; readonly identities: readonly string[]; readonly suffixes: readonly (readonly string[])[] };

export interface RateLimit {
  readonly metadata?: Metadata | undefined;
  readonly totalRps?: number | undefined;
  readonly identityRps?: number | undefined;
  readonly overrides: readonly { readonly identities: readonly string[]; readonly rps: number }[];
}
