// One inbound request, forwarded to the application and watched. One object per request serves as forward rules and observer.
// spec/proxy.md §4.1, §4.6.
import { formatSocketAddress, type Reason } from '@weft/core';
import { type Exchange, type ForwardFailure, type ForwardRules, field, type RequestHead, type ResponseHead } from '@weft/http';
import type { HttpMeter } from '../observe/http-metrics.ts';
import { failureReason } from '../relay/failure.ts';
import { setClientId } from '../relay/l5d-headers.ts';
import { MeteredExchange } from '../relay/metered-exchange.ts';
import { isGrpcRequest, statusOf } from '../relay/synthesize.ts';
import type { HeadEdits } from '../route/filters.ts';
import type { InboundHttpConnection } from './serve-http.ts';

export class InboundCall extends MeteredExchange implements ForwardRules {
  readonly origProto: ForwardRules['origProto'];
  readonly #connection: InboundHttpConnection;
  readonly #exchange: Exchange;
  readonly #edits: HeadEdits;
  #admitted = true;

  constructor(connection: InboundHttpConnection, exchange: Exchange, edits: HeadEdits) {
    super(connection.shared.clock);
    this.#connection = connection;
    this.#exchange = exchange;
    this.#edits = edits;
    this.origProto = isUpgraded(exchange.request) ? 'decode' : 'none';
  }

  forward(meter: HttpMeter): void {
    const { request } = this.#exchange;
    const { session, shared } = this.#connection;
    setClientId(request, session.clientId);
    this.#edits.request?.(request.headers);
    this.begin(meter, isGrpcRequest(request));
    const version = request.version === '2' && this.origProto === 'none' ? 'http/2' : 'http/1';
    this.#exchange.forward(shared.applications.upstream(session.target, version), this, this);
  }

  failed(exchange: Exchange, failure: ForwardFailure): void {
    if (failure.kind === 'reset' && exchange.request.version === '2') return exchange.reset(failure.code);
    const why: Reason = failureReason(failure, formatSocketAddress(this.#connection.session.target));
    this.answeredStatus = statusOf(why);
    this.#connection.refuse(exchange, why);
  }

  protected override onHead(_head: ResponseHead): void {
    this.#leave();
  }

  protected override onSample(): void {
    // Only balancers want samples.
  }

  protected override onEnd(): void {
    this.#leave();
  }

  #leave(): void {
    if (!this.#admitted) return;
    this.#admitted = false;
    this.#connection.shared.limit.release();
  }
}

/** HTTP/1 that a peer proxy carried in HTTP/2. */
export function isUpgraded(request: RequestHead): boolean {
  return request.version === '2' && field(request.headers, 'l5d-orig-proto') !== undefined;
}
