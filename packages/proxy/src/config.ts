// The proxy's settings as one frozen object, with Linkerd's defaults. spec/proxy.md §1.3.
import { constantWatch, type ExponentialBackoff, type IpNetwork, type SocketAddress, type Watch } from '@weft/core';
import type { Http2Params } from '@weft/http';
import type { TcpOptions } from './ports.ts';

/** One listening socket. */
export interface Listener {
  /** Where to listen; port 0 takes a free one. */
  readonly listen: SocketAddress;
  /** Fixed original destination of everything accepted here. Absent: asked of the `OriginalDst` port. */
  readonly originalDst?: SocketAddress | undefined;
  /** Replaces an outbound authority that names this very listener (`127.0.0.1:PORT`, `localhost:PORT`). */
  readonly authority?: string | undefined;
}

export interface OutboundConfig {
  /** Sockets that take the application's connections. Default: 127.0.0.1:4140. */
  readonly listeners: Watch<readonly Listener[]>;
  /** Protocol detection. Default 10000. */
  readonly detectTimeoutMs: number;
  /** TCP connect; the TLS handshake has the same again. Default 1000. */
  readonly connectTimeoutMs: number;
  /** Between attempts to reach an endpoint. Default 100 – 60000, jitter 0.1. */
  readonly connectBackoff: ExponentialBackoff;
  /** Life of an unused discovery entry. Default 5000. */
  readonly discoveryIdleMs: number;
  /** Most original destinations known at once; unused ones make room, then connections to further ones are refused. Default 10000. */
  readonly maxDestinations: number;
  /** Life of an idle pooled HTTP/1 connection. Default 3000. */
  readonly poolIdleMs: number;
  /** Most idle HTTP/1 connections per endpoint. Default 10000. */
  readonly maxIdlePerEndpoint: number;
  /** Requests waiting for response heads, over all targets. Default 100000. */
  readonly maxInFlight: number;
  /** Requests waiting for an endpoint, per balancer. Default 10000. */
  readonly queueCapacity: number;
  /** How long the first of them waits before all fail. Default 3000. */
  readonly failfastMs: number;
  /** The same for opaque connections. Default 10000 and 3000. */
  readonly tcpQueueCapacity: number;
  readonly tcpFailfastMs: number;
  /** HTTP/2 toward endpoints. Default: stream window 65535, connection window 1048576. */
  readonly http2: Http2Params;
  /** HTTP/2 toward the application. */
  readonly serverHttp2: Http2Params;
  /** Addresses of this pod: endpoints there are reached in plaintext. Default: `inbound.allowedIps`. */
  readonly localIps: readonly string[];
  /** Endpoints at loopback addresses are not connected to: behind redirect rules that would be a loop. Default true. */
  readonly refuseLoopback: boolean;
  /** Networks whose addresses may be looked up as profiles. Default none. */
  readonly profileNetworks: readonly IpNetwork[];
  /** Names below these suffixes may be looked up as profiles. Default `svc.cluster.local.`. */
  readonly profileSuffixes: readonly string[];
  /** Requests name their target themselves, by `l5d-dst-override`; protocols are always detected. Default false. */
  readonly ingress: boolean;
  /** Whether `l5d-proxy-error` and `l5d-proxy-connection` are added to synthesized responses. Default true, false for an ingress. */
  readonly informationalHeaders: boolean;
  /** Whether metrics of routes show the names that clients ask for, up to 1024 of them. Default false. */
  readonly hostnameLabels: boolean;
  readonly sockets: SocketOptions;
}

export interface InboundConfig {
  /** Sockets that take connections of peers. Default: 0.0.0.0:4143. */
  readonly listeners: Watch<readonly Listener[]>;
  /** Original destinations with this port are direct connections (transport header). Default 4143. */
  readonly directPort: number;
  /** TLS and protocol detection. Default 10000. */
  readonly detectTimeoutMs: number;
  /** TCP connect to the application. Default 300. */
  readonly connectTimeoutMs: number;
  /** Between attempts to reach an application that speaks HTTP/2. Default 100 – 10000, jitter 0.1. */
  readonly connectBackoff: ExponentialBackoff;
  /** HTTP/2 requests that wait for a connection to the application, per port. Default 10000. */
  readonly queueCapacity: number;
  /** How long they do before all fail. Default 1000. */
  readonly failfastMs: number;
  /** Life of an unused policy watch. Default 90000. */
  readonly policyIdleMs: number;
  /** Default 3000. */
  readonly poolIdleMs: number;
  /** Default 10000. */
  readonly maxIdlePerEndpoint: number;
  /** Default 100000. */
  readonly maxInFlight: number;
  /** HTTP/2 toward the application. */
  readonly http2: Http2Params;
  /** HTTP/2 toward peers. */
  readonly serverHttp2: Http2Params;
  /** Addresses of this pod; connections for others are refused. Default empty: all are taken. */
  readonly allowedIps: readonly string[];
  /** Names below these suffixes are reached through this proxy by meshed peers. Default none: it is no gateway. */
  readonly gatewaySuffixes: readonly string[];
  /** Names below these suffixes may be looked up as profiles, whose routes are counted. Default: those of `outbound`. */
  readonly profileSuffixes: readonly string[];
  /** How long requests wait for the profile of their name. Default 500. */
  readonly profileTimeoutMs: number;
  /** Ports whose policy is watched from the start and for ever. Default none. */
  readonly ports: readonly number[];
  /** Whether metrics of requests show the names that they were sent to, up to 1024 of them. Default false. */
  readonly authorityLabels: boolean;
  readonly sockets: SocketOptions;
}

