// The gateway: what meshed peers of other clusters send to a name goes on to its service in this one. spec/proxy.md §2.6.
import type { Socket } from 'node:net';
import {
  type Clock,
  formatAuthority,
  formatIdentityId,
  type Logger,
  type Reason,
  ReasonError,
  reason,
  reasonOf,
  type SocketAddress,
  suffixMatcher,
} from '@weft/core';
import { type Exchange, type RequestHead, type ResponseHead, type ServerConnection, setField } from '@weft/http';
import type { Connection } from '../accept/connections.ts';
import { isUpgraded } from '../inbound/http-call.ts';
import { InboundHttpConnection, type InboundHttpShared } from '../inbound/serve-http.ts';
import { type InboundTcpShared, serveInboundTcp } from '../inbound/serve-tcp.ts';
import type { InboundSession } from '../inbound/session.ts';
import type { Discover, Discovered, Lookup } from '../outbound/discover.ts';
import { dispatch, httpPlanOf, opaquePlanOf } from '../outbound/dispatch.ts';
import type { CallConnection } from '../outbound/http-call.ts';
import { connectTcp } from '../outbound/serve-tcp.ts';
import type { Tries } from '../outbound/tries/tries.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import { setClientId } from '../relay/l5d-headers.ts';
import type { InboundRulePlan } from '../route/inbound-plan.ts';
import type { Taps } from '../tap/taps.ts';
import { appendForwarded, passedBy } from './forwarded.ts';

export interface GatewayOptions {
  /** Names below these are passed on. */
  readonly suffixes: readonly string[];
  /** Of this proxy. */
  readonly identity: string;
  readonly discover: Discover;
  /** Of requests in flight, shared with the outbound side. */
  readonly limit: InFlightLimit;
  readonly tries: Tries;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A connection whose transport header names a target. */
export interface GatewayConnection {
  readonly name: string;
  readonly port: number;
  /** Undefined: opaque. */
  readonly version: 'http/1' | 'http/2' | undefined;
  /** Under the policy of the inbound port. */
  readonly session: InboundSession;
  readonly connection: Connection;
  readonly stream: Socket;
  readonly http: InboundHttpShared;
  readonly tcp: InboundTcpShared;
}

export interface Gateway {
  /** Resolves when the connection is closed; rejects with a ReasonError when its bytes go nowhere. */
  serve(accepted: GatewayConnection): Promise<void>;
}

export function createGateway(options: GatewayOptions): Gateway {
  const passes = suffixMatcher(options.suffixes);
  return {
    async serve(accepted) {
      const { name, port, version, session, connection, stream, http, tcp } = accepted;
      // Nothing is looked up for names of others.
      const lookup = passes(name) ? options.discover.lookupName(name, port) : undefined;
      const target = new GatewayTarget(formatAuthority({ host: name, port }), lookup, connection.signal);
      try {
        if (version === undefined) {
          await serveInboundTcp(tcp, session, connection, stream, async () => {
            refuseOwn(session, options.identity);
            return connectTcp(opaquePlanOf(target.current ?? (await target.ready())), connection.signal, options.clock);
          });
          return;
        }
        const calls = new GatewayCalls(options, session, target, http.taps);
        const served = new InboundHttpConnection('inbound', http, session, (exchange, rule) => calls.admit(exchange, rule));
        const server = http.engine.serve(stream, { version, http2: http.serverHttp2 }, (exchange) => served.handle(exchange));
        calls.attach(served, server);
        connection.enter(server);
        await server.closed;
      } finally {
        lookup?.release();
      }
    },
  };
}

function refuseOwn({ clientId }: InboundSession, identity: string): void {
  if (clientId && formatIdentityId(clientId) === identity) throw new ReasonError(reason('GATEWAY_LOOP', `the client is ${identity}, this proxy itself`));
}

/** What is known of the name. A profile is required. */
class GatewayTarget {
  readonly authority: string;
  readonly #lookup: Lookup | undefined;
  readonly #signal: AbortSignal;

  constructor(authority: string, lookup: Lookup | undefined, signal: AbortSignal) {
    this.authority = authority;
    this.#lookup = lookup;
    this.#signal = signal;
  }

