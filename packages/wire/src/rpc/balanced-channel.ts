// RpcChannel over all addresses of a service, as they change. spec/proxy.md §5.3.
import type { Duplex } from 'node:stream';
import { type Clock, type ExponentialBackoff, formatSocketAddress, type Millis, type Random, type SocketAddress, systemClock, type Watch } from '@weft/core';
import type { BalanceObserver } from './balance-observer.ts';
import { BalancedLeases } from './balanced-leases.ts';
import { BalancedMember } from './balanced-member.ts';
import type { CallObserver } from './call-observer.ts';
import { callsOver } from './calls-over.ts';
import type { RpcChannel } from './channel.ts';
import type { KeepAlive } from './grpc-connection.ts';

export interface BalancedChannelOptions {
  /** Sent as authority, and shown in errors. */
  readonly authority: string;
  /** Followed from the first call on. An address that leaves the set gets no new calls; those that run go on. */
  readonly addresses: Watch<readonly SocketAddress[]>;
  /** Gives a connected stream (with TLS: after the handshake). Called for every connection. */
  readonly dial: (address: SocketAddress, signal: AbortSignal) => Promise<Duplex>;
  /** Until the peer's HTTP/2 settings arrived, in milliseconds. Default 10 000. */
  readonly connectTimeoutMs?: Millis;
  /** Between failed connections to one address. Default 100 ms to 10 s, jitter 0.1. */
  readonly backoff?: ExponentialBackoff;
  /** Signs of life on connections with open calls. Default: none; some servers count PINGs as an attack. */
  readonly keepAlive?: KeepAlive | undefined;
  /** To one address, opened when the peer's limit of streams is reached. Default 8. */
  readonly maxConnections?: number;
  /** Calls that may wait while no address is connected; more are refused. Default 1000. */
  readonly queueCapacity?: number;
  /** After so long without a connected address, waiting and new calls fail until there is one, in milliseconds. Default 30 000. */
  readonly failfastMs?: Millis;
  /** Longest response message in bytes. Default 16 Mi. */
  readonly maxMessageBytes?: number;
  /** Sent as user-agent. Default `weft`. */
  readonly userAgent?: string;
  /** An attempt to connect failed. Default: nobody wants to know; calls carry the last error of each address. */
  readonly onConnectFailed?: ((address: SocketAddress, error: unknown) => void) | undefined;
  readonly observer?: BalanceObserver | undefined;
  /** Called for each call. */
  readonly observeCall?: (() => CallObserver) | undefined;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: the system's. */
  readonly random?: Random;
}

/** Calls are spread by power of two choices over Peak-EWMA. A call that finds nothing connected waits; it fails only with UNAVAILABLE. */
export function balancedChannel(options: BalancedChannelOptions): RpcChannel {
  const { authority, dial, clock = systemClock(), random, onConnectFailed } = options;
  const backoff = options.backoff ?? { minMs: 100, maxMs: 10_000, jitter: 0.1 };
  const leases = new BalancedLeases({
    name: authority,
    addresses: options.addresses,
    member: (address, changed) =>
      new BalancedMember({
        address,
        changed,
        dial: (signal) => dial(address, signal),
        target: formatSocketAddress(address),
        connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
        maxConnections: options.maxConnections ?? 8,
        backoff,
        keepAlive: options.keepAlive,
        clock,
        random,
        onFailed: (to, error) => onConnectFailed?.(to, error),
      }),
    capacity: options.queueCapacity ?? 1_000,
    failfastMs: options.failfastMs ?? 30_000,
    clock,
    random,
    observer: options.observer,
  });
  return callsOver({
    leases,
    authority,
    userAgent: options.userAgent ?? 'weft',
    maxMessageBytes: options.maxMessageBytes ?? 16 * 1024 * 1024,
    clock,
    observe: options.observeCall,
  });
}
