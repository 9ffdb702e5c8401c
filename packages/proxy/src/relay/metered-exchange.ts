// Watches one exchange for its metrics and its class: one object per request, made of prototype methods.
// spec/proxy.md §9.2, §6.2 (sample point), §6.5 (classification).
import { type Clock, type ResponseClass, type ResponseClassifier, type RuleClassifiers, resetClass, UNCLASSIFIED } from '@weft/core';
import { type ExchangeObserver, type ExchangeOutcome, type FieldList, type ForwardFailure, field, type LocalResponse, type ResponseHead } from '@weft/http';
import type { HttpMeter, Meter } from '../observe/http-metrics.ts';

/** What the route of a ServiceProfile adds: it is counted too, and says what a failure is. */
export interface RouteMeter {
  readonly meter: HttpMeter;
  readonly classifiers: RuleClassifiers;
}

export abstract class MeteredExchange implements ExchangeObserver {
  protected readonly clock: Clock;
  protected meter: HttpMeter | undefined;
  /** Set by who gives an exchange up, a timeout for one, before it ends: what it then counts as. */
  protected givenUp: ResponseClass | undefined;
  #classifier: ResponseClassifier | undefined;
  #route: Meter | undefined;
  #startedAt = 0;
  #status: number | undefined;
  #class: ResponseClass | undefined;
  #sampled = false;
  #counted = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The request is dispatched: from here on time counts. */
  protected begin(meter: HttpMeter, classifier: ResponseClassifier, route?: Meter): void {
    this.meter = meter;
    this.#classifier = classifier;
    this.#route = route;
    this.#startedAt = this.clock.now();
    meter.request();
    route?.request();
  }

  head(head: ResponseHead): void {
    this.#status = head.status;
    this.#class = this.#classifier?.head(head.status, head.headers, field);
    this.onHead(head);
    if (head.status === 101) {
      this.#sample();
      this.#count(undefined);
    }
  }

  data(_bytes: number): void {
    if (!this.#sampled) this.#sample();
  }

  trailers(trailers: FieldList): void {
    if (!this.#sampled) this.#sample();
    this.#class ??= this.#classifier?.end(this.#status ?? 0, trailers, field);
  }

  end(outcome: ExchangeOutcome): void {
    const answer = outcome.kind === 'failed' && this.#status === undefined ? this.answerTo(outcome.failure) : undefined;
    if (answer) this.onAnswer(answer);
    if (!this.#sampled) this.#sample();
    this.#count(outcome, answer);
    this.onEnd();
  }

  /** The answer that the client gets in place of the endpoint's, which counts as the endpoint's; undefined where its stream is reset. */
  abstract answerTo(failure: ForwardFailure): LocalResponse | undefined;
  /** The head arrived. */
  protected abstract onHead(head: ResponseHead): void;
  /** The endpoint failed, and this is what the client gets in place of a response. Called before `onSample`. */
  protected abstract onAnswer(answer: LocalResponse): void;
  /** The first body frame arrived, or the exchange ended before one. */
  protected abstract onSample(now: number): void;
  /** What the response was; undefined where the client left before there was one. Called once, before `onEnd`. */
  protected abstract onClass(responseClass: ResponseClass | undefined, status: number | undefined): void;
  /** Always called, once, last. */
  protected abstract onEnd(): void;

  #sample(): void {
    this.#sampled = true;
    const now = this.clock.now();
    if (this.#status !== undefined) {
      this.meter?.latency(this.#status, now - this.#startedAt);
      this.#route?.latency(this.#status, now - this.#startedAt);
    }
    this.onSample(now);
  }

  #count(outcome: ExchangeOutcome | undefined, answer?: LocalResponse): void {
    if (this.#counted) return;
    this.#counted = true;
    const status = this.#status ?? answer?.status;
    let result = this.givenUp;
    if (!result && outcome?.kind === 'failed') result = answer ? this.#classOfAnswer(answer) : classOfBreak(outcome.failure);
    // A client that leaves in the middle of a response does not make it a failure.
    else if (!result && status !== undefined) result = this.#class ?? this.#classifier?.end<FieldList>(status, undefined, field);
    if (result) {
      this.meter?.response(status, result);
      this.#route?.response(status, result);
    }
    this.onClass(result, status);
  }

  #classOfAnswer({ status, headers }: LocalResponse): ResponseClass | undefined {
    return this.#classifier?.head(status, headers, field) ?? this.#classifier?.end(status, headers, field);
  }
}

function classOfBreak(failure: ForwardFailure): ResponseClass {
  return failure.kind === 'reset' ? resetClass(failure.code) : UNCLASSIFIED;
}
