// RpcChannel over HTTP/2. grpc-js's own client insists on ALPN "h2", which the mesh never negotiates, and reads proxy settings
// from the environment even for loopback; this one takes any connected byte stream. spec/proxy.md §5.3.
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, type ExponentialBackoff, parseAuthority, type Random, systemClock } from '@weft/core';
import { callsOver } from './calls-over.ts';
import type { RpcChannel } from './channel.ts';
import type { KeepAlive } from './grpc-connection.ts';
import { GrpcSessions } from './grpc-sessions.ts';

export interface GrpcChannelOptions {
  /** `host:port`, `[v6]:port`, also with `ipv4:`, `ipv6:` or `dns:` in front. Sent as authority as it stands, without that prefix. */
  readonly target: string;
  /** Gives a connected stream (with TLS: after the handshake). Called for every connection. Default: TCP to the target. */
  readonly dial?: (signal: AbortSignal) => Promise<Duplex>;
  /** Until the peer's HTTP/2 settings arrived, in milliseconds. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Between failed connections. Default 100 ms to 10 s, jitter 0.1. */
  readonly backoff?: ExponentialBackoff;
  /** Longest response message in bytes. Default 16 Mi. */
  readonly maxMessageBytes?: number;
  /** Signs of life on connections with open calls. Default: none; some servers count PINGs as an attack. */
  readonly keepAlive?: KeepAlive;
  /** Opened when the peer's limit of streams is reached. Default 8. */
  readonly maxConnections?: number;
  /** Sent as user-agent. Default `weft`. */
  readonly userAgent?: string;
  /** Sent with every call; names in lower case. Default: none. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: the system's. */
  readonly random?: Random;
}

/**
 * Connects with the first call and again whenever a call needs it. A call waits for the connection attempt (and the backoff before it)
 * and fails with UNAVAILABLE when that attempt fails, so that callers who simply try again are paced.
 */
export function grpcChannel(options: GrpcChannelOptions): RpcChannel {
  const { target, clock = systemClock(), random, backoff = { minMs: 100, maxMs: 10_000, jitter: 0.1 } } = options;
  const authority = target.replace(/^(ipv4|ipv6|dns):(\/\/\/)?/, '');
  const sessions = new GrpcSessions({
    dial: options.dial ?? tcpDial(authority),
    target: authority,
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    maxConnections: options.maxConnections ?? 8,
    backoff,
    keepAlive: options.keepAlive,
    clock,
    random,
  });
  return callsOver({
    leases: sessions,
    authority,
    userAgent: options.userAgent ?? 'weft',
    metadata: options.metadata,
    maxMessageBytes: options.maxMessageBytes ?? 16 * 1024 * 1024,
    clock,
  });
}

function tcpDial(authority: string): (signal: AbortSignal) => Promise<Duplex> {
  const parsed = parseAuthority(authority);
  if (!parsed?.port) throw new TypeError(`not a target: ${JSON.stringify(authority)}`);
  const { host, port } = parsed;
  return (signal) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
      const onAbort = (): void => void socket.destroy(new Error('aborted'));
      signal.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => {
        signal.removeEventListener('abort', onAbort);
        socket.off('error', onError);
      };
      const onError = (error: Error): void => {
        settle();
        reject(error);
      };
      socket.once('error', onError);
      socket.once('connect', () => {
        settle();
        resolve(socket);
      });
      if (signal.aborted) onAbort();
    });
}
