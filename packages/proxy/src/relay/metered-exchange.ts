// Watches one exchange for its metrics: one object per request, made of prototype methods. spec/proxy.md §9.2, §6.2 (sample point).
import type { Clock } from '@weft/core';
import { type ExchangeObserver, type ExchangeOutcome, type FieldList, type ForwardFailure, field, type ResponseHead } from '@weft/http';
import { classify, type HttpMeter } from '../observe/http-metrics.ts';

export abstract class MeteredExchange implements ExchangeObserver {
  protected readonly clock: Clock;
  protected meter: HttpMeter | undefined;
  #isGrpc = false;
  #startedAt = 0;
  #status: number | undefined;
  #grpcStatus: string | undefined;
  #sampled = false;
  #counted = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The request is dispatched: from here on time counts. */
  protected begin(meter: HttpMeter, isGrpc: boolean): void {
    this.meter = meter;
    this.#isGrpc = isGrpc;
    this.#startedAt = this.clock.now();
    meter.request();
  }

  head(head: ResponseHead): void {
    this.#status = head.status;
    if (this.#isGrpc) this.#grpcStatus = field(head.headers, 'grpc-status');
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
    if (this.#isGrpc) this.#grpcStatus ??= field(trailers, 'grpc-status');
  }

  end(outcome: ExchangeOutcome): void {
    if (!this.#sampled) this.#sample();
    this.#count(outcome);
    this.onEnd();
  }

  /** The status of the answer that the client gets in place of the endpoint's; undefined where its stream is reset. */
  protected abstract statusOfFailure(failure: ForwardFailure): number | undefined;
  /** The head arrived. */
  protected abstract onHead(head: ResponseHead): void;
  /** The first body frame arrived, or the exchange ended before one. */
  protected abstract onSample(now: number): void;
  /** Always called, once, last. */
  protected abstract onEnd(): void;

  #sample(): void {
    this.#sampled = true;
    const now = this.clock.now();
    if (this.#status !== undefined) this.meter?.latency(this.#status, now - this.#startedAt);
    this.onSample(now);
  }

  #count(outcome: ExchangeOutcome | undefined): void {
    if (this.#counted) return;
    this.#counted = true;
    const isGrpc = this.#isGrpc;
    const error = outcome === undefined ? undefined : errorOf(outcome);
    if (this.#status !== undefined && error === undefined) return this.meter?.response(classify(isGrpc, this.#status, this.#grpcStatus));
    const answered = this.#status === undefined && outcome?.kind === 'failed' ? this.statusOfFailure(outcome.failure) : undefined;
    const status = this.#status ?? answered;
    this.meter?.response({ status, grpcStatus: undefined, success: false, error: answered === undefined ? error : undefined });
  }
}

/** The `error` label: absent where the exchange came to its end. */
function errorOf(outcome: ExchangeOutcome): string | undefined {
  if (outcome.kind === 'complete' || outcome.kind === 'tunnel' || outcome.kind === 'abandoned') return undefined;
  if (outcome.kind === 'client-gone') return outcome.code === undefined ? 'unclassified' : `h2(${h2Code(outcome.code)})`;
  return outcome.failure.kind === 'reset' ? `h2(${h2Code(outcome.failure.code)})` : 'unclassified';
}

/** RFC 9113 §7. */
const H2_CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
];

function h2Code(code: number): string {
  return H2_CODES[code] ?? String(code);
}
