// Watches an exchange for its observers, in place of the observer that watches it anyway, which hears everything first. spec/proxy.md §9.5.
import type { Clock, TapEos, TapHeaders } from '@weft/core';
import {
  type ExchangeObserver,
  type ExchangeOutcome,
  type FieldList,
  type ForwardFailure,
  field,
  type LocalResponse,
  type RequestHead,
  type ResponseHead,
} from '@weft/http';
import { headerLines, ORIG_PROTO } from './head-view.ts';
import type { TappedStream } from './tapped-stream.ts';

/** The observer in its place. */
export interface TappableObserver extends ExchangeObserver {
  /** What the client gets where the endpoint failed before its response; undefined where its stream is reset. */
  answerTo(failure: ForwardFailure): LocalResponse | undefined;
}

export interface TappedExchangeOptions {
  readonly inner: TappableObserver;
  readonly request: RequestHead;
  readonly streams: readonly TappedStream[];
  /** HTTP/1 that came in HTTP/2: it is shown as what it is. */
  readonly carried: boolean;
  readonly clock: Clock;
}

export class TappedExchange implements ExchangeObserver {
  readonly #options: TappedExchangeOptions;
  #bytes = 0;
  /** Of the head: it is that of the end where there are no trailers. */
  #grpcStatus: number | undefined;
  #responded = false;
  #trailers: FieldList | undefined;
  #over = false;

  constructor(options: TappedExchangeOptions) {
    this.#options = options;
  }

  sent(): void {
    this.#options.inner.sent?.();
  }

  requestData(bytes: number): void {
    this.#options.inner.requestData?.(bytes);
  }

  requestEnd(): void {
    this.#options.inner.requestEnd?.();
  }

  head(head: ResponseHead): void {
    const { inner, carried, request } = this.#options;
    inner.head?.(head);
    this.#respond(head.status, head.headers, head.version === '2' && !carried);
    // What follows are the bytes of another protocol.
    const becameTunnel = head.status === 101 || (request.method === 'CONNECT' && head.status >= 200 && head.status < 300);
    if (becameTunnel) this.#end(undefined);
  }

  data(bytes: number): void {
    this.#bytes += bytes;
    this.#options.inner.data?.(bytes);
  }

  trailers(trailers: FieldList): void {
    this.#trailers = trailers;
    this.#options.inner.trailers?.(trailers);
  }

  end(outcome: ExchangeOutcome): void {
    const { inner, streams, request, carried } = this.#options;
    inner.end(outcome);
    if (this.#over) return;
    if (outcome.kind !== 'failed') {
      // Who left before a response hears of none.
      if (this.#responded) this.#end(this.#grpcEnd());
      else for (const stream of streams) stream.over();
      return;
    }
    const { failure } = outcome;
    const answer = this.#responded ? undefined : inner.answerTo(failure);
    if (answer) {
      this.#respond(answer.status, answer.headers, request.version === '2' && !carried);
      this.#end(this.#grpcEnd());
    } else {
      this.#end(failure.kind === 'reset' ? { kind: 'reset', code: failure.code } : undefined);
    }
  }

  #respond(status: number, headers: FieldList, pseudo: boolean): void {
    const now = this.#options.clock.now();
    this.#responded = true;
    this.#grpcStatus = grpcStatusOf(headers);
    let lines: TapHeaders | undefined;
    for (const stream of this.#options.streams) {
      if (stream.headers) lines ??= headerLines(headers, pseudo ? [[':status', String(status)]] : [], this.#options.carried ? ORIG_PROTO : undefined);
      stream.respond(now, status, stream.headers ? lines : undefined);
    }
  }

  #end(eos: TapEos | undefined): void {
    const now = this.#options.clock.now();
    this.#over = true;
    const trailers = this.#trailers && headerLines(this.#trailers, [], undefined);
    for (const stream of this.#options.streams) stream.end(now, this.#bytes, eos, stream.headers ? trailers : undefined);
  }

  #grpcEnd(): TapEos | undefined {
    const code = this.#trailers ? grpcStatusOf(this.#trailers) : this.#grpcStatus;
    return code === undefined ? undefined : { kind: 'grpc-status', code };
  }
}

/** As it was sent, whether or not it is a code of gRPC. */
function grpcStatusOf(headers: FieldList): number | undefined {
  const text = field(headers, 'grpc-status');
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const code = Number(text);
  return code <= 0xffffffff ? code : undefined;
}
