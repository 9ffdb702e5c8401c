// A received body over a Node stream: an HTTP/1 message of Node's parser or an HTTP/2 stream.
import type { Readable } from 'node:stream';
import type { FieldList } from '../exchange/head.ts';
import type { BodyReceiver, IncomingBody } from './sides.ts';

export class ReadableBody implements IncomingBody {
  readonly #stream: Readable;
  readonly #trailers: () => FieldList | undefined;

  /** `trailers` is asked once, at the end; undefined: the body ended without being whole. Node ends some streams that were reset. */
  constructor(stream: Readable, trailers: () => FieldList | undefined) {
    this.#stream = stream;
    this.#trailers = trailers;
  }

  start(receiver: BodyReceiver): void {
    this.#stream.on('data', (chunk: Buffer) => receiver.bodyData(chunk));
    const end = (): void => {
      const trailers = this.#trailers();
      if (trailers !== undefined) receiver.bodyEnd(trailers);
    };
    // Node ends a stream without a single byte by itself, read or not: an empty body may be over before anybody asks for it.
    if (this.#stream.readableEnded) return queueMicrotask(end);
    this.#stream.on('end', end);
    this.#stream.resume();
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  discard(): void {
    this.#stream.removeAllListeners('data');
    this.#stream.resume();
  }
}

/** Raw header lines of Node's parsers with lower-case names. */
export function fieldsFromRaw(raw: readonly string[]): FieldList {
  const fields: FieldList = raw.slice();
  for (let i = 0; i < raw.length; i += 2) {
    fields[i] = (raw[i] as string).toLowerCase();
  }
  return fields;
}
