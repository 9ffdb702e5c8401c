// What a proxy needs from outside: the ports of core, and those of sockets. Tests plug memory implementations, the
// sidecar plugs gRPC clients and SO_ORIGINAL_DST.
import type { Socket } from 'node:net';
import type {
  Buckets,
  Clock,
  DiscoveryPort,
  IdentityPort,
  Logger,
  MetricRegistry,
  PolicyPort,
  Random,
  RegistrySnapshot,
  RetryBudgets,
  SocketAddress,
} from '@weft/core';
import type { HttpEngine, LocalResponse, RequestHead } from '@weft/http';
import type { OpenListener } from './accept/open-listener.ts';
import type { AskBalancers } from './admin/balancers.ts';
import type { AccessLogPort } from './observe/access-log.ts';
import type { InFlightLimit } from './relay/in-flight-limit.ts';
import type { TapPort } from './tap/tap-port.ts';

/** Where a redirected connection was really going. Called once per accepted connection; `of` and `client` must not block or throw. */
export interface OriginalDst {
  /**
   * Where the source has to read from the connection first: called once, before the others and before anything else reads.
   * Rejects with a ReasonError that refuses this connection. Absent: nothing to wait for.
   */
  prepare?(socket: Socket): Promise<void>;
  /** Undefined when the connection was not redirected. */
  of(socket: Socket): SocketAddress | undefined;
  /** Who an inbound client is, where its socket does not say (virtual addresses, forwarded connections). Absent or undefined: the socket's own peer. */
  client?(socket: Socket): SocketAddress | undefined;
}

/** The default: nothing was redirected, listeners with a fixed `originalDst` work, all others see their own address. */
export const staticOriginalDst: OriginalDst = { of: () => undefined };

/** TCP options of a connected socket, in milliseconds. One left out stays as the operating system has it. */
export interface TcpOptions {
  /** Idle time before the first keep-alive probe. */
  readonly keepAliveMs?: number | undefined;
  /** TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged. Linux only. */
  readonly userTimeoutMs?: number | undefined;
}

/** Sets them. Called once for each accepted or dialled connection that has any, before it carries bytes; must not throw. */
export type SetTcpOptions = (socket: Socket, options: TcpOptions) => void;

export interface DialOptions {
  /** Limit for the TCP connect. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly tcp?: TcpOptions | undefined;
  /** Set where the proxy speaks HTTP with the application on this connection, instead of relaying a client's bytes. */
  readonly speaks?: 'http/1' | 'http/2' | undefined;
  /** Source address. Default: chosen by the operating system. */
  readonly localAddress?: string | undefined;
}

/** Opens a TCP connection. Rejects with a `ReasonError` (CONNECT_REFUSED, CONNECT_TIMEOUT, CONNECT_FAILED). */
export type Dialer = (address: SocketAddress, options: DialOptions) => Promise<Socket>;

/** Answers one path of the admin listener, beside the built-in ones. Exact match without query. */
export interface AdminRoute {
  readonly path: string;
  /** `clientIp` is the peer's address. May be called for every method. `body` gives undefined for one that is too long. */
  handle(request: RequestHead, clientIp: string, body: () => Promise<Buffer | undefined>): LocalResponse | Promise<LocalResponse>;
}

export interface ProxyPorts {
  readonly identity: IdentityPort;
  readonly discovery: DiscoveryPort;
  readonly policy: PolicyPort;
  /** Default: `staticOriginalDst`. */
  readonly originalDst?: OriginalDst;
  /** Default: `tcpDialer()`. */
  readonly dial?: Dialer;
  /** For accepted connections, and for the default of `dial`. Default: what Node offers, which is keep-alive. */
  readonly setTcpOptions?: SetTcpOptions;
  /** Default: `weftEngine()`. */
  readonly engine?: HttpEngine;
  /** Registry that metrics are registered in and `/metrics` renders. Default: an own one. */
  readonly metrics?: MetricRegistry;
  /** What other registries hold, added to `metrics` in `/metrics`: those of other threads. Called for each scrape; must not reject. Default none. */
  readonly otherMetrics?: (retainIdleMs: number) => Promise<readonly RegistrySnapshot[]>;
  /** Asks the other threads how their balancers stand, for `/explain`. Default: those of this proxy carry the traffic. */
  readonly otherBalancers?: AskBalancers;
  /** Where the other threads listen for outbound connections. Default: this proxy listens itself. */
  readonly otherOutbound?: () => readonly SocketAddress[];
  /** Opens the inbound and outbound listeners. Default: `openListener`, which binds their addresses. */
  readonly listen?: OpenListener;
  /** In place of own counts up to `maxInFlight`, where several proxies share them. */
  readonly inFlight?: { readonly inbound: InFlightLimit; readonly outbound: InFlightLimit };
  /** In place of own buckets of rate limits, where several proxies share them. */
  readonly rateLimits?: Buckets;
  /** Where a line for each inbound request goes. Default: nowhere. */
  readonly accessLog?: AccessLogPort;
  /** Who observes requests. Default: nobody. */
  readonly tap?: TapPort;
  /** In place of own retry budgets of ServiceProfiles, where several proxies share them. */
  readonly retryBudgets?: RetryBudgets;
  /** More admin paths, such as `/shutdown`. Default none. */
  readonly adminRoutes?: readonly AdminRoute[];
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}
