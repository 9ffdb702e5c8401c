// Live observation of requests: which ones somebody wants to see, and what is told of them. spec/proxy.md §9.5.
import type { IpNetwork } from '../address/network.ts';
import type { SocketAddress } from '../address/socket-address.ts';

/** A condition on a request and its two sides. */
export type TapMatch =
  | { readonly kind: 'all' | 'any'; readonly matches: readonly TapMatch[] }
  | { readonly kind: 'not'; readonly match: TapMatch }
  | { readonly kind: 'source' | 'destination'; readonly address: TapAddressMatch }
  | { readonly kind: 'destination-label' | 'route-label'; readonly key: string; readonly value: string }
  | { readonly kind: 'scheme' | 'method'; readonly value: string }
  /** Paths without their query. */
  | { readonly kind: 'authority' | 'path'; readonly text: { readonly kind: 'exact' | 'prefix'; readonly value: string } };

export type TapAddressMatch =
  | { readonly kind: 'network'; readonly network: IpNetwork }
  /** Both included. */
  | { readonly kind: 'ports'; readonly first: number; readonly last: number };

/** Who talks to whom: the same in all events of a request. */
export interface TapSides {
  readonly direction: 'inbound' | 'outbound';
  /** Undefined where the client is in this process. */
  readonly source: SocketAddress | undefined;
  readonly sourceLabels: TapLabels;
  readonly destination: SocketAddress;
  readonly destinationLabels: TapLabels;
  /** Of the route of a ServiceProfile; undefined where none drives the request. */
  readonly routeLabels: TapLabels | undefined;
}

export type TapLabels = Readonly<Record<string, string>>;

/** Lines in order: name and value. Values are bytes, one character each. */
export type TapHeaders = readonly (readonly [name: string, value: string])[];

/** Times in milliseconds. Headers are undefined where nobody asked for them. */
export type TapHttpEvent =
  | {
      readonly kind: 'request';
      readonly method: string;
      readonly scheme: string | undefined;
      readonly authority: string;
      readonly path: string;
      readonly headers: TapHeaders | undefined;
    }
  | { readonly kind: 'response'; readonly sinceRequestMs: number; readonly status: number; readonly headers: TapHeaders | undefined }
  | {
      readonly kind: 'end';
      readonly sinceRequestMs: number;
      /** Undefined where there was no response. */
      readonly sinceResponseMs: number | undefined;
      /** Of the body. */
      readonly bytes: number;
      readonly eos: TapEos | undefined;
      readonly trailers: TapHeaders | undefined;
    };

export type TapEos = { readonly kind: 'grpc-status'; readonly code: number } | { readonly kind: 'reset'; readonly code: number };

export interface TapEvent {
  /** Counts the requests of one observation. */
  readonly stream: number;
  readonly sides: TapSides;
  readonly http: TapHttpEvent;
}
