// The client's end of an HTTP/1 exchange: its request from Node's parser, its response written to the link.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Link } from '../exchange/engine.ts';
import { type FieldList, field, type RequestHead, type ResponseHead, removeField, setField } from '../exchange/head.ts';
import { connectionTokens } from '../translate/hop-by-hop.ts';
import { responseHeadText } from './h1-text.ts';
import { type Framing, frameBody, H1BodyWriter, writeHead } from './h1-writer.ts';
import { fieldsFromRaw, ReadableBody } from './readable-body.ts';
import type { ClientSide, IncomingBody, OutgoingBody, TunnelEnd } from './sides.ts';

/** What the stream tells its connection. */
export interface StreamHost {
  readonly link: Link;
  readonly draining: boolean;
  /** The response is written; `close` when no other may follow on this connection. */
  responseDone(stream: H1ServerStream, close: boolean): void;
  requestDone(stream: H1ServerStream): void;
  becomeTunnel(stream: H1ServerStream): TunnelEnd;
  breakOff(): void;
}

export class H1ServerStream implements ClientSide {
  readonly request: RequestHead;
  readonly requestBody: IncomingBody | null;
  /** The parser's placeholder of the response; none for an upgrade. */
  readonly ticket: ServerResponse | undefined;
  gone = false;
  requestEnded: boolean;
  responded = false;
  onGone: ((code: number | undefined) => void) | null = null;
  readonly #host: StreamHost;
  readonly #keepAlive: boolean;
  #expectsContinue: boolean;
  #close = false;
  #writer: H1BodyWriter | undefined;

  constructor(host: StreamHost, request: RequestHead, message: IncomingMessage, ticket: ServerResponse | undefined) {
    this.#host = host;
    this.request = request;
    this.ticket = ticket;
    this.#keepAlive = persists(request.version, connectionTokens(fieldsFromRaw(message.rawHeaders)));
    const hasBody = !request.upgrade && messageHasBody(request.headers);
    this.#expectsContinue = hasBody && field(request.headers, 'expect') !== undefined;
    this.requestEnded = !hasBody;
    this.requestBody = hasBody ? new ReadableBody(message, () => (message.complete ? fieldsFromRaw(message.rawTrailers) : undefined)) : null;
    message.on('error', () => undefined);
    message.once('data', () => {
      this.#expectsContinue = false;
    });
    message.pause();
    message.once('end', () => {
      this.requestEnded = true;
      host.requestDone(this);
    });
    if (!hasBody && !request.upgrade) message.resume();
  }

  informational(head: ResponseHead): void {
    if (this.gone || this.responded || this.request.version === '1.0') return;
    if (head.status === 100) this.#expectsContinue = false;
    this.#host.link.write(responseHeadText({ ...head, version: '1.1' }), 'latin1');
  }

  closeAfter(): void {
    this.#close = true;
  }

  respond(head: ResponseHead, ended: boolean): OutgoingBody {
    this.responded = true;
    if (this.request.version === '1.0' || head.version === '2') head.version = this.request.version === '1.0' ? '1.0' : '1.1';
    const framing = this.#frame(head, ended);
    const asked = connectionTokens(head.headers).includes('close');
    const close =
      asked || this.#close || framing === 'close' || !this.#keepAlive || this.#host.draining || this.#expectsContinue || mustClose(head, this.request);
    removeField(head.headers, 'connection');
    if (close && head.version === '1.1') head.headers.push('connection', 'close');
    else if (!close && head.version === '1.0') head.headers.push('connection', 'keep-alive');
    const writer = new H1BodyWriter(this.#host.link, framing, () => this.#host.responseDone(this, close));
    this.#writer = writer;
    if (!this.#host.link.destroyed) writeHead(this.#host.link, responseHeadText(head));
    if (ended || framing === 'none') writer.end([]);
    return writer;
  }

  tunnel(head: ResponseHead): TunnelEnd {
    this.responded = true;
    head.version = '1.1';
    this.#host.link.write(responseHeadText(head), 'latin1');
    return this.#host.becomeTunnel(this);
  }

  reset(): void {
    this.#writer?.stop();
    this.#host.breakOff();
  }

  /** The connection says that the client is gone. */
  lost(): void {
    if (this.gone) return;
    this.gone = true;
    this.#writer?.stop();
    this.onGone?.(undefined);
  }

  #frame(head: ResponseHead, ended: boolean): Framing {
    if (head.status === 204 || head.status === 304 || this.request.method === 'HEAD') {
      if (head.status === 204 || head.version === '1.0') removeField(head.headers, 'transfer-encoding');
      return 'none';
    }
    if (!ended) return frameBody(head.headers, head.version === '1.1');
    removeField(head.headers, 'transfer-encoding');
    if (field(head.headers, 'content-length') === undefined) setField(head.headers, 'content-length', '0');
    return 'length';
  }
}

function messageHasBody(headers: FieldList): boolean {
  if (field(headers, 'transfer-encoding') !== undefined) return true;
  const length = field(headers, 'content-length');
  return length !== undefined && Number(length) !== 0;
}

function persists(version: string, connection: readonly string[]): boolean {
  return version === '1.0' ? connection.includes('keep-alive') : !connection.includes('close');
}

/** An HTTP/1.0 response ends the connection for a client that speaks 1.1: it would not expect another one. */
function mustClose(head: ResponseHead, request: RequestHead): boolean {
  return head.version === '1.0' && request.version === '1.1';
}
