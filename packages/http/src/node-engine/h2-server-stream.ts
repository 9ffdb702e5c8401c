// The client's end of an HTTP/2 exchange.
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { RequestHead, ResponseHead } from '../exchange/head.ts';
import { stripForHttp2 } from '../translate/hop-by-hop.ts';
import { H2BodyWriter } from './h2-body-writer.ts';
import { watchEndStream } from './h2-end.ts';
import { regularFields, responseToHttp2 } from './h2-fields.ts';
import { ReadableBody } from './readable-body.ts';
import { type ClientSide, type IncomingBody, noBody, type OutgoingBody, type TunnelEnd } from './sides.ts';

export class H2ServerStream implements ClientSide {
  readonly request: RequestHead;
  readonly requestBody: IncomingBody | null;
  gone = false;
  onGone: ((code: number | undefined) => void) | null = null;
  readonly #stream: ServerHttp2Stream;
  readonly #goAway: () => void;
  #responseEnded = false;
  #resetHere = false;

  /** `goAway` ends the session after the exchanges in flight. */
  constructor(stream: ServerHttp2Stream, request: RequestHead, flags: number, goAway: () => void) {
    this.#stream = stream;
    this.#goAway = goAway;
    this.request = request;
    const endStream = watchEndStream(stream);
    let trailers: readonly string[] = [];
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    this.requestBody = ended ? null : new ReadableBody(stream, () => (endStream() ? regularFields(trailers) : undefined));
    stream.on('trailers', (...received: readonly unknown[]) => {
      trailers = received[2] as string[];
    });
    stream.on('error', () => undefined);
    stream.once('close', () => {
      // A response may be complete before the request is; what breaks off then is the request.
      if (this.#resetHere || (this.#responseEnded && (ended || endStream()) && stream.rstCode === constants.NGHTTP2_NO_ERROR)) return;
      this.gone = true;
      this.onGone?.(stream.rstCode === constants.NGHTTP2_NO_ERROR ? constants.NGHTTP2_CANCEL : stream.rstCode);
    });
    if (ended) stream.resume();
  }

  informational(head: ResponseHead): void {
    if (this.gone || this.#stream.destroyed || this.#stream.headersSent) return;
    stripForHttp2(head.headers);
    try {
      this.#stream.additionalHeaders(responseToHttp2(head));
    } catch {
      // An interim response that HTTP/2 cannot carry may be left out (RFC 9110 §15.2).
      return;
    }
  }

  closeAfter(): void {
    this.#goAway();
  }

  respond(head: ResponseHead, ended: boolean): OutgoingBody {
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) return noBody();
    stripForHttp2(head.headers);
    const bodiless = ended || this.request.method === 'HEAD' || BODILESS.has(head.status);
    try {
      stream.respond(responseToHttp2(head), bodiless ? ENDED : WITH_BODY);
    } catch {
      // HTTP/1 allows what Node refuses to put into HTTP/2, such as a status beyond 599. The client is told by a reset.
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      return noBody();
    }
    this.#responseEnded = bodiless;
    if (bodiless) return noBody();
    return new H2BodyWriter(stream, () => {
      this.#responseEnded = true;
    });
  }

  tunnel(head: ResponseHead): TunnelEnd {
    this.#stream.respond(responseToHttp2(head), WITH_BODY);
    return { readable: this.#stream, writable: this.#stream, destroy: (error) => this.#stream.destroy(error) };
  }

  reset(code: number): void {
    this.#resetHere = true;
    this.#stream.close(code);
  }
}

// Node would add a date of its own; its types do not know the option.
const ENDED = { endStream: true, sendDate: false };
const WITH_BODY = { waitForTrailers: true, sendDate: false };

/** Statuses after which Node sends no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);
