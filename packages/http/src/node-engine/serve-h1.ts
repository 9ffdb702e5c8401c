// Serves one HTTP/1 connection: requests in order, one at a time, until either side closes (RFC 9112 §9; spec/proxy.md §4.3, §1.5).
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Link, ServerConnection } from '../exchange/engine.ts';
import type { HttpVersion, RequestHead } from '../exchange/head.ts';
import type { EngineTimers } from '../exchange/timers.ts';
import { stripHopByHop } from '../translate/hop-by-hop.ts';
import { refusalOf, versionIn, withoutUpgrade } from './h1-refusal.ts';
import { closeTicket, isTunnelRequest, type ParseFailure, RequestFeed, type RequestOwner, type RequestParser } from './h1-request-parser.ts';
import { H1ServerStream, type StreamHost } from './h1-server-stream.ts';
import { responseHeadText } from './h1-text.ts';
import { abortLink, type LinkOwner, LinkReader } from './link-reader.ts';
import { fieldsFromRaw } from './readable-body.ts';
import type { ClientSide, TunnelEnd } from './sides.ts';
import { hasSoundFraming, parseTarget } from './target.ts';

export interface H1ServeOptions {
  readonly link: Link;
  readonly parser: RequestParser;
  readonly timers: EngineTimers;
  readonly onStream: (client: ClientSide) => void;
}

/** A parsed request, or the refusal of what could not be parsed. */
type Turn = { readonly kind: 'stream'; readonly stream: H1ServerStream } | { readonly kind: 'refusal'; readonly status: number; readonly version: HttpVersion };

/** Requests that may wait for the one before; then the connection is not read on. */
const MAX_PIPELINED = 16;
/** How long a closing connection is read on, so that the peer gets to read the response. RFC 9112 §9.6. */
const LINGER_MS = 1000;

export class H1ServerConnection implements ServerConnection, LinkOwner, RequestOwner, StreamHost {
  readonly closed: Promise<void>;
  readonly link: Link;
  draining = false;
  readonly #options: H1ServeOptions;
  readonly #reader: LinkReader;
  readonly #turns: Turn[] = [];
  #feed: RequestFeed;
  #resolveClosed: () => void = () => undefined;
  #current: H1ServerStream | undefined;
  #responseWritten = false;
  #headStarted = false;
  #closing = false;
  #tunnel = false;

