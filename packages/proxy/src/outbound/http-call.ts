// One outbound request from its route to its end: waits for an endpoint, is forwarded, watched and, if need be, answered here.
// One object per request serves as queue entry, forward rules and observer. spec/proxy.md §4, §6.2.
import {
  type Clock,
  formatIdentityId,
  isGrpcContentType,
  type Logger,
  type Reason,
  type ResponseClass,
  reason,
  type SocketAddress,
  type Ticket,
} from '@weft/core';
import { type Dispatch, penaltyOf } from '@weft/core/balance';
import { inRoute, type RoutePlace } from '@weft/core/route';
import {
  type Exchange,
  type ExchangeObserver,
  type ForwardFailure,
  type ForwardRules,
  field,
  type LocalResponse,
  type RequestHead,
  type ResponseHead,
  setField,
} from '@weft/http';
import type { HttpEndpoint } from '../connect/http-endpoint.ts';
import type { Meter } from '../observe/http-metrics.ts';
import { failureReason } from '../relay/failure.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import { removeCanonicalDst, takeProxyHeaders } from '../relay/l5d-headers.ts';
import { MeteredExchange } from '../relay/metered-exchange.ts';
import { localResponse, synthesize } from '../relay/synthesize.ts';
import type { HeadEdits } from '../route/filters.ts';
import type { HttpRulePlan } from '../route/http-plan.ts';
import { outboundSides } from '../tap/sides.ts';
import type { Taps } from '../tap/taps.ts';
import type { HttpBackend, Waiter } from './pool-backend.ts';
import type { Tries } from './tries/tries.ts';

/** The connection that a call came in on. */
export interface CallConnection {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Entered for the call; left when its response head arrived or it ended. */
  readonly limit: InFlightLimit;
  /** The authority of requests that name none. */
  readonly defaultAuthority: string;
  readonly tries: Tries;
  readonly taps: Taps;
  /** Who sends the requests; undefined where it is in this process. */
  readonly client: SocketAddress | undefined;
  /** Counts, logs and answers. */
  refuse(exchange: Exchange, why: Reason): void;
  /** Counts, logs and breaks off a response that the client has the head of. */
  breakOff(exchange: Exchange, why: Reason): void;
  /** The peer proxy asked for it (spec/proxy.md §4.4). */
  closeAfterResponse(): void;
  /** Set where somebody wants to know what the client gets. */
  relayed?(exchange: Exchange, head: ResponseHead): void;
  /** Set where requests come from peer proxies: whether this one is HTTP/1 carried in HTTP/2. It stays so towards peers that take it. */
  isCarried?(request: RequestHead): boolean;
}

export interface HttpCallOptions {
  readonly connection: CallConnection;
  readonly exchange: Exchange;
  /** Named where the request fails. */
  readonly rule: RoutePlace & Pick<HttpRulePlan<unknown>, 'classifiers' | 'profile'>;
  readonly backend: HttpBackend;
  readonly routeEdits: HeadEdits;
  readonly backendEdits: HeadEdits;
  /** The identity that the application demands of the endpoint. */
  readonly requiredId: string | undefined;
}

export class HttpCall extends MeteredExchange implements Waiter<HttpEndpoint>, ForwardRules {
  origProto: ForwardRules['origProto'] = 'none';
  authorityOverride: string | undefined;
  readonly #options: HttpCallOptions;
  readonly #isGrpc: boolean;
  #endpoint: HttpEndpoint | undefined;
  #dispatch: Dispatch | undefined;
  /** Of the endpoint's breaker. */
  #ticket: Ticket | undefined;
  #admitted = true;

  constructor(options: HttpCallOptions) {
    super(options.connection.clock);
    this.#options = options;
    this.#isGrpc = isGrpcContentType(field(options.exchange.request.headers, 'content-type'));
  }

