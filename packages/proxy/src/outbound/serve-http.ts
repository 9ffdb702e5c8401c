// Serves one connection of the application as HTTP. spec/proxy.md §2.2, §7.
import { type Clock, formatSocketAddress, isLoopbackIp, type Logger, parseAuthority, type Reason, ReasonError, reasonOf, type SocketAddress } from '@weft/core';
import type { Exchange, Http2Params, HttpEngine, ServerConnection } from '@weft/http';
import type { Connection } from '../accept/connections.ts';
import { remoteAddressOf } from '../accept/original-dst.ts';
import type { Listener } from '../config.ts';
import type { Refusals } from '../observe/refusals.ts';
import { breakOff } from '../relay/break-off.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import type { HttpPlan } from '../route/http-plan.ts';
import type { Taps } from '../tap/taps.ts';
import type { Lookup } from './discover.ts';
import { dispatch, httpPlanOf } from './dispatch.ts';
import { answer, type CallConnection, renameAuthority } from './http-call.ts';
import type { HttpBackend } from './pool-backend.ts';
import type { Tries } from './tries/tries.ts';

export interface OutboundHttpShared {
  readonly tries: Tries;
  readonly taps: Taps;
  readonly engine: HttpEngine;
  readonly serverHttp2: Http2Params;
  readonly limit: InFlightLimit;
  readonly informationalHeaders: boolean;
  readonly refusals: Refusals;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface OutboundHttpOptions {
  readonly shared: OutboundHttpShared;
  readonly connection: Connection;
  readonly version: 'http/1' | 'http/2';
}

/** Serves the connection; resolves when it is closed. */
export async function serveOutboundHttp(served: OutboundHttpConnection): Promise<void> {
  const { connection, shared, version } = served.options;
  const server = shared.engine.serve(connection.socket, { version, http2: shared.serverHttp2 }, (exchange) => served.handle(exchange));
  served.server = server;
  connection.enter(server);
  await server.closed;
}

export abstract class OutboundHttpConnection implements CallConnection {
  readonly options: OutboundHttpOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limit: InFlightLimit;
  readonly defaultAuthority: string;
  readonly tries: Tries;
  readonly taps: Taps;
  server: ServerConnection | undefined;

  constructor(options: OutboundHttpOptions, defaultAuthority: string) {
    this.options = options;
    this.clock = options.shared.clock;
    this.logger = options.shared.logger;
    this.limit = options.shared.limit;
    this.tries = options.shared.tries;
    this.taps = options.shared.taps;
    this.defaultAuthority = defaultAuthority;
  }

  get client(): SocketAddress | undefined {
    return remoteAddressOf(this.options.connection.socket);
  }

  /** Aborted when the connection is closed. */
  protected get signal(): AbortSignal {
    return this.options.connection.signal;
  }

  handle(exchange: Exchange): void {
    try {
      this.route(exchange);
    } catch (error) {
      this.refuse(exchange, reasonOf(error));
    }
  }

  refuse(exchange: Exchange, why: Reason): void {
    this.#report(exchange, why);
    answer(exchange, why, this.options.shared.informationalHeaders);
  }

  breakOff(exchange: Exchange, why: Reason): void {
    this.#report(exchange, why);
    breakOff(exchange, why, this.options.shared.informationalHeaders);
  }

  closeAfterResponse(): void {
    this.server?.drain();
  }

  #report(exchange: Exchange, why: Reason): void {
    const { method, authority, path } = exchange.request;
    this.options.shared.refusals.request('outbound', why, {}, { method, authority, path });
  }

  /** Throws a ReasonError where nothing takes the request. */
  protected abstract route(exchange: Exchange): void;
}

/** All requests go where the connection was going, by the newest plan. */
export class SidecarHttpConnection extends OutboundHttpConnection {
  readonly #listener: Listener;
  readonly #lookup: Lookup;
  #plan: HttpPlan<HttpBackend> | undefined;
  /** The authority asked about last, and whether it names the listener: requests of one connection mostly have the same. */
  #asked: string | undefined;
  #namesListener = false;

  constructor(options: OutboundHttpOptions, listener: Listener, lookup: Lookup, target: SocketAddress) {
    super(options, formatSocketAddress(target));
    this.#listener = listener;
    this.#lookup = lookup;
  }

  protected override route(exchange: Exchange): void {
    const { version } = this.options;
    const { current } = this.#lookup;
    if (current?.kind === 'refused') throw new ReasonError(current.reason);
    // A plan of another kind does not concern a connection whose protocol is settled.
    this.#plan = (current && httpPlanOf(current.plan, version)) ?? this.#plan;
    const { request } = exchange;
    const { authority } = this.#listener;
    if (authority !== undefined && this.#isListener(request.authority)) renameAuthority(request, authority);
    dispatch(this, exchange, { plan: this.#plan });
  }

  #isListener(authority: string | undefined): boolean {
    if (authority !== this.#asked) {
      this.#asked = authority;
      this.#namesListener = authority !== undefined && namesListener(authority, this.options.connection.socket.localPort);
    }
    return this.#namesListener;
  }
}

function namesListener(authority: string, port: number | undefined): boolean {
  const named = parseAuthority(authority);
  return named !== undefined && named.port === port && (named.host === 'localhost' || isLoopbackIp(named.host));
}
