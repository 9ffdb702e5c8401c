// One request on one HTTP/1 connection, until the connection is free again or lost.
import type { IncomingMessage } from 'node:http';
import type { ForwardFailure } from '../exchange/engine.ts';
import { field, type ResponseHead } from '../exchange/head.ts';
import { connectionTokens, stripHopByHop } from '../translate/hop-by-hop.ts';
import type { ByteFeed } from './byte-feed.ts';
import { type ResponseOwner, responseFeed } from './h1-response-parser.ts';
import { requestHeadText, responseHeadText } from './h1-text.ts';
import { type Framing, frameBody, H1BodyWriter, writeHead } from './h1-writer.ts';
import type { LinkOwner, LinkReader } from './link-reader.ts';
import { fieldsFromRaw, ReadableBody } from './readable-body.ts';
import type { CallListener, OutgoingRequest, TunnelEnd } from './sides.ts';

/** Told how the connection comes out of a call. */
export interface CallHost {
  /** Request and response are complete; `reusable` when the connection may carry another. */
  callDone(reusable: boolean): void;
  /** The call broke. `answered`: bytes of a response had come. */
  callFailed(failure: ForwardFailure, answered: boolean): void;
}

export interface H1CallOptions {
  readonly reader: LinkReader;
  readonly request: OutgoingRequest;
  readonly listener: CallListener;
  readonly host: CallHost;
  readonly maxHeaderBytes: number;
}

export class H1Call implements LinkOwner, ResponseOwner {
  readonly #options: H1CallOptions;
  #feed: ByteFeed;
  #writer: H1BodyWriter | undefined;
  #answered = false;
  #requestDone = false;
  #responseDone = false;
  #persists = false;
  #over = false;
  #tunnel = false;

  constructor(options: H1CallOptions) {
    this.#options = options;
    this.#feed = this.#parse(options.request.head.method);
    options.reader.owner = this;
    options.reader.resume();
  }

  /** Writes the head and hands out the request body. */
  start(): void {
    const { reader, request, listener } = this.#options;
    let framing: Framing = 'none';
    if (request.hasBody) {
      framing = frameBody(request.head.headers, true);
      // A 1.0 message cannot be chunked, and a request cannot last until the connection closes.
      if (framing === 'chunked') request.head.version = '1.1';
    }
    writeHead(reader.link, requestHeadText(request.head));
    this.#writer = new H1BodyWriter(reader.link, framing, () => {
      this.#requestDone = true;
      this.#settle();
    });
    const writer = this.#writer;
    listener.sent(writer);
    if (!request.hasBody && !this.#over) writer.end([]);
  }

  /** Gives up; the connection is of no further use. */
  abort(): void {
    this.#leave();
    this.#options.reader.link.destroy();
  }

  linkData(chunk: Buffer): boolean {
    this.#answered = true;
    return this.#feed.push(chunk);
  }

  linkEnd(): void {
    this.#feed.push(null);
  }

  linkClosed(error: Error | undefined): void {
    // An orderly close leaves what was read to be delivered.
    if (this.#options.reader.ended && (this.#answered || this.#tunnel)) return;
    this.#feed.destroy(error);
    if (!this.#tunnel) this.#fail({ kind: 'closed', error: error ?? new Error('connection closed before the response') });
  }

  parsedInformational(head: ResponseHead): void {
    if (this.#over) return;
    stripHopByHop(head.headers);
    this.#options.listener.informational(head);
  }

  parsedResponse(head: ResponseHead, message: IncomingMessage): void {
    if (this.#over) return;
    const { request, listener } = this.#options;
    const framed = field(head.headers, 'transfer-encoding') !== undefined || field(head.headers, 'content-length') !== undefined;
    const bodiless = request.head.method === 'HEAD' || head.status === 204 || head.status === 304;
    const tokens = connectionTokens(head.headers);
    this.#persists = (framed || bodiless) && (head.version === '1.0' ? tokens.includes('keep-alive') : !tokens.includes('close'));
    stripHopByHop(head.headers);
    const ended = bodiless || (field(head.headers, 'transfer-encoding') === undefined && Number(field(head.headers, 'content-length') ?? Number.NaN) === 0);
    message.on('error', (error) => this.#fail({ kind: 'closed', error: this.#options.reader.error ?? error }));
    message.once('end', () => {
      if (!message.complete) return;
      this.#responseDone = true;
      this.#settle();
    });
    message.pause();
    listener.response(head, ended ? null : new ReadableBody(message, () => (message.complete ? fieldsFromRaw(message.rawTrailers) : undefined)));
    if (ended) message.resume();
  }

  parsedSwitch(head: ResponseHead): void {
    if (this.#over) return;
    const { request, listener, reader } = this.#options;
    const { link } = reader;
    const connect = request.head.method === 'CONNECT';
    if (request.head.upgrade && head.version === '1.1' && (connect ? head.status >= 200 && head.status < 300 : head.status === 101)) {
      this.#tunnel = true;
      this.#over = true;
      if (connect) head.headers = head.headers.filter((_, i, all) => !FRAMING.has(all[i - (i % 2)] as string));
      const end: TunnelEnd = { readable: this.#feed, writable: link, destroy: (error) => link.destroy(error) };
      link.once('close', () => this.#options.host.callDone(false));
      listener.tunnel(head, end);
    } else if (connect && head.status >= 200) {
      // Node takes any answer to CONNECT for a tunnel; this one is an ordinary response, parsed again as such.
      const rest = this.#feed.takeRest();
      this.#feed.destroy();
      this.#feed = this.#parse('GET');
      this.#feed.push(Buffer.from(responseHeadText(head), 'latin1'));
      for (const chunk of rest) this.#feed.push(chunk);
      if (reader.ended) this.#feed.push(null);
    } else this.#fail({ kind: 'protocol', error: new Error(`unexpected response ${head.status} to ${request.head.method}`) });
  }

  parseFailed(error: Error, isProtocol: boolean): void {
    this.#fail(isProtocol ? { kind: 'protocol', error } : { kind: 'closed', error: this.#options.reader.error ?? error });
  }

  #parse(method: string): ByteFeed {
    const { reader, maxHeaderBytes } = this.#options;
    return responseFeed({ method, maxHeaderBytes, owner: this, want: () => reader.resume() });
  }

  #settle(): void {
    if (this.#over) return;
    const { reader, host, request } = this.#options;
    if (this.#responseDone && !this.#persists) {
      this.#leave();
      host.callDone(false);
      reader.link.destroy();
    } else if (this.#responseDone && this.#requestDone) {
      // The parser destroys its feed on bytes beyond the response: nobody asked for them, so nobody may get them.
      const clean = !this.#feed.destroyed && this.#feed.readableLength === 0 && !reader.ended && !reader.link.destroyed && reader.link.writable;
      this.#leave();
      host.callDone(clean && !request.oneOff);
    }
  }

  #fail(failure: ForwardFailure): void {
    if (this.#over) return;
    this.#leave();
    this.#options.reader.link.destroy();
    this.#options.host.callFailed(failure, this.#answered);
  }

  /** The connection and this call part. */
  #leave(): void {
    this.#over = true;
    this.#writer?.stop();
    this.#options.reader.owner = IDLE;
    this.#feed.destroy();
  }
}

const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);

/** Between calls until the pool takes over; bytes here belong to no response. */
const IDLE: LinkOwner = { linkData: () => true, linkEnd: () => undefined, linkClosed: () => undefined };