export interface SocketOptions {
  /** Of accepted connections. Default none. */
  readonly accept?: TcpOptions | undefined;
  /** Of connections that are made. Default none. */
  readonly connect?: TcpOptions | undefined;
  /** Listen backlog. Default: the operating system's. */
  readonly backlog?: number | undefined;
}

export interface AdminConfig {
  /** Absent: no admin listener. */
  readonly listen?: SocketAddress | undefined;
  /** Port whose inbound policy governs the listener. Default: the port of `listen`. */
  readonly policyPort?: number | undefined;
  /** How long metric series that nothing writes are kept; looked at when metrics are read. Default 600000. */
  readonly metricsRetainIdleMs?: number | undefined;
}

/** How the protocol of a connection is found where policy leaves it open. */
export interface DetectConfig {
  /**
   * `wait`: by the client's first bytes alone, as Linkerd does. `race`: a client that says nothing may be waiting for the server,
   * so the target is connected to meanwhile, and is opaque if it speaks first. Default `wait`.
   */
  readonly mode: 'wait' | 'race';
  /** How long the client has the word to itself before the target is connected to. Default 10. */
  readonly headStartMs: number;
  /** The same for an inbound client that may be meshed, and then begins with a ClientHello. Default 30. */
  readonly helloHeadStartMs: number;
  /** How long a target counts as one whose server speaks first, and a client as meshed. Default 600000. */
  readonly rememberMs: number;
  /** Most such targets, and clients, remembered per side. Default 1024. */
  readonly maxRemembered: number;
}

export interface ProxyConfig {
  readonly outbound: OutboundConfig;
  readonly inbound: InboundConfig;
  readonly admin: AdminConfig;
  readonly detect: DetectConfig;
  /** Most connections held, per listening side, while the first certificate is awaited. Default 1024. */
  readonly maxHeldConnections: number;
  /** How long one of them is held. Default 60000. */
  readonly holdTimeoutMs: number;
  /** Time limit of `close()`. Default 120000. */
  readonly shutdownGraceMs: number;
}

/** What may be given: any part left out takes its default. A `ProxyConfig` is one. */
export interface ProxySettings {
  readonly outbound?: Partial<OutboundConfig>;
  readonly inbound?: Partial<InboundConfig>;
  readonly admin?: AdminConfig;
  readonly detect?: Partial<DetectConfig>;
  readonly maxHeldConnections?: number;
  readonly holdTimeoutMs?: number;
  readonly shutdownGraceMs?: number;
}

const HTTP2_CLIENT: Http2Params = Object.freeze({ initialStreamWindow: 65_535, initialConnectionWindow: 1_048_576 });

/** Fills in the defaults and freezes the whole. */
export function proxyConfig(settings: ProxySettings = {}): ProxyConfig {
  const allowedIps = settings.inbound?.allowedIps ?? [];
  const profileSuffixes = settings.outbound?.profileSuffixes ?? ['svc.cluster.local.'];
  return Object.freeze({
    outbound: Object.freeze({
      listeners: constantWatch<readonly Listener[]>([{ listen: { ip: '127.0.0.1', port: 4140 } }]),
      detectTimeoutMs: 10_000,
      connectTimeoutMs: 1_000,
      connectBackoff: Object.freeze({ minMs: 100, maxMs: 60_000, jitter: 0.1 }),
      discoveryIdleMs: 5_000,
      maxDestinations: 10_000,
      poolIdleMs: 3_000,
      maxIdlePerEndpoint: 10_000,
      maxInFlight: 100_000,
      queueCapacity: 10_000,
      failfastMs: 3_000,
      tcpQueueCapacity: 10_000,
      tcpFailfastMs: 3_000,
      http2: HTTP2_CLIENT,
      serverHttp2: HTTP2_CLIENT,
      localIps: allowedIps,
      refuseLoopback: true,
      profileNetworks: [],
      profileSuffixes,
      ingress: false,
      informationalHeaders: settings.outbound?.ingress !== true,
      hostnameLabels: false,
      sockets: {},
      ...settings.outbound,
    }),
    inbound: Object.freeze({
      listeners: constantWatch<readonly Listener[]>([{ listen: { ip: '0.0.0.0', port: 4143 } }]),
      directPort: 4143,
      detectTimeoutMs: 10_000,
      connectTimeoutMs: 300,
      connectBackoff: Object.freeze({ minMs: 100, maxMs: 10_000, jitter: 0.1 }),
      queueCapacity: 10_000,
      failfastMs: 1_000,
      policyIdleMs: 90_000,
      poolIdleMs: 3_000,
      maxIdlePerEndpoint: 10_000,
      maxInFlight: 100_000,
      http2: HTTP2_CLIENT,
      serverHttp2: HTTP2_CLIENT,
      allowedIps,
      gatewaySuffixes: [],
      profileSuffixes,
      profileTimeoutMs: 500,
      ports: [],
      authorityLabels: false,
      sockets: {},
      ...settings.inbound,
    }),
    admin: Object.freeze({ ...settings.admin }),
    detect: Object.freeze({ mode: 'wait', headStartMs: 10, helloHeadStartMs: 30, rememberMs: 600_000, maxRemembered: 1_024, ...settings.detect }),
    maxHeldConnections: settings.maxHeldConnections ?? 1_024,
    holdTimeoutMs: settings.holdTimeoutMs ?? 60_000,
    shutdownGraceMs: settings.shutdownGraceMs ?? 120_000,
  });
}
