// Connections to the application in this pod: one HTTP/1 pool and one HTTP/2 session per port, in plaintext. spec/proxy.md §2.4.
import type { Socket } from 'node:net';
import { formatSocketAddress, ReasonError, reason, type SocketAddress } from '@weft/core';
import type { Http2Params, HttpEngine, Upstream } from '@weft/http';
import type { TransportMetrics } from '../observe/transport-metrics.ts';
import type { Dialer, TcpOptions } from '../ports.ts';

export interface ApplicationsOptions {
  readonly dial: Dialer;
  readonly engine: HttpEngine;
  readonly connectTimeoutMs: number;
  readonly tcp: TcpOptions | undefined;
  readonly poolIdleMs: number;
  readonly maxIdle: number;
  readonly http2: Http2Params;
  /** Connections to this port would come back here. */
  readonly directPort: number;
  readonly transport: TransportMetrics;
}

export interface Applications {
  /** Rejects with a ReasonError. */
  dial(target: SocketAddress, signal?: AbortSignal): Promise<Socket>;
  upstream(target: SocketAddress, version: 'http/1' | 'http/2'): Upstream;
  /** Ends idle connections; those in use finish. */
  close(): void;
  destroy(error?: Error): void;
}

/** The kernel's word for a connection within the pod. */
const LABELS = { direction: 'inbound', peer: 'dst', tls: 'no_identity', no_tls_reason: 'loopback' };

export function applications(options: ApplicationsOptions): Applications {
  const upstreams = new Map<string, Upstream>();

  const dial = async (target: SocketAddress, signal?: AbortSignal, speaks?: 'http/1' | 'http/2'): Promise<Socket> => {
    if (target.port === options.directPort) throw new ReasonError(reason('CONNECTION_LOOP', formatSocketAddress(target)));
    const socket = await options.dial(target, { timeoutMs: options.connectTimeoutMs, signal, tcp: options.tcp, speaks });
    options.transport.track(socket, LABELS);
    return socket;
  };

  return {
    dial: (target, signal) => dial(target, signal),
    upstream(target, version) {
      const key = `${version} ${formatSocketAddress(target)}`;
      let upstream = upstreams.get(key);
      if (!upstream) {
        const { engine, poolIdleMs, maxIdle, http2 } = options;
        upstream = engine.upstream({ version, dial: () => dial(target, undefined, version), poolIdleMs, maxIdle, http2 });
        upstreams.set(key, upstream);
      }
      return upstream;
    },
    close() {
      for (const upstream of upstreams.values()) upstream.close();
      upstreams.clear();
    },
    destroy(error) {
      for (const upstream of upstreams.values()) upstream.destroy(error);
      upstreams.clear();
    },
  };
}