  get aborted(): boolean {
    if (this.#options.exchange.aborted) this.leave();
    return this.#options.exchange.aborted;
  }

  start(endpoint: HttpEndpoint, dispatch: Dispatch): void {
    const { connection, exchange, backend, requiredId, routeEdits, backendEdits, rule } = this.#options;
    const { request } = exchange;
    if (requiredId !== undefined && !hasIdentity(endpoint, requiredId)) {
      dispatch.complete(this.clock.now());
      return this.refuse(reason('IDENTITY_REQUIRED', `${endpoint.address}: ${requiredId} is required`));
    }
    this.#endpoint = endpoint;
    this.#dispatch = dispatch;
    const decodes = !endpoint.takesUpgrades && connection.isCarried?.(request) === true;
    if (decodes) this.origProto = 'decode';
    else if (endpoint.upgrades(request)) {
      this.origProto = 'encode';
      request.authority ??= backend.authority ?? connection.defaultAuthority;
    }
    if (endpoint.authorityOverride !== undefined) {
      this.authorityOverride = endpoint.authorityOverride;
      removeCanonicalDst(request);
    }
    routeEdits.request?.(request.headers);
    backendEdits.request?.(request.headers);
    this.#ticket = endpoint.breaker?.admit();
    this.begin(endpoint, this.#isGrpc ? rule.classifiers.grpc : rule.classifiers.http, this.routeMeter(rule));
    exchange.forward(decodes ? endpoint.http1 : endpoint.upstream(request), this, connection.taps.current === null ? this : this.#tapped(endpoint));
  }

  refuse(why: Reason): void {
    const { connection, exchange, rule } = this.#options;
    this.leave();
    connection.refuse(exchange, inRoute(why, rule));
  }

  response(head: ResponseHead, _request: RequestHead): void {
    const { connection, exchange, backend, routeEdits, backendEdits } = this.#options;
    const { error, close } = takeProxyHeaders(head);
    if (error !== undefined)
      connection.logger.log('debug', 'the peer proxy answered in place of the application', { endpoint: this.#endpoint?.address, error });
    backendEdits.response?.(head.headers);
    routeEdits.response?.(head.headers);
    connection.relayed?.(exchange, head);
    if (close && backend.authority === undefined && this.#endpoint?.endpoint.identity) connection.closeAfterResponse();
  }

  failed(exchange: Exchange, failure: ForwardFailure): void {
    const why = this.reasonOf(failure);
    if (why) this.refuse(why);
    else if (failure.kind === 'reset') exchange.reset(failure.code);
  }

  override answerTo(failure: ForwardFailure): LocalResponse | undefined {
    const why = this.reasonOf(failure);
    return why && localResponse(this.#options.exchange.request, why, false);
  }

  protected override onHead(head: ResponseHead): void {
    this.leave();
    this.#penalize(head);
  }

  protected override onAnswer(answer: LocalResponse): void {
    this.#penalize(answer);
  }

  #tapped(endpoint: HttpEndpoint): ExchangeObserver {
    const { connection, exchange, rule, backend } = this.#options;
    const { request } = exchange;
    return connection.taps.observe(this, {
      request: this.authorityOverride === undefined ? request : { ...request, authority: this.authorityOverride },
      sides: outboundSides(connection.client, endpoint, rule.profile?.labels),
      authority: backend.authority ?? connection.defaultAuthority,
      carried: connection.isCarried?.(request) === true,
    });
  }

  #penalize({ status, headers }: LocalResponse | ResponseHead): void {
    const { penalty } = this.#options.backend;
    if (!penalty || !this.#dispatch) return;
    const penaltyMs = penaltyOf(status, headers, field, penalty, this.clock.wall());
    if (penaltyMs !== undefined) this.#dispatch.penalize(this.clock.now(), penaltyMs);
  }

  protected override onSample(now: number): void {
    this.#dispatch?.complete(now);
  }

  protected override onClass(responseClass: ResponseClass | undefined, status: number | undefined): void {
    const breaker = this.#endpoint?.breaker;
    if (!breaker || this.#ticket === undefined) return;
    if (responseClass) breaker.settle(this.#ticket, responseClass, status);
    else breaker.abandon(this.#ticket);
  }

  protected override onEnd(): void {
    this.leave();
  }

  /** Undefined: a native HTTP/2 stream was reset, which is passed on. */
  protected reasonOf(failure: ForwardFailure): Reason | undefined {
    const at = this.#endpoint?.address ?? '';
    if (failure.kind !== 'reset') return failureReason(failure, at);
    if (this.origProto === 'none' && this.#options.exchange.request.version === '2') return undefined;
    return reason('DOWNGRADED', `${at}: HTTP/2 code ${failure.code}`);
  }

  /** Of the route of a ServiceProfile: without retries a request is what is sent. */
  protected routeMeter({ profile }: HttpCallOptions['rule']): Meter | undefined {
    return profile?.meters.both;
  }

  /** Gives the in-flight permit back, once. */
  protected leave(): void {
    if (!this.#admitted) return;
    this.#admitted = false;
    this.#options.connection.limit.release();
  }
}

function hasIdentity({ endpoint, isLocal }: HttpEndpoint, wanted: string): boolean {
  return !isLocal && endpoint.identity !== undefined && formatIdentityId(endpoint.identity.id) === wanted.toLowerCase();
}

/** Answers a request that got no further than its connection. */
export function answer(exchange: Exchange, why: Reason, informational: boolean): void {
  if (!exchange.aborted) synthesize(exchange, why, informational);
}

/** Names the service instead of the listener on which its traffic arrives. */
export function renameAuthority(request: RequestHead, authority: string): void {
  request.authority = authority;
  if (field(request.headers, 'host') !== undefined) setField(request.headers, 'host', authority);
}