  /** Undefined until the control plane has answered. */
  get current(): Discovered | undefined {
    if (!this.#lookup) return { kind: 'refused', reason: reason('GATEWAY_DOMAIN_INVALID', this.authority) };
    return this.#lookup.current && this.#judge(this.#lookup.current);
  }

  async ready(): Promise<Discovered> {
    return this.current ?? this.#judge((await this.#lookup?.ready(this.#signal)) ?? { kind: 'refused', reason: reason('CLIENT_GONE') });
  }

  #judge(found: Discovered): Discovered {
    const unknown = found.kind === 'plan' ? !found.profiled : found.reason.code === 'DISCOVERY_REJECTED';
    return unknown ? { kind: 'refused', reason: reason('GATEWAY_DOMAIN_INVALID', `${this.authority} is not known`) } : found;
  }
}

/** Requests of one connection on their way to the name: authorized as inbound ones, sent as outbound ones. */
class GatewayCalls implements CallConnection {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limit: InFlightLimit;
  readonly tries: Tries;
  readonly taps: Taps;
  readonly defaultAuthority: string;
  readonly #identity: string;
  readonly #session: InboundSession;
  readonly #target: GatewayTarget;
  #served: InboundHttpConnection | undefined;
  #server: ServerConnection | undefined;

  constructor(options: GatewayOptions, session: InboundSession, target: GatewayTarget, taps: Taps) {
    this.clock = options.clock;
    this.logger = options.logger;
    this.limit = options.limit;
    this.tries = options.tries;
    this.taps = taps;
    this.defaultAuthority = target.authority;
    this.#identity = options.identity;
    this.#session = session;
    this.#target = target;
  }

  get client(): SocketAddress {
    return this.#session.remote;
  }

  attach(served: InboundHttpConnection, server: ServerConnection): void {
    this.#served = served;
    this.#server = server;
  }

  admit(exchange: Exchange, rule: InboundRulePlan): void {
    const { current } = this.#target;
    if (current) this.#forward(exchange, rule, current);
    else void this.#forwardLater(exchange, rule);
  }

  refuse(exchange: Exchange, why: Reason): void {
    this.#served?.refuse(exchange, why);
  }

  breakOff(exchange: Exchange, why: Reason): void {
    this.#served?.breakOff(exchange, why);
  }

  relayed(exchange: Exchange, { status, headers }: ResponseHead): void {
    this.#served?.accessLog?.answered(exchange, status, headers);
  }

  closeAfterResponse(): void {
    this.#server?.drain();
  }

  isCarried(request: RequestHead): boolean {
    return isUpgraded(request);
  }

  /** Never rejects. */
  async #forwardLater(exchange: Exchange, rule: InboundRulePlan): Promise<void> {
    try {
      const found = await this.#target.ready();
      if (!exchange.aborted) this.#forward(exchange, rule, found);
    } catch (error) {
      if (!exchange.aborted) this.refuse(exchange, reasonOf(error));
    }
  }

  /** Throws a ReasonError where nothing takes the request. */
  #forward(exchange: Exchange, { filters }: InboundRulePlan, found: Discovered): void {
    if (found.kind === 'refused') throw new ReasonError(found.reason);
    const { request } = exchange;
    const { clientId } = this.#session;
    refuseOwn(this.#session, this.#identity);
    if (passedBy(request.headers, this.#identity)) throw new ReasonError(reason('GATEWAY_LOOP', `its Forwarded header names ${this.#identity}`));
    const { authority } = this.#target;
    appendForwarded(request.headers, { by: this.#identity, for: clientId ? formatIdentityId(clientId) : 'unknown', host: authority });
    setClientId(request, clientId);
    const isHttp1 = request.version !== '2' || isUpgraded(request);
    if (isHttp1) setField(request.headers, 'host', authority);
    if (request.version !== '2') request.authority = authority;
    dispatch(this, exchange, { plan: httpPlanOf(found.plan, isHttp1 ? 'http/1' : 'http/2'), edits: filters });
  }
}
