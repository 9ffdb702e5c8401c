// One address behind a target, with what is known of the proxy in front of it. spec/wire.md, destination.proto.
import type { SocketAddress } from '../address/socket-address.ts';
import type { IdentityId } from '../names/identity-name.ts';
import type { Metadata } from './metadata.ts';

export interface ServerIdentity {
  readonly id: IdentityId;
  /** Sent as SNI. */
  readonly serverName: string;
}

/** `h2`: the peer proxy accepts HTTP/1 upgraded to HTTP/2. `opaque`: the peer treats the port as opaque. */
export type ProtocolHint = 'none' | 'h2' | 'opaque';

export interface Http2ClientParams {
  readonly initialConnectionWindow?: number | undefined;
  readonly initialStreamWindow?: number | undefined;
  readonly adaptive?: boolean | undefined;
  readonly keepAlive?: { readonly intervalMs: number; readonly timeoutMs: number; readonly whileIdle: boolean } | undefined;
  readonly maxConcurrentResetStreams?: number | undefined;
  readonly maxFrameSize?: number | undefined;
  readonly maxSendBufferBytes?: number | undefined;
}

export interface Endpoint {
  readonly address: SocketAddress;
  /** Carried on the wire; balancers ignore it (spec/proxy.md §6.1). */
  readonly weight: number;
  /** Metric labels of the set, overlaid by those of the address. Rendered as `dst_<key>`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Absent: plaintext. */
  readonly identity?: ServerIdentity | undefined;
  readonly hint: ProtocolHint;
  /** Port that takes the transport header, 1 – 65534. */
  readonly opaqueTransportPort?: number | undefined;
  /** `host:port` to put in place of the authority. */
  readonly authorityOverride?: string | undefined;
  readonly http2?: Http2ClientParams | undefined;
  readonly resource?: Metadata | undefined;
}

/** A whole set. Unchanged endpoints keep their object identity from one set to the next. */
export type EndpointSet = readonly Endpoint[];

/** An endpoint of which only the address is known: plaintext, no labels. */
export function plainEndpoint(address: SocketAddress): Endpoint {
  return { address, weight: 1, labels: {}, hint: 'none' };
}
