// One inbound request, forwarded to the application and watched. One object per request serves as queue entry, forward rules and observer.
// spec/proxy.md §4.1, §4.6.
import { type Clock, DEFAULT_CLASSIFIERS, formatSocketAddress, isGrpcContentType, type Reason } from '@weft/core';
import { inRoute } from '@weft/core/route';
import {
  type Exchange,
  type ExchangeObserver,
  type FieldList,
  type ForwardFailure,
  type ForwardRules,
  field,
  type LocalResponse,
  type RequestHead,
  type ResponseHead,
  type Upstream,
} from '@weft/http';
import type { AccessLog } from '../observe/access-log.ts';
import type { HttpMeter } from '../observe/http-metrics.ts';
import { failureReason } from '../relay/failure.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import { setClientId } from '../relay/l5d-headers.ts';
import { MeteredExchange, type RouteMeter } from '../relay/metered-exchange.ts';
import { brokenTrailers, isGrpcRequest, localResponse } from '../relay/synthesize.ts';
import type { InboundRulePlan } from '../route/inbound-plan.ts';
import { inboundSides } from '../tap/sides.ts';
import type { Taps } from '../tap/taps.ts';
import type { Applications } from './applications.ts';
import type { Http2Waiter } from './http2-application.ts';
import type { InboundProfiles } from './profiles.ts';
import type { InboundSession } from './session.ts';

/** The connection that a call came in on. */
export interface CallConnection {
  readonly clock: Clock;
  readonly session: InboundSession;
  readonly applications: Applications;
  readonly profiles: InboundProfiles;
  /** Entered for the call; left when its response head arrived or it ended. */
  readonly limit: InFlightLimit;
  readonly taps: Taps;
  readonly accessLog: AccessLog | undefined;
  /** Counts, logs and answers. */
  refuse(exchange: Exchange, why: Reason): void;
}

export class InboundCall extends MeteredExchange implements Http2Waiter, ForwardRules {
  readonly origProto: ForwardRules['origProto'];
  readonly #connection: CallConnection;
  readonly #exchange: Exchange;
  readonly #rule: InboundRulePlan;
  readonly #bound: HttpMeter;
  #route: RouteMeter | undefined;
  #admitted = true;

  constructor(connection: CallConnection, exchange: Exchange, rule: InboundRulePlan, meter: HttpMeter) {
    super(connection.clock);
    this.#connection = connection;
    this.#exchange = exchange;
    this.#rule = rule;
    this.#bound = meter;
    this.origProto = isUpgraded(exchange.request) ? 'decode' : 'none';
  }

  forward(): void {
    const { request } = this.#exchange;
    const { session, profiles } = this.#connection;
    const profile = profiles.of(request);
    setClientId(request, session.clientId);
    this.#rule.filters.request?.(request.headers);
    if (!profile?.wait(() => this.#dispatch(profile.route(request)))) this.#dispatch(profile?.route(request));
  }

  #dispatch(route: RouteMeter | undefined): void {
    if (this.aborted) return;
    const { session, applications } = this.#connection;
    this.#route = route;
    if (this.#exchange.request.version === '2' && this.origProto === 'none') applications.http2(session.target).submit(this);
    else this.start(applications.http1(session.target));
  }

  get aborted(): boolean {
    if (this.#exchange.aborted) {
      this.#leave();
      this.#connection.accessLog?.over(this.#exchange);
    }
    return this.#exchange.aborted;
  }

  start(upstream: Upstream): void {
    const { grpc, http } = this.#route?.classifiers ?? DEFAULT_CLASSIFIERS;
    const isGrpc = isGrpcContentType(field(this.#exchange.request.headers, 'content-type'));
    this.begin(this.#bound, isGrpc ? grpc : http, this.#route?.meter);
    this.#exchange.forward(upstream, this, this.#connection.taps.current === null ? this : this.#tapped());
  }

  refuse(why: Reason): void {
    this.#leave();
    this.#connection.refuse(this.#exchange, inRoute(why, this.#rule));
  }

  failed(exchange: Exchange, failure: ForwardFailure): void {
    if (failure.kind === 'reset' && this.#passesResets) exchange.reset(failure.code);
    else this.#connection.refuse(exchange, this.#reasonOf(failure));
  }

  /** A gRPC response that broke on its way in HTTP/1. Resets pass as resets. */
  broken({ request }: Exchange, failure: ForwardFailure): FieldList | undefined {
    if (this.origProto === 'none' || !isGrpcRequest(request)) return undefined;
    return brokenTrailers(this.#reasonOf(failure), this.#connection.session.clientId !== undefined);
  }

  override answerTo(failure: ForwardFailure): LocalResponse | undefined {
    if (failure.kind === 'reset' && this.#passesResets) return undefined;
    return localResponse(this.#exchange.request, this.#reasonOf(failure), false, 'inbound');
  }

  protected override onHead({ status, headers }: ResponseHead): void {
    this.#leave();
    this.#connection.accessLog?.answered(this.#exchange, status, headers);
  }

  protected override onAnswer({ status, headers }: LocalResponse): void {
    this.#connection.accessLog?.answered(this.#exchange, status, headers);
  }

  protected override onSample(): void {
    // Only balancers want samples.
  }

  protected override onClass(): void {
    // Only breakers want classes.
  }

  protected override onEnd(): void {
    this.#leave();
    this.#connection.accessLog?.over(this.#exchange);
  }

  #tapped(): ExchangeObserver {
    const { session, taps } = this.#connection;
    return taps.observe(this, {
      request: this.#exchange.request,
      sides: inboundSides(session, this.#bound.labels, this.#route?.meter.labels),
      authority: formatSocketAddress(session.target),
      carried: this.origProto === 'decode',
    });
  }

  get #passesResets(): boolean {
    return this.#exchange.request.version === '2';
  }

  #reasonOf(failure: ForwardFailure): Reason {
    return inRoute(failureReason(failure, formatSocketAddress(this.#connection.session.target)), this.#rule);
  }

  #leave(): void {
    if (!this.#admitted) return;
    this.#admitted = false;
    this.#connection.limit.release();
  }
}

/** HTTP/1 that a peer proxy carried in HTTP/2. */
export function isUpgraded(request: RequestHead): boolean {
  return request.version === '2' && field(request.headers, 'l5d-orig-proto') !== undefined;
}