  constructor(options: H1ServeOptions) {
    this.#options = options;
    this.link = options.link;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#feed = this.#newFeed();
    options.parser.attach(this.#feed);
    this.#reader = new LinkReader(options.link, this);
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    if (this.#current === undefined && this.#turns.length === 0 && !this.#headStarted) this.#finish(true);
  }

  destroy(error?: Error): void {
    this.link.destroy(error);
  }

  linkData(chunk: Buffer): boolean {
    if (this.#closing) return true;
    if (this.#current === undefined) this.#headStarted = true;
    return this.#feed.push(chunk);
  }

  linkEnd(): void {
    if (this.#tunnel) {
      this.#feed.push(null);
      return;
    }
    if (this.#current === undefined || this.#responseWritten) this.#finish(true);
    else this.link.destroy();
  }

  linkClosed(error: Error | undefined): void {
    this.#closing = true;
    const current = this.#current;
    this.#current = undefined;
    this.#turns.length = 0;
    // A tunnel goes on with what was read before an orderly close.
    if (!this.#tunnel) current?.lost();
    if (!this.#tunnel || !this.#reader.ended) this.#feed.destroy(error);
    this.#resolveClosed();
  }

  parsedRequest(message: IncomingMessage, ticket: ServerResponse): void {
    if (this.#closing) return;
    const request = requestHead(message, false);
    this.#enqueue(
      request === undefined
        ? { kind: 'refusal', status: 400, version: versionOf(message) }
        : { kind: 'stream', stream: new H1ServerStream(this, request, message, ticket) },
    );
  }

  parsedUpgrade(message: IncomingMessage, rest: Buffer): void {
    if (this.#closing) return;
    const request = requestHead(message, true);
    if (request === undefined) this.#enqueue({ kind: 'refusal', status: 400, version: versionOf(message) });
    else if (isTunnelRequest(message)) {
      if (rest.length > 0) this.#feed.unshift(rest);
      this.#enqueue({ kind: 'stream', stream: new H1ServerStream(this, request, message, undefined) });
    } else this.#reparse([withoutUpgrade(message), rest]);
  }

  parseFailed(error: ParseFailure): void {
    // Connection errors come through the link; these are the parser's verdicts.
    if (this.#closing || error.code?.startsWith('HPE_') !== true) return;
    const version = versionIn(error.rawPacket);
    const current = this.#current;
    if (current !== undefined && !current.requestEnded) {
      // The body is malformed: the exchange under way cannot be completed.
      if (current.responded) this.link.destroy();
      else {
        current.lost();
        this.#current = undefined;
        this.#refuse(refusalOf(error), version);
      }
    } else {
      const last = this.#turns.at(-1);
      if (last?.kind === 'stream' && !last.stream.requestEnded) this.#turns.pop();
      this.#enqueue({ kind: 'refusal', status: refusalOf(error), version });
    }
  }

  responseDone(stream: H1ServerStream, close: boolean): void {
    if (stream !== this.#current) return;
    this.#responseWritten = true;
    if (close) this.#finish(stream.requestEnded);
    else if (stream.requestEnded) this.#next();
    else stream.requestBody?.discard();
  }

  requestDone(stream: H1ServerStream): void {
    if (stream === this.#current && this.#responseWritten && !this.#closing) this.#next();
  }

  becomeTunnel(): TunnelEnd {
    this.#tunnel = true;
    this.#reader.release();
    if (this.#reader.ended) this.#feed.push(null);
    return { readable: this.#feed, writable: this.link, destroy: (error) => this.link.destroy(error) };
  }

  breakOff(): void {
    abortLink(this.link);
  }

  #newFeed(): RequestFeed {
    return new RequestFeed(this, () => this.#reader?.resume());
  }

  /** Gives bytes to a fresh parser: after an upgrade that is none, or that was answered otherwise. */
  #reparse(bytes: readonly Buffer[]): void {
    const rest = this.#feed.takeRest();
    this.#feed.destroy();
    this.#feed = this.#newFeed();
    this.#options.parser.attach(this.#feed);
    for (const chunk of [...bytes, ...rest]) if (chunk.length > 0) this.#feed.push(chunk);
    this.#reader.resume();
  }

  #enqueue(turn: Turn): void {
    if (this.#current === undefined && this.#turns.length === 0) this.#take(turn);
    else {
      this.#turns.push(turn);
      if (this.#turns.length >= MAX_PIPELINED) this.#reader.hold();
    }
  }

  #take(turn: Turn): void {
    if (turn.kind === 'refusal') {
      this.#refuse(turn.status, turn.version);
      return;
    }
    this.#headStarted = false;
    this.#responseWritten = false;
    this.#current = turn.stream;
    this.#options.onStream(turn.stream);
  }

  #next(): void {
    const done = this.#current;
    this.#current = undefined;
    if (this.draining) {
      this.#finish(true);
      return;
    }
    if (done?.ticket !== undefined) closeTicket(done.ticket);
    else this.#reparse([]);
    const turn = this.#turns.shift();
    if (turn !== undefined) this.#take(turn);
    if (this.#turns.length < MAX_PIPELINED) this.#reader.release();
  }

  #refuse(status: number, version: HttpVersion): void {
    const head = { status, version, headers: ['content-length', '0', 'connection', 'close'] };
    if (!this.link.destroyed) this.link.write(responseHeadText(head), 'latin1');
    this.#finish(false);
  }

  /** Ends the connection after what was written; `quiet`: nothing more is expected from the client. */
  #finish(quiet: boolean): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#turns.length = 0;
    const { link } = this;
    if (link.destroyed) return;
    const cancel = this.#options.timers.after(LINGER_MS, () => link.destroy());
    link.once('close', cancel);
    const destroy = (): void => void link.destroy();
    if (quiet || this.#reader.ended) link.once('finish', destroy);
    else link.once('end', () => (link.writableFinished ? destroy() : link.once('finish', destroy)));
    link.end();
    this.#reader.release();
    this.#reader.resume();
  }
}

function requestHead(message: IncomingMessage, upgrade: boolean): RequestHead | undefined {
  const version = versionOf(message);
  const method = message.method ?? '';
  const headers = fieldsFromRaw(message.rawHeaders);
  const target = parseTarget(method, message.url ?? '', version, headers);
  if (target === undefined || !hasSoundFraming(version, headers)) return undefined;
  if (!upgrade) stripHopByHop(headers);
  return { method, version, ...target, headers, upgrade };
}

function versionOf(message: IncomingMessage): HttpVersion {
  return message.httpVersion === '1.0' ? '1.0' : '1.1';
}
