// One endpoint as opaque connections use it. spec/proxy.md §6.6.
import type { Socket } from 'node:net';
import { type Clock, type Endpoint, type ExponentialBackoff, formatSocketAddress, type Random, type Reason, reasonOf } from '@weft/core';
import { describeMember, isHopeless, type PoolMember } from '../outbound/balanced-queue.ts';
import type { EndpointDialer } from './endpoint-dialer.ts';
import { Reconnect } from './reconnect.ts';

export interface TcpEndpointOptions {
  readonly endpoint: Endpoint;
  readonly dialer: EndpointDialer;
  readonly onConnected: (socket: Socket) => void;
  readonly onFailed: (why: Reason) => void;
  readonly backoff: ExponentialBackoff;
  readonly clock: Clock;
  readonly random: Random;
  readonly changed: () => void;
}

export class TcpEndpoint implements PoolMember {
  readonly endpoint: Endpoint;
  readonly address: string;
  ready = true;
  readonly #options: TcpEndpointOptions;
  readonly #reconnect: Reconnect;
  #lastError: Reason | undefined;
  #closed = false;

  constructor(options: TcpEndpointOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.address = formatSocketAddress(options.endpoint.address);
    this.#reconnect = new Reconnect(options.backoff, options.clock, options.random);
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

  describe(): string {
    return describeMember(this.address, this.ready, this.#lastError);
  }

  close(): void {
    this.#closed = true;
    this.#reconnect.stop();
  }

  #rest(why: Reason): void {
    this.#options.onFailed(why);
    this.#lastError = why;
    if (this.#closed) return;
    this.ready = false;
    this.#reconnect.failed(() => {
      this.ready = true;
      this.#options.changed();
    });
    if (this.hopeless) this.#options.changed();
  }
}
