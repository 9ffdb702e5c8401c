// Writes one HTTP/1 message to a link: head, then a body in the framing that the head announces (RFC 9112 §6).

import type { Link } from '../exchange/engine.ts';
import { type FieldList, field, removeField } from '../exchange/head.ts';
import { lastChunkText } from './h1-text.ts';
import type { OutgoingBody } from './sides.ts';

/** `none`: the message ends with its head. `close`: it ends with the connection. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Decides the framing of a message with a body and makes the head say so. */
export function frameBody(headers: FieldList, canChunk: boolean): Framing {
  const encoding = field(headers, 'transfer-encoding');
  if (encoding === undefined && field(headers, 'content-length') !== undefined) return 'length';
  if (!canChunk) {
    removeField(headers, 'transfer-encoding');
    return 'close';
  }
  if (encoding === undefined) headers.push('transfer-encoding', 'chunked');
  removeField(headers, 'content-length');
  return 'chunked';
}

/** Writes the head so that it leaves together with a body that is there already: Node hands that out some ticks later. */
export function writeHead(link: Link, text: string): void {
  link.cork();
  link.write(text, 'latin1');
  setImmediate(() => link.uncork());
}

export class H1BodyWriter implements OutgoingBody {
  onDrain: (() => void) | null = null;
  readonly #link: Link;
  readonly #framing: Framing;
  readonly #done: () => void;
  #ended = false;
  readonly #drain = (): void => this.onDrain?.();

  /** `done` is called when the message is complete. */
  constructor(link: Link, framing: Framing, done: () => void) {
    this.#link = link;
    this.#framing = framing;
    this.#done = done;
    link.on('drain', this.#drain);
  }

  write(chunk: Buffer): boolean {
    if (this.#ended || this.#framing === 'none' || this.#link.destroyed || chunk.length === 0) return true;
    if (this.#framing !== 'chunked') return this.#link.write(chunk);
    this.#link.cork();
    this.#link.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    this.#link.write(chunk);
    const ready = this.#link.write('\r\n', 'latin1');
    this.#link.uncork();
    return ready;
  }

  end(trailers: FieldList): void {
    if (this.#ended) return;
    this.stop();
    if (this.#framing === 'chunked' && !this.#link.destroyed) this.#link.write(lastChunkText(trailers), 'latin1');
    this.#done();
  }

  /** Writes nothing more. */
  stop(): void {
    this.#ended = true;
    this.#link.off('drain', this.#drain);
  }
}
