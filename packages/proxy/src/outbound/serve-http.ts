// Serves one connection of the application as HTTP: each request is routed by the newest plan. spec/proxy.md §2.2, §7.
import { type Clock, formatSocketAddress, isLoopbackIp, type Logger, parseAuthority, type Reason, reason, reasonOf, type SocketAddress } from '@weft/core';
import type { Exchange, Http2Params, HttpEngine, RequestHead, ServerConnection } from '@weft/http';
import type { Connection } from '../accept/connections.ts';
import type { Listener } from '../config.ts';
import type { Refusals } from '../observe/refusals.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import { setCanonicalDst, takeRequiredId } from '../relay/l5d-headers.ts';
import type { HttpPlan } from '../route/outbound-plan.ts';
import type { HttpBackend } from './backends.ts';
import type { Lookup, Plan } from './discover.ts';
import { answer, type CallConnection, HttpCall, renameAuthority } from './http-call.ts';

export interface OutboundHttpShared {
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
  readonly listener: Listener;
  readonly lookup: Lookup;
  readonly target: SocketAddress;
  readonly version: 'http/1' | 'http/2';
}

/** Resolves when the connection is closed. */
export async function serveOutboundHttp(options: OutboundHttpOptions): Promise<void> {
  const served = new OutboundHttpConnection(options);
  const server = options.shared.engine.serve(options.connection.socket, { version: options.version, http2: options.shared.serverHttp2 }, (exchange) =>
    served.handle(exchange),
  );
  served.server = server;
  options.connection.enter(server);
  await server.closed;
}

class OutboundHttpConnection implements CallConnection {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limit: InFlightLimit;
  readonly defaultAuthority: string;
  server: ServerConnection | undefined;
  readonly #options: OutboundHttpOptions;
  #plan: HttpPlan<HttpBackend> | undefined;

  constructor(options: OutboundHttpOptions) {
    this.clock = options.shared.clock;
    this.logger = options.shared.logger;
    this.limit = options.shared.limit;
    this.defaultAuthority = formatSocketAddress(options.target);
    this.#options = options;
  }

  handle(exchange: Exchange): void {
    try {
      this.#route(exchange);
    } catch (error) {
      this.refuse(exchange, reasonOf(error));
    }
  }

  refuse(exchange: Exchange, why: Reason): void {
    const { method, authority, path } = exchange.request;
    const { refusals, informationalHeaders } = this.#options.shared;
    refusals.request('outbound', why, {}, { method, authority, path });
    answer(exchange, why, informationalHeaders);
  }

  closeAfterResponse(): void {
    this.server?.drain();
  }

  #route(exchange: Exchange): void {
    const { lookup, version, listener, connection } = this.#options;
    const { current } = lookup;
    if (current?.kind === 'refused') return this.refuse(exchange, current.reason);
    // A plan of another kind does not concern a connection whose protocol is settled.
    this.#plan = (current && httpPlanOf(current.plan, version)) ?? this.#plan;
    const { request } = exchange;
    if (listener.authority !== undefined && namesListener(request, connection.socket.localPort)) renameAuthority(request, listener.authority);
    const requiredId = takeRequiredId(request);
    if (current?.canonicalDst !== undefined) setCanonicalDst(request, current.canonicalDst);
    const rule = this.#plan?.select(request);
    if (!rule) return this.refuse(exchange, reason('ROUTE_NOT_FOUND', `${request.method} ${request.authority ?? ''}${request.path}`));
    const choice = rule.distribute();
    if (!choice) return this.refuse(exchange, reason('LOAD_SHED', 'the route has no backend'));
    if (!this.limit.enter()) return this.refuse(exchange, reason('LOAD_SHED', `${this.limit.max} requests are in flight`));
    const { backend, edits } = choice;
    backend.submit(new HttpCall({ connection: this, exchange, backend, routeEdits: rule.edits, backendEdits: edits, requiredId }));
  }
}

function httpPlanOf(plan: Plan, version: 'http/1' | 'http/2'): HttpPlan<HttpBackend> | undefined {
  if (plan.kind === 'detect') return version === 'http/1' ? plan.http1 : plan.http2;
  return plan.kind === 'http1' || plan.kind === 'http2' ? plan.http : undefined;
}

function namesListener(request: RequestHead, port: number | undefined): boolean {
  if (request.authority === undefined) return false;
  const named = parseAuthority(request.authority);
  return named !== undefined && named.port === port && (named.host === 'localhost' || isLoopbackIp(named.host));
}
