// Writes a body to an HTTP/2 stream opened with `waitForTrailers`. Only `end` lets the stream end: a stream that is reset or that
// loses its source never looks complete to the peer (RFC 9113 §8.1).
import { constants, type Http2Stream } from 'node:http2';
import type { FieldList } from '../exchange/head.ts';
import { stripForHttp2 } from '../translate/hop-by-hop.ts';
import { trailersToHttp2 } from './h2-fields.ts';
import type { OutgoingBody } from './sides.ts';

export class H2BodyWriter implements OutgoingBody {
  onDrain: (() => void) | null = null;
  readonly #stream: Http2Stream;
  readonly #done: () => void;
  #trailers: FieldList | undefined;

  /** `done` is called when the message is handed over completely. */
  constructor(stream: Http2Stream, done: () => void) {
    this.#stream = stream;
    this.#done = done;
    stream.on('drain', () => this.onDrain?.());
    stream.on('wantTrailers', () => {
      if (this.#trailers === undefined || stream.destroyed || stream.closed) return;
      stripForHttp2(this.#trailers);
      try {
        stream.sendTrailers(trailersToHttp2(this.#trailers));
      } catch {
        // Trailers that HTTP/2 cannot carry: better broken off than silently cut.
        stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      }
    });
  }

  write(chunk: Buffer): boolean {
    if (this.#trailers !== undefined || !this.#stream.writable || chunk.length === 0) return true;
    return this.#stream.write(chunk);
  }

  end(trailers: FieldList): void {
    if (this.#trailers !== undefined) return;
    this.#trailers = trailers;
    if (this.#stream.writable) this.#stream.end();
    this.#done();
  }
}
