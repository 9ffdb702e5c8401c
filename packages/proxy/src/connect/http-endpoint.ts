// One endpoint as HTTP requests use it: its connections in both HTTP versions, whether it is ready, how it is counted.
// spec/proxy.md §4.1 (upgrade), §6.1 (readiness, eager connection), §6.5 (breaker).
import type { Socket } from 'node:net';
import {
  type Breaker,
  type Clock,
  type Endpoint,
  type ExponentialBackoff,
  formatSocketAddress,
  type Labels,
  type Random,
  type Reason,
  reasonOf,
} from '@weft/core';
import type { Http2Params, HttpEngine, Link, RequestHead, Upstream } from '@weft/http';
import { HttpMeter, type HttpMetrics } from '../observe/http-metrics.ts';
import { isHopeless, type MemberStatus, type PoolMember } from '../outbound/pool-member.ts';
import type { EndpointDialer, Session } from './endpoint-dialer.ts';
import { Reconnect } from './reconnect.ts';

/** What all endpoints have in common. */
export interface HttpEndpointSettings {
  readonly engine: HttpEngine;
  readonly dialer: EndpointDialer;
  readonly metrics: HttpMetrics;
  readonly backoff: ExponentialBackoff;
  readonly poolIdleMs: number;
  readonly maxIdle: number;
  readonly http2: Http2Params;
  readonly clock: Clock;
  readonly random: Random;
}

export interface HttpEndpointOptions {
  readonly endpoint: Endpoint;
  /** What most requests come as. Over HTTP/2, the upgraded HTTP/1 of meshed endpoints included, a session is opened ahead and kept. */
  readonly protocol: 'http/1' | 'http/2';
  /** One of several: while it cannot be connected to, it gets no requests. Alone it is asked for every request. */
  readonly balanced: boolean;
  /** Of its requests. */
  readonly labels: Labels;
  /** Of its connections, for tcp_* metrics. */
  readonly onConnected: (socket: Socket) => void;
  readonly onFailed: (why: Reason) => void;
  /** Undefined: it is never ejected. */
  readonly breaker: ((changed: () => void) => Breaker) | undefined;
  readonly changed: () => void;
  readonly closed: () => void;
}

const SHORT_LIFE_MS = 1_000;

/** It is the meter of its requests: among a thousand endpoints an object of its own would have to be fetched as well. */
export class HttpEndpoint extends HttpMeter implements PoolMember {
  // What every request looks at comes first, so that it lies together.
  #connected = true;
  readonly breaker: Breaker | undefined;
  /** Whether it takes HTTP/1 carried in HTTP/2. */
  readonly takesUpgrades: boolean;
  /** The authority that requests to it are given. */
  readonly authorityOverride: string | undefined;
  /** Of each version once it was asked for. */
  #http1: Upstream | undefined;
  #http2: Upstream | undefined;
  readonly isLocal: boolean;
  readonly endpoint: Endpoint;
  readonly address: string;
  readonly #settings: HttpEndpointSettings;
  readonly #options: HttpEndpointOptions;
  readonly #reconnect: Reconnect;
  /** An HTTP/2 session is kept open; requests wait for it. */
  readonly #keepsSession: boolean;
  #since: number;
  #lastError: Reason | undefined;
  #closed = false;

