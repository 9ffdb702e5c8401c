// Connections to the application in this pod: one HTTP/1 pool and one HTTP/2 session per port, in plaintext. spec/proxy.md §2.4.
import type { Socket } from 'node:net';
import { type Clock, type ExponentialBackoff, formatSocketAddress, type Random, type Reason, ReasonError, reason, type SocketAddress } from '@weft/core';
import type { Http2Params, HttpEngine, Upstream } from '@weft/http';
import type { TransportMetrics } from '../observe/transport-metrics.ts';
import type { Dialer, TcpOptions } from '../ports.ts';
import { Http2Application } from './http2-application.ts';

export interface ApplicationsOptions {
  readonly dial: Dialer;
  readonly engine: HttpEngine;
  readonly connectTimeoutMs: number;
  readonly connectBackoff: ExponentialBackoff;
  readonly tcp: TcpOptions | undefined;
  readonly poolIdleMs: number;
  readonly maxIdle: number;
  readonly http2: Http2Params;
  /** HTTP/2 requests that wait for a connection, per port. */
  readonly queueCapacity: number;
  /** How long they do. */
  readonly failfastMs: number;
  /** How long a connection is tried after the last request for it. */
  readonly idleMs: number;
  /** Connections to this port would come back here. */
  readonly directPort: number;
  readonly transport: TransportMetrics;
  /** An HTTP/2 connection could not be made; what waits for it goes on waiting. */
  readonly onFailed: (target: SocketAddress, why: Reason) => void;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Applications {
  /** Rejects with a ReasonError. */
  dial(target: SocketAddress, signal?: AbortSignal): Promise<Socket>;
  http1(target: SocketAddress): Upstream;
  http2(target: SocketAddress): Http2Application;
  /** Ends idle connections; those in use finish. */
  close(): void;
  destroy(error?: Error): void;
}

/** The kernel's word for a connection within the pod. */
const LABELS = { direction: 'inbound', peer: 'dst', tls: 'no_identity', no_tls_reason: 'loopback' };

export function applications(options: ApplicationsOptions): Applications {
  const { engine, poolIdleMs, maxIdle, clock, random } = options;

  const dial = async (target: SocketAddress, signal?: AbortSignal, speaks?: 'http/1' | 'http/2'): Promise<Socket> => {
    if (target.port === options.directPort) throw new ReasonError(reason('CONNECTION_LOOP', formatSocketAddress(target)));
    const socket = await options.dial(target, { timeoutMs: options.connectTimeoutMs, signal, tcp: options.tcp, speaks });
    options.transport.track(socket, LABELS);
    return socket;
  };
  const http1 = byAddress<Upstream>(
    (target) => engine.upstream({ version: 'http/1', dial: () => dial(target, undefined, 'http/1'), poolIdleMs, maxIdle }),
    (upstream) => upstream.inFlight === 0,
  );
  const http2 = byAddress<Http2Application>(
    (target) =>
      new Http2Application({
        name: formatSocketAddress(target),
        upstream: engine.upstream({ version: 'http/2', dial: () => dial(target, undefined, 'http/2'), http2: options.http2 }),
        capacity: options.queueCapacity,
        failfastMs: options.failfastMs,
        backoff: options.connectBackoff,
        idleMs: options.idleMs,
        onFailed: (why) => options.onFailed(target, why),
        clock,
        random,
      }),
    (application) => application.idle,
  );

  return {
    dial: (target, signal) => dial(target, signal),
    http1: http1.get,
    http2: http2.get,
    close() {
      http1.each((upstream) => upstream.close());
      http2.each((application) => application.close());
    },
    destroy(error) {
      http1.each((upstream) => upstream.destroy(error));
      http2.each((application) => application.destroy(error));
    },
  };
}

/** Known at once per HTTP version: beyond it the one that was made first and is not in use makes room. */
const MAX_PORTS = 1_024;

interface ByAddress<T> {
  get(target: SocketAddress): T;
  /** Forgets them all. */
  each(end: (one: T) => void): void;
}

function byAddress<T extends { close(): void }>(make: (target: SocketAddress) => T, idle: (one: T) => boolean): ByAddress<T> {
  const known = new Map<string, T>();
  const makeRoom = (): void => {
    for (const [key, one] of known) {
      if (!idle(one)) continue;
      known.delete(key);
      return one.close();
    }
  };
  return {
    get(target) {
      const key = formatSocketAddress(target);
      let one = known.get(key);
      if (!one) {
        if (known.size >= MAX_PORTS) makeRoom();
        known.set(key, (one = make(target)));
      }
      return one;
    },
    each(end) {
      for (const one of known.values()) end(one);
      known.clear();
    },
  };
}
