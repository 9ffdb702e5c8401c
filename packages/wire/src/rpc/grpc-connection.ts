// One HTTP/2 connection and the calls on it. While a call is open and the peer is silent, it is asked for a sign of life:
// without one a peer that vanished would keep its streams, and what was discovered over them, for ever. RFC 9113 §6.7.
import type { ClientHttp2Session } from 'node:http2';
import type { Clock, Millis, Timer } from '@weft/core';
import type { Lease } from './lease.ts';

export interface KeepAlive {
  /** Silence on a connection with open calls after which a PING is sent, in milliseconds. */
  readonly intervalMs: Millis;
  /** A connection whose PING is not answered in this time is destroyed, in milliseconds. */
  readonly timeoutMs: Millis;
}

export interface GrpcConnectionOptions {
  readonly session: ClientHttp2Session;
  readonly clock: Clock;
  /** Default: no PINGs. */
  readonly keepAlive?: KeepAlive | undefined;
  /** There is room for another call, or none for any: the connection was closed or is being so. */
  readonly changed: () => void;
}

export class GrpcConnection {
  readonly session: ClientHttp2Session;
  readonly openedAt: Millis;
  /** Calls on it. */
  active = 0;
  /** The peer answered a call on it. */
  answered = false;
  readonly #options: GrpcConnectionOptions;
  #heard = false;
  #timer: Timer | undefined;

  constructor(options: GrpcConnectionOptions) {
    this.session = options.session;
    this.#options = options;
    this.openedAt = options.clock.now();
    // The peer wants to be left: running calls end there, new ones go elsewhere. Node tells before it closes the session.
    this.session.on('goaway', () => {
      this.session.close();
      options.changed();
    });
    this.session.on('remoteSettings', options.changed);
    this.session.once('close', () => {
      this.#timer?.cancel();
      options.changed();
    });
  }

  /** Takes new calls. */
  get open(): boolean {
    return !this.session.closed && !this.session.destroyed;
  }

  /** Of the peer's limit. */
  get full(): boolean {
    return this.active >= Math.max(1, this.session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
  }

  lease(onAnswered: (connection: GrpcConnection) => void): Lease {
    this.active++;
    if (this.active === 1) this.#watch();
    return {
      session: this.session,
      answered: () => {
        this.#heard = true;
        onAnswered(this);
      },
      received: () => {
        this.#heard = true;
      },
      release: () => {
        this.active--;
        if (this.active === 0) this.#timer?.cancel();
        this.#options.changed();
      },
    };
  }

  #watch(): void {
    const { keepAlive, clock } = this.#options;
    if (!keepAlive || this.session.destroyed) return;
    this.#heard = false;
    this.#timer?.cancel();
    this.#timer = clock.after(keepAlive.intervalMs, () => {
      if (this.#heard) this.#watch();
      else this.#ping(keepAlive.timeoutMs);
    });
  }

  #ping(timeoutMs: Millis): void {
    this.#timer = this.#options.clock.after(timeoutMs, () => {
      this.session.destroy(new Error(`the peer did not answer a PING within ${timeoutMs} ms`));
    });
    this.session.ping((error) => {
      if (error || this.session.destroyed) return;
      if (this.active > 0) this.#watch();
      else this.#timer?.cancel();
    });
  }
}
