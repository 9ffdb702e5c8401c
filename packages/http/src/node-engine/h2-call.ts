// One request on an HTTP/2 session: a stream, its response and its reset.
import { type ClientHttp2Stream, constants } from 'node:http2';
import type { ForwardFailure } from '../exchange/engine.ts';
import { H2BodyWriter } from './h2-body-writer.ts';
import { watchEndStream } from './h2-end.ts';
import { pseudo, regularFields, responseFromHttp2 } from './h2-fields.ts';
import { ReadableBody } from './readable-body.ts';
import { type CallListener, noBody, type OutgoingRequest } from './sides.ts';

export interface H2CallHost {
  /** The reason when the connection is gone, and the stream only with it. */
  connectionFailure(): Error | undefined;
  callDone(): void;
  /** `unprocessed`: the peer has said that it did not look at the request (RFC 9113 §8.7). */
  callFailed(failure: ForwardFailure, unprocessed: boolean): void;
}

export class H2Call {
  readonly #stream: ClientHttp2Stream;
  readonly #request: OutgoingRequest;
  readonly #listener: CallListener;
  readonly #host: H2CallHost;
  #answered = false;
  #responseDone = false;
  #over = false;

  constructor(stream: ClientHttp2Stream, request: OutgoingRequest, listener: CallListener, host: H2CallHost) {
    this.#stream = stream;
    this.#request = request;
    this.#listener = listener;
    this.#host = host;
    const endStream = watchEndStream(stream);
    let trailers: readonly string[] = [];
    let error: Error | undefined;
    stream.on('error', (cause) => {
      error = cause;
    });
    // Node's third argument holds the lines as they came; its types do not know it everywhere.
    stream.on('headers', (...received: readonly unknown[]) => {
      const head = responseFromHttp2(received[2] as string[]);
      if (!this.#over && head.status >= 100 && head.status < 200) this.#listener.informational(head);
    });
    stream.on('response', (...received: readonly unknown[]) => this.#response(received[2] as string[], received[1] as number, () => trailers));
    stream.on('trailers', (...received: readonly unknown[]) => {
      const raw = received[2] as string[];
      // A response that ends with its head after an interim one is reported as trailers.
      if (!this.#answered && pseudo(raw, ':status') !== undefined) this.#response(raw, constants.NGHTTP2_FLAG_END_STREAM, () => []);
      else trailers = raw;
    });
    stream.once('end', () => {
      if (this.#answered && endStream()) this.#responseDone = true;
    });
    stream.once('close', () => this.#closed(error));
  }

  start(): void {
    const writer = this.#request.hasBody ? new H2BodyWriter(this.#stream, () => undefined) : noBody();
    this.#listener.sent(writer);
  }

  abort(code: number): void {
    this.#over = true;
    this.#stream.close(code);
    this.#host.callDone();
  }

  #response(raw: readonly string[], flags: number, trailers: () => readonly string[]): void {
    if (this.#over || this.#answered) return;
    this.#answered = true;
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (ended) this.#responseDone = true;
    this.#listener.response(
      responseFromHttp2(raw),
      ended ? null : new ReadableBody(this.#stream, () => (this.#responseDone ? regularFields(trailers()) : undefined)),
    );
    if (ended && !this.#over) this.#stream.resume();
  }

  #closed(error: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#responseDone) {
      this.#host.callDone();
      return;
    }
    const { rstCode } = this.#stream;
    const lost = this.#host.connectionFailure();
    const unprocessed = !this.#answered && rstCode === constants.NGHTTP2_REFUSED_STREAM;
    const failure: ForwardFailure = lost === undefined ? { kind: 'reset', code: rstCode } : { kind: 'closed', error: error ?? lost };
    this.#host.callFailed(failure, unprocessed);
  }
}
