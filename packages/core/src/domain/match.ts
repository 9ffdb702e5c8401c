// Matches and filters that inbound and outbound routes share. spec/wire.md, http_route.proto, grpc_route.proto.

export type HostMatch =
  | { readonly kind: 'exact'; readonly host: string }
  /** Labels in reverse: `*.example.com` is `['com', 'example']`. */
  | { readonly kind: 'suffix'; readonly reverseLabels: readonly string[] };

export type StringMatch = { readonly kind: 'exact'; readonly value: string } | { readonly kind: 'regex'; readonly regex: string };

export type PathMatch = StringMatch | { readonly kind: 'prefix'; readonly value: string };

export interface NamedMatch {
  readonly name: string;
  readonly value: StringMatch;
}

/** All parts must hold; an absent part holds. */
export interface HttpMatch {
  readonly path?: PathMatch | undefined;
  readonly headers: readonly NamedMatch[];
  readonly query: readonly NamedMatch[];
  /** Upper case. */
  readonly method?: string | undefined;
}

export interface GrpcMatch {
  /** Empty service or method matches any. */
  readonly rpc: { readonly service: string; readonly method: string };
  readonly headers: readonly NamedMatch[];
}

export interface HeaderModifier {
  readonly add: readonly (readonly [name: string, value: string])[];
  readonly set: readonly (readonly [name: string, value: string])[];
  readonly remove: readonly string[];
}

export interface Ratio {
  readonly numerator: number;
  readonly denominator: number;
}

export type Filter =
  | { readonly kind: 'http-failure'; readonly status: number; readonly message: string; readonly ratio?: Ratio | undefined }
  | { readonly kind: 'grpc-failure'; readonly code: number; readonly message: string; readonly ratio?: Ratio | undefined }
  | { readonly kind: 'request-headers'; readonly modifier: HeaderModifier }
  | { readonly kind: 'response-headers'; readonly modifier: HeaderModifier }
  | {
      readonly kind: 'redirect';
      readonly scheme?: string | undefined;
      readonly host?: string | undefined;
      readonly port?: number | undefined;
      readonly path?: { readonly kind: 'full' | 'prefix'; readonly value: string } | undefined;
      /** 0 means the default, 301. */
      readonly status: number;
    }
  | { readonly kind: 'invalid'; readonly message: string }
  | { readonly kind: 'forbidden' }
  /** A filter kind this version does not know: requests that reach it fail. */
  | { readonly kind: 'unknown' };