  constructor(settings: HttpEndpointSettings, options: HttpEndpointOptions) {
    const { endpoint } = options;
    const { dialer, clock } = settings;
    super(settings.metrics, options.labels);
    this.#settings = settings;
    this.#options = options;
    this.endpoint = endpoint;
    this.address = formatSocketAddress(endpoint.address);
    this.isLocal = dialer.isLocal(endpoint);
    this.takesUpgrades = endpoint.hint === 'h2' && !this.isLocal;
    this.authorityOverride = this.isLocal ? undefined : endpoint.authorityOverride;
    this.breaker = options.breaker?.(options.changed);
    this.#since = clock.now();
    this.#reconnect = new Reconnect(settings.backoff, clock, settings.random);
    this.#keepsSession = (this.takesUpgrades || options.protocol === 'http/2') && this.http2.connect !== undefined;
    if (this.#keepsSession) this.#connect();
  }

  get http1(): Upstream {
    this.#http1 ??= this.#openHttp1();
    return this.#http1;
  }

  get http2(): Upstream {
    this.#http2 ??= this.#openHttp2();
    return this.#http2;
  }

  get ready(): boolean {
    return this.#connected && this.breaker?.admits !== false;
  }

  get status(): MemberStatus {
    const { address, breaker } = this;
    if (breaker && breaker.state !== 'open') return { address, state: breaker.state, lastError: breaker.why, since: breaker.since };
    return { address, state: this.#connected ? 'ready' : 'connecting', lastError: this.#lastError, since: this.#since };
  }

  /** Whether this request travels as HTTP/2 although the client speaks HTTP/1. */
  upgrades(request: RequestHead): boolean {
    return this.takesUpgrades && request.version !== '2' && !request.upgrade;
  }

  upstream(request: RequestHead): Upstream {
    return request.version === '2' || this.upgrades(request) ? this.http2 : this.http1;
  }

  get hopeless(): Reason | undefined {
    return isHopeless(this.#lastError) ? this.#lastError : undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reconnect.stop();
    this.breaker?.close();
    this.#http1?.close();
    this.#http2?.close();
    this.#options.closed();
  }

  #openHttp1(): Upstream {
    const { engine, poolIdleMs, maxIdle } = this.#settings;
    const upstream = engine.upstream({ version: 'http/1', dial: () => this.#dial('http1'), poolIdleMs, maxIdle });
    if (this.#closed) upstream.close();
    return upstream;
  }

  #openHttp2(): Upstream {
    const { engine, http2 } = this.#settings;
    const upstream = engine.upstream({ version: 'http/2', dial: () => this.#dial('http2'), http2: clientParams(http2, this.endpoint) });
    if (this.#closed) upstream.close();
    return upstream;
  }

  async #dial(session: Session): Promise<Link> {
    const { dialer, clock } = this.#settings;
    try {
      const socket = await dialer.dial(this.endpoint, session);
      this.#options.onConnected(socket);
      this.#succeeded();
      if (session === 'http2' && this.#keepsSession) {
        const since = clock.now();
        socket.once('close', () => this.#lost(clock.now() - since));
      }
      return socket;
    } catch (error) {
      this.#failed(reasonOf(error));
      throw error;
    }
  }

  #succeeded(): void {
    this.#reconnect.succeeded();
    if (!this.#lastError) return;
    this.#lastError = undefined;
    this.#options.changed();
  }

  #failed(why: Reason): void {
    this.#options.onFailed(why);
    this.#lastError = why;
    if (this.#closed) return;
    if (this.#keepsSession || this.#options.balanced) {
      this.#setConnected(false);
      this.#reconnect.failed(() => (this.#keepsSession ? this.#connect() : this.#probe()));
    }
    if (this.hopeless) this.#options.changed();
  }

  /** A connection that did not live long counts as a failure, so that a peer that accepts and closes is not hammered. */
  #lost(afterMs: number): void {
    if (this.#closed) return;
    this.#setConnected(false);
    if (afterMs >= SHORT_LIFE_MS) this.#connect();
    else this.#reconnect.failed(() => this.#connect());
  }

  /** Opens the HTTP/2 session ahead of the first request; a failure has been noted by `#dial`. */
  #connect(): void {
    this.#setConnected(false);
    this.http2.connect?.().then(
      () => this.#setConnected(true),
      () => undefined,
    );
  }

  /** Tries whether connections are taken again, so that no request has to. */
  #probe(): void {
    this.#settings.dialer.dial(this.endpoint, 'http1').then(
      (socket) => {
        socket.destroy();
        this.#succeeded();
        this.#setConnected(true);
      },
      (error: unknown) => this.#failed(reasonOf(error)),
    );
  }

  #setConnected(connected: boolean): void {
    if (this.#closed || this.#connected === connected) return;
    this.#connected = connected;
    this.#since = this.#settings.clock.now();
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
