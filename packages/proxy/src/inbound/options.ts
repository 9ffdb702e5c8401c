// What the inbound pipeline works with.
import type { IpAddress } from '@weft/core';
import type { TlsServer } from '@weft/tls';
import type { Racing } from '../accept/racing.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { DetectMetrics } from '../observe/detect-metrics.ts';
import type { Refusals } from '../observe/refusals.ts';
import type { TransportMetrics } from '../observe/transport-metrics.ts';
import type { OriginalDst } from '../ports.ts';
import type { InboundPolicies } from './policies.ts';
import type { InboundHttpShared } from './serve-http.ts';
import type { InboundTcpShared } from './serve-tcp.ts';
import type { TlsDetectOptions } from './terminate-tls.ts';

export interface InboundOptions {
  readonly originalDst: OriginalDst;
  readonly directPort: number;
  readonly allowedIps: readonly IpAddress[];
  readonly policies: InboundPolicies;
  /** Detection, and termination without ALPN. */
  readonly tls: TlsDetectOptions;
  /** Termination with the transport ALPN. */
  readonly directTlsServer: TlsServer;
  readonly detect: DetectMetrics;
  /** Undefined: detection waits for the client alone. */
  readonly racing: Racing | undefined;
  /** Undefined: this proxy is no gateway. */
  readonly gateway: Gateway | undefined;
  readonly transport: TransportMetrics;
  readonly refusals: Refusals;
  readonly http: InboundHttpShared;
  readonly tcp: InboundTcpShared;
}
