// One try of a request that has timeouts or retries: what the call tells goes to the request, which decides.
import type { Reason, ResponseClass } from '@weft/core';
import type { Dispatch } from '@weft/core/balance';
import type { Exchange, ExchangeOutcome, FieldList, ForwardFailure, RequestHead, ResponseHead, RetryRules } from '@weft/http';
import type { HttpEndpoint } from '../../connect/http-endpoint.ts';
import type { Meter } from '../../observe/http-metrics.ts';
import { HttpCall, type HttpCallOptions } from '../http-call.ts';
import type { TriedRequest } from './tried-request.ts';

export class Attempt extends HttpCall {
  readonly retry: RetryRules | undefined;
  readonly #request: TriedRequest;
  readonly #exchange: Exchange;
  /** Given up: it is not to be sent any more. */
  #withdrawn = false;

  constructor(request: TriedRequest, options: HttpCallOptions, retry: RetryRules | undefined) {
    super(options);
    this.#request = request;
    this.#exchange = options.exchange;
    this.retry = retry;
  }

  override get aborted(): boolean {
    if (this.#exchange.aborted) this.#request.over();
    return this.#withdrawn || this.#exchange.aborted;
  }

  /** It ends without an answer; what it counts as. */
  withdraw(as: ResponseClass): void {
    this.#withdrawn = true;
    this.givenUp = as;
  }

  override start(endpoint: HttpEndpoint, dispatch: Dispatch): void {
    this.#request.tryStarted();
    super.start(endpoint, dispatch);
  }

  override refuse(why: Reason): void {
    this.#request.refused(why);
  }

  override failed(_exchange: Exchange, failure: ForwardFailure): void {
    this.#request.failed(failure, this.reasonOf(failure));
  }

  override response(head: ResponseHead, request: RequestHead): void {
    this.#request.relayed();
    super.response(head, request);
  }

  requestData(): void {
    this.#request.clocks.frame();
  }

  requestEnd(): void {
    this.#request.clocks.flushed();
  }

  override head(head: ResponseHead): void {
    this.#request.clocks.head();
    super.head(head);
    const connects = this.#exchange.request.method === 'CONNECT' && head.status >= 200 && head.status < 300;
    if (head.status === 101 || connects) this.#request.becameTunnel();
  }

  override data(bytes: number): void {
    this.#request.clocks.frame();
    super.data(bytes);
  }

  override trailers(trailers: FieldList): void {
    this.#request.clocks.frame();
    super.trailers(trailers);
  }

  override end(outcome: ExchangeOutcome): void {
    super.end(outcome);
    this.#request.tryEnded(outcome);
  }

  protected override onSample(now: number): void {
    this.#request.sampled(now);
    super.onSample(now);
  }

  protected override onClass(responseClass: ResponseClass | undefined, status: number | undefined): void {
    this.#request.classified(responseClass, status);
    super.onClass(responseClass, status);
  }

  protected override routeMeter({ profile }: HttpCallOptions['rule']): Meter | undefined {
    return profile?.meters.actual;
  }

  /** The permit is the request's. */
  protected override leave(): void {
    // Other tries may follow.
  }
}
