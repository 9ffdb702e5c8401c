// One endpoint as opaque connections use it. spec/proxy.md §6.6.
import type { Socket } from 'node:net';
import { type Clock, type Endpoint, type ExponentialBackoff, formatSocketAddress, type Random, type Reason, reasonOf } from '@weft/core';
import { isHopeless, type MemberStatus, type PoolMember } from '../outbound/pool-member.ts';
import type { EndpointDialer } from './endpoint-dialer.ts';
import { Reconnect } from './reconnect.ts';

export interface TcpEndpointOptions {
  readonly endpoint: Endpoint;
  /** One of several: after a failure it rests. Alone it is asked for every connection. */
  readonly balanced: boolean;
  readonly dialer: EndpointDialer;
  readonly onConnected: (socket: Socket) => void;
  readonly onFailed: (why: Reason) => void;
  readonly backoff: ExponentialBackoff;
  readonly clock: Clock;
  readonly random: Random;
  readonly changed: () => void;
}

/** Only a connection of a client can tell whether it is back: servers may hold empty ones against their clients. */
const MAX_REST_MS = 1_000;

export class TcpEndpoint implements PoolMember {
  readonly endpoint: Endpoint;
  readonly address: string;
  ready = true;
  readonly #options: TcpEndpointOptions;
  readonly #reconnect: Reconnect;
  #since: number;
  #lastError: Reason | undefined;
  #closed = false;

  constructor(options: TcpEndpointOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.address = formatSocketAddress(options.endpoint.address);
    this.#since = options.clock.now();
    const { minMs, maxMs, jitter } = options.backoff;
    const backoff = { minMs: Math.min(minMs, MAX_REST_MS), maxMs: Math.min(maxMs, MAX_REST_MS), jitter };
    this.#reconnect = new Reconnect(backoff, options.clock, options.random);
  }

  /** Rejects with a ReasonError; the endpoint then rests for a while. */
  async dial(signal: AbortSignal): Promise<Socket> {
    try {
      const socket = await this.#options.dialer.dial(this.endpoint, 'opaque', signal);
      this.#options.onConnected(socket);
      this.#reconnect.succeeded();
      this.#lastError = undefined;
      return socket;
    } catch (error) {
      if (!signal.aborted) this.#rest(reasonOf(error));
      throw error;
    }
  }

  get hopeless(): Reason | undefined {
    return isHopeless(this.#lastError) ? this.#lastError : undefined;
  }

  get status(): MemberStatus {
    return { address: this.address, state: this.ready ? 'ready' : 'connecting', lastError: this.#lastError, since: this.#since };
  }

  close(): void {
    this.#closed = true;
    this.#reconnect.stop();
  }

  #rest(why: Reason): void {
    this.#options.onFailed(why);
    this.#lastError = why;
    if (this.#closed) return;
    if (this.#options.balanced) {
      this.#setReady(false);
      this.#reconnect.failed(() => this.#setReady(true));
    }
    if (this.hopeless) this.#options.changed();
  }

  #setReady(ready: boolean): void {
    if (this.ready === ready) return;
    this.ready = ready;
    this.#since = this.#options.clock.now();
    this.#options.changed();
  }
}
