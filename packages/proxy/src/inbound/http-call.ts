// One inbound request, forwarded to the application and watched. One object per request serves as forward rules and observer.
// spec/proxy.md §4.1, §4.6.
import { type Clock, DEFAULT_CLASSIFIERS, formatSocketAddress, isGrpcContentType, type Reason } from '@weft/core';
import { type Exchange, type ForwardFailure, type ForwardRules, field, type LocalResponse, type RequestHead, type ResponseHead } from '@weft/http';
import type { HttpMeter } from '../observe/http-metrics.ts';
import { failureReason } from '../relay/failure.ts';
import type { InFlightLimit } from '../relay/in-flight-limit.ts';
import { setClientId } from '../relay/l5d-headers.ts';
import { MeteredExchange } from '../relay/metered-exchange.ts';
import { localResponse } from '../relay/synthesize.ts';
import type { HeadEdits } from '../route/filters.ts';
import type { Applications } from './applications.ts';
import type { InboundSession } from './session.ts';

/** The connection that a call came in on. */
export interface CallConnection {
  readonly clock: Clock;
  readonly session: InboundSession;
  readonly applications: Applications;
  /** Entered for the call; left when its response head arrived or it ended. */
  readonly limit: InFlightLimit;
  /** Counts, logs and answers. */
  refuse(exchange: Exchange, why: Reason): void;
}

export class InboundCall extends MeteredExchange implements ForwardRules {
  readonly origProto: ForwardRules['origProto'];
  readonly #connection: CallConnection;
  readonly #exchange: Exchange;
  readonly #edits: HeadEdits;
  #admitted = true;

  constructor(connection: CallConnection, exchange: Exchange, edits: HeadEdits) {
    super(connection.clock);
    this.#connection = connection;
    this.#exchange = exchange;
    this.#edits = edits;
    this.origProto = isUpgraded(exchange.request) ? 'decode' : 'none';
  }

  forward(meter: HttpMeter): void {
    const { request } = this.#exchange;
    const { session, applications } = this.#connection;
    setClientId(request, session.clientId);
    this.#edits.request?.(request.headers);
    const { grpc, http } = DEFAULT_CLASSIFIERS;
    this.begin(meter, isGrpcContentType(field(request.headers, 'content-type')) ? grpc : http);
    const version = request.version === '2' && this.origProto === 'none' ? 'http/2' : 'http/1';
    this.#exchange.forward(applications.upstream(session.target, version), this, this);
  }

  failed(exchange: Exchange, failure: ForwardFailure): void {
    if (failure.kind === 'reset' && this.#passesResets) exchange.reset(failure.code);
    else this.#connection.refuse(exchange, this.#reasonOf(failure));
  }

  protected override answerTo(failure: ForwardFailure): LocalResponse | undefined {
    if (failure.kind === 'reset' && this.#passesResets) return undefined;
    return localResponse(this.#exchange.request, this.#reasonOf(failure), false, 'inbound');
  }

  protected override onHead(_head: ResponseHead): void {
    this.#leave();
  }

  protected override onAnswer(): void {
    // Only balancers want penalties.
  }

  protected override onSample(): void {
    // Only balancers want samples.
  }

  protected override onClass(): void {
    // Only breakers want classes.
  }

  protected override onEnd(): void {
    this.#leave();
  }

  get #passesResets(): boolean {
    return this.#exchange.request.version === '2';
  }

  #reasonOf(failure: ForwardFailure): Reason {
    return failureReason(failure, formatSocketAddress(this.#connection.session.target));
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
