// One endpoint as HTTP requests use it: its connections in both HTTP versions, whether it is ready, how it is counted.
// spec/proxy.md §4.1 (upgrade), §6.1 (readiness).
import type { Socket } from 'node:net';
import { type Clock, type Endpoint, type ExponentialBackoff, formatSocketAddress, type Labels, type Random, type Reason, reasonOf } from '@weft/core';
import type { Http2Params, HttpEngine, Link, RequestHead, Upstream } from '@weft/http';
import type { HttpMeter } from '../observe/http-metrics.ts';
import { describeMember, isHopeless, type PoolMember } from '../outbound/balanced-queue.ts';
import type { EndpointDialer, Session } from './endpoint-dialer.ts';
import { Reconnect } from './reconnect.ts';

export interface HttpEndpointOptions {
  readonly endpoint: Endpoint;
  readonly engine: HttpEngine;
  readonly dialer: EndpointDialer;
  readonly meter: HttpMeter;
  /** Of its connections, for tcp_* metrics. */
  readonly onConnected: (socket: Socket) => void;
  readonly onFailed: (why: Reason) => void;
  readonly backoff: ExponentialBackoff;
  readonly poolIdleMs: number;
  readonly maxIdle: number;
  readonly http2: Http2Params;
  readonly clock: Clock;
  readonly random: Random;
  /** `ready` turned true, or `hopeless` was set. */
  readonly changed: () => void;
}

const SHORT_LIFE_MS = 1_000;

export class HttpEndpoint implements PoolMember {
  readonly endpoint: Endpoint;
  readonly address: string;
  readonly meter: HttpMeter;
  readonly isLocal: boolean;
  ready = true;
  readonly #options: HttpEndpointOptions;
  readonly #reconnect: Reconnect;
  readonly http1: Upstream;
  /** Whether it takes HTTP/1 carried in HTTP/2. */
  readonly takesUpgrades: boolean;
  readonly #http2: Upstream;
  #lastError: Reason | undefined;
  #closed = false;

  constructor(options: HttpEndpointOptions) {
    const { endpoint, engine, dialer } = options;
    this.#options = options;
    this.endpoint = endpoint;
    this.address = formatSocketAddress(endpoint.address);
    this.meter = options.meter;
    this.isLocal = dialer.isLocal(endpoint);
    this.takesUpgrades = endpoint.hint === 'h2' && !this.isLocal;
    this.#reconnect = new Reconnect(options.backoff, options.clock, options.random);
    const params = clientParams(options.http2, endpoint);
    this.http1 = engine.upstream({ version: 'http/1', dial: () => this.#dial('http1'), poolIdleMs: options.poolIdleMs, maxIdle: options.maxIdle });
    this.#http2 = engine.upstream({ version: 'http/2', dial: () => this.#dial('http2'), http2: params });
    if (this.takesUpgrades && this.#http2.connect) this.#connect();
  }

  /** Whether this request travels as HTTP/2 although the client speaks HTTP/1. */
  upgrades(request: RequestHead): boolean {
    return this.takesUpgrades && request.version !== '2' && !request.upgrade;
  }

  upstream(request: RequestHead): Upstream {
    return request.version === '2' || this.upgrades(request) ? this.#http2 : this.http1;
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
    this.http1.close();
    this.#http2.close();
  }

  async #dial(session: Session): Promise<Link> {
    try {
      const socket = await this.#options.dialer.dial(this.endpoint, session);
      this.#options.onConnected(socket);
      this.#reconnect.succeeded();
      this.#lastError = undefined;
      if (session === 'http2' && this.takesUpgrades && this.#http2.connect) {
        const since = this.#options.clock.now();
        socket.once('close', () => this.#lost(this.#options.clock.now() - since));
      }
      return socket;
    } catch (error) {
      this.#failed(reasonOf(error));
      throw error;
    }
  }

  #failed(why: Reason): void {
    this.#options.onFailed(why);
    this.#lastError = why;
    this.ready = false;
    if (this.#closed) return;
    this.#reconnect.failed(() => {
      if (this.takesUpgrades && this.#http2.connect) this.#connect();
      else this.#becomeReady();
    });
    if (this.hopeless) this.#options.changed();
  }

  /** A connection that did not live long counts as a failure, so that a peer that accepts and closes is not hammered. */
  #lost(afterMs: number): void {
    if (this.#closed) return;
    this.ready = false;
    if (afterMs >= SHORT_LIFE_MS) this.#connect();
    else this.#reconnect.failed(() => this.#connect());
  }

  /** Opens the HTTP/2 session ahead of the first request; a failure has been noted by `#dial`. */
  #connect(): void {
    this.ready = false;
    this.#http2.connect?.().then(
      () => this.#becomeReady(),
      () => undefined,
    );
  }

  #becomeReady(): void {
    if (this.#closed || this.ready) return;
    this.ready = true;
    this.#options.changed();
  }
}

/** What the endpoint asks for goes before what the proxy is configured with. */
function clientParams(base: Http2Params, { http2 }: Endpoint): Http2Params {
  if (!http2) return base;
  return {
    ...base,
    ...(http2.initialStreamWindow === undefined ? {} : { initialStreamWindow: http2.initialStreamWindow }),
    ...(http2.initialConnectionWindow === undefined ? {} : { initialConnectionWindow: http2.initialConnectionWindow }),
    ...(http2.maxFrameSize === undefined ? {} : { maxFrameSize: http2.maxFrameSize }),
    ...(http2.keepAlive === undefined ? {} : { keepAlive: http2.keepAlive }),
  };
}

/** Labels of connections to an endpoint. */
export function connectionLabels(endpoint: Labels): Labels {
  const { direction, ...rest } = endpoint;
  return { direction, peer: 'dst', ...rest };
}
