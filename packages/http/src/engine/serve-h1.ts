// Serves one HTTP/1 connection: requests in order, one at a time, until either side closes (RFC 9112 §9; spec/proxy.md §4.3, §1.5).
import type { Exchange, Link, ServerConnection } from '../exchange/engine.ts';
import type { FieldList, HttpVersion, RequestHead, ResponseHead } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';
import { type H1Error, statusOfH1Error } from '../h1/h1-error.ts';
import { Framing } from '../h1/head-facts.ts';
import type { H1Limits } from '../h1/limits.ts';
import { type H1RequestHead, type RequestHandler, RequestParser } from '../h1/request-parser.ts';
import { stripHopByHop } from '../translate/hop-by-hop.ts';
import { listOf } from './edge.ts';
import type { ClientEnd } from './ends.ts';
import { WeftExchange } from './exchange.ts';
import { contentLength, frameResponse, takeClose } from './framing.ts';
import { BodyOutput, writeResponseHead } from './h1-output.ts';
import { endAndLinger } from './linger.ts';
import type { EngineShared } from './shared.ts';
import type { TunnelEnd } from './tunnel.ts';
import { Wire } from './wire.ts';
import type { WireOwner } from './wire-owner.ts';

export interface H1ServeOptions {
  readonly link: Link;
  readonly shared: EngineShared;
  readonly limits: H1Limits;
  /** From the first byte of a head to its last; 0: no limit. */
  readonly headTimeoutMs: number;
  readonly onExchange: (exchange: Exchange) => void;
}

const NO_TRAILERS: FieldList = [];
/** Request body bytes that may wait for the upstream before the client is not read on. */
const MAX_OUTSTANDING = 32 * 1024;
/** Bytes of later requests that may wait for the one under way. */
const MAX_PIPELINED_BYTES = 64 * 1024;
/** The longest request body that is read though nobody wants it. */
const MAX_DRAINED_BYTES = 256 * 1024;

export class H1ServerConnection implements ServerConnection, WireOwner, RequestHandler, ClientEnd {
  readonly crowded = false;
  readonly closed: Promise<void>;
  private readonly options: H1ServeOptions;
  private readonly wire: Wire;
  private readonly parser: RequestParser;
  private readonly body: BodyOutput;
  private exchange: WeftExchange | null = null;
  private head: H1RequestHead | null = null;
  private requestEnded = true;
  private responded = false;
  private responseDone = false;
  private closeAfterResponse = false;
  private expectsContinue = false;
  private willClose = false;
  private draining = false;
  private closing = false;
  private tunnelled = false;
  private outstanding = 0;
  /** Bytes behind the current request. */
  private rest: Buffer | null = null;
  private cancelHeadTimer: (() => void) | null = null;
  private resolveClosed: () => void = () => undefined;

  constructor(options: H1ServeOptions) {
    this.options = options;
    this.closed = new Promise((resolve) => {
      this.resolveClosed = resolve;
    });
    const { shared } = options;
    this.parser = new RequestParser(this, shared.fields, shared.requestLines, options.limits);
    this.wire = new Wire(options.link, this, shared);
    this.body = new BodyOutput(this.wire);
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    if (this.exchange === null && this.rest === null && this.parser.idle) this.finishConnection(true);
  }

  destroy(error?: Error): void {
    this.wire.destroy(error);
  }

  // The wire's calls.

  wireData(chunk: Buffer): void {
    if (this.closing) return;
    if (this.parser.paused) this.keep(chunk);
    else this.parse(chunk);
  }

  wireEnd(): void {
    if (this.exchange === null || this.responseDone) this.finishConnection(true);
    else this.wire.destroy();
  }

  wireDrained(): void {
    const owed = this.body.takeOwed();
    if (owed > 0) this.exchange?.clientAccepted(owed);
  }

  wireClosed(): void {
    this.closing = true;
    this.cancelHeadTimer?.();
    this.lose();
    this.tunnelClosed();
  }

  // The parser's calls.

  onRequestHead(head: H1RequestHead): void {
    const { line } = head;
    const headers = listOf(head.fields);
    if (head.hopByHop && !head.upgrade) stripHopByHop(headers);
    const request: RequestHead = {
      method: line.method,
      version: line.version,
      form: line.form,
      path: line.path,
      scheme: line.scheme,
      authority: head.authority,
      headers,
      upgrade: head.upgrade,
    };
    const hasBody = head.framing !== Framing.none;
    this.head = head;
    this.requestEnded = !hasBody;
    this.responded = false;
    this.responseDone = false;
    this.closeAfterResponse = false;
    this.expectsContinue = head.expects;
    this.outstanding = 0;
    this.parser.paused = !hasBody;
    this.exchange = new WeftExchange(this, request, hasBody, head.fields);
    this.options.onExchange(this.exchange);
  }

  onBody(chunk: Buffer): void {
    this.expectsContinue = false;
    this.outstanding += chunk.length;
    this.exchange?.requestData(chunk, false);
    if (this.outstanding > MAX_OUTSTANDING) this.wire.pause();
  }

  onMessageEnd(trailers: Field[] | null): void {
    if (this.requestEnded) return;
    this.requestEnded = true;
    this.parser.paused = true;
    this.exchange?.requestEnd(listOf(trailers));
    if (this.responseDone) this.next();
  }

  onError(error: H1Error): void {
    if (this.exchange !== null) {
      // The body is malformed: the exchange under way cannot be completed.
      const { responded } = this;
      this.lose();
      if (responded) {
        this.wire.abort();
        return;
      }
    }
    this.refuse(statusOfH1Error(error.code), error.message);
  }

  // The exchange's calls.

  informational(head: ResponseHead): void {
    if (this.responded || this.head?.line.version === '1.0') return;
    if (head.status === 100) this.expectsContinue = false;
    head.version = '1.1';
    writeResponseHead(this.wire, head);
  }

  closeAfter(): void {
    this.closeAfterResponse = true;
  }

  /** What ends by itself soon is read instead: another connection costs more. */
  stopRequest(): void {
    if (this.requestEnded || this.endsSoon()) return;
    this.closeAfterResponse = true;
    this.willClose = true;
    if (this.responseDone) this.finishConnection(false);
  }

  respond(head: ResponseHead, ended: boolean): void {
    const request = this.head;
    if (request === null) return;
    this.responded = true;
    const { headers } = head;
    const old = request.line.version === '1.0';
    if (old || head.version === '2') head.version = old ? '1.0' : '1.1';
    const asked = takeClose(headers);
    const framing = frameResponse(head, request.line.method, ended);
    const upstreamOld = head.version === '1.0' && !old;
    const close = asked || this.closeAfterResponse || framing === Framing.close || !request.persistent || this.draining || this.expectsContinue || upstreamOld;
    if (close && head.version === '1.1') headers.push('connection', 'close');
    else if (!close && head.version === '1.0') headers.push('connection', 'keep-alive');
    this.willClose = close;
    this.body.begin(framing, framing === Framing.length ? contentLength(headers) : 0);
    writeResponseHead(this.wire, head);
    if (ended) this.endResponse();
  }

  data(chunk: Buffer, last: boolean): void {
    if (this.responseDone) return;
    if (!this.body.data(chunk)) {
      this.breakOff();
      return;
    }
    const credit = this.body.creditFor(chunk.length);
    if (credit > 0) this.exchange?.clientAccepted(credit);
    if (last) this.finish(NO_TRAILERS);
  }

  finish(trailers: FieldList): void {
    if (this.responseDone) return;
    if (this.body.finish(trailers)) this.endResponse();
    else this.breakOff();
  }

  tunnel(head: ResponseHead): TunnelEnd {
    this.responded = true;
    this.tunnelled = true;
    this.exchange = null;
    head.version = '1.1';
    writeResponseHead(this.wire, head);
    const { rest } = this;
    this.rest = null;
    return { wire: this.wire, rest, closed: () => this.tunnelClosed() };
  }

  reset(): void {
    this.exchange = null;
    this.wire.abort();
  }

  credit(bytes: number): void {
    this.outstanding = Math.max(0, this.outstanding - bytes);
    if (this.outstanding <= MAX_OUTSTANDING && (this.rest === null || this.rest.length < MAX_PIPELINED_BYTES)) this.wire.resume();
  }

  private parse(chunk: Buffer): void {
    const taken = this.parser.receive(chunk);
    if (taken < chunk.length && !this.closing && !this.tunnelled) this.keep(taken === 0 ? chunk : chunk.subarray(taken));
    this.timeHead();
  }

  private keep(chunk: Buffer): void {
    this.rest = this.rest === null ? chunk : Buffer.concat([this.rest, chunk]);
    if (this.rest.length >= MAX_PIPELINED_BYTES) this.wire.pause();
  }

  /** A head that has begun must be complete in time (design.md §4); an idle connection has no limit. */
  private timeHead(): void {
    if (this.parser.inHead) {
      const { headTimeoutMs, shared } = this.options;
      if (this.cancelHeadTimer !== null || headTimeoutMs === 0) return;
      this.cancelHeadTimer = shared.timers.after(headTimeoutMs, () => {
        this.parser.stop();
        this.refuse(408, `head not complete after ${headTimeoutMs} ms`);
      });
    } else if (this.cancelHeadTimer !== null) {
      this.cancelHeadTimer();
      this.cancelHeadTimer = null;
    }
  }

  private endsSoon(): boolean {
    const length = this.head?.fields.find((one) => one.name === 'content-length');
    return length !== undefined && Number(length.value) <= MAX_DRAINED_BYTES;
  }

  private endResponse(): void {
    this.responseDone = true;
    if (this.willClose) this.finishConnection(this.requestEnded);
    else if (this.requestEnded) this.next();
  }

  private breakOff(): void {
    this.lose();
    this.wire.abort();
  }

  /** The exchange under way cannot be completed. */
  private lose(): void {
    const { exchange } = this;
    this.exchange = null;
    if (exchange === null || (this.responseDone && this.requestEnded)) return;
    exchange.clientGone();
  }

  private next(): void {
    const upgrade = this.head?.upgrade === true;
    this.exchange = null;
    this.head = null;
    if (this.closing) return;
    if (this.draining) {
      this.finishConnection(true);
      return;
    }
    if (upgrade) this.parser.restart();
    if (this.rest === null) {
      this.parser.paused = false;
      this.wire.resume();
    } else process.nextTick(resumeParsing, this);
  }

  /** Goes on with bytes that came before the response was complete. */
  resumeParsing(): void {
    const { rest } = this;
    if (this.closing || rest === null) return;
    const { flusher } = this.options.shared;
    this.rest = null;
    this.parser.paused = false;
    flusher.enter();
    try {
      this.parse(rest);
      if (this.rest === null) this.wire.resume();
    } finally {
      flusher.leave();
    }
  }

  private refuse(status: number, reason: string): void {
    const body = Buffer.from(status === 431 ? `${reason}\n` : '', 'latin1');
    const version: HttpVersion = this.parser.version;
    const headers = ['content-length', String(body.length), 'connection', 'close'];
    if (!this.wire.closed) writeResponseHead(this.wire, { status, version, headers });
    if (body.length > 0) this.wire.bytes(body);
    this.finishConnection(false);
  }

  /** Ends the connection after what was written; `quiet`: nothing more is expected from the client. */
  private finishConnection(quiet: boolean): void {
    if (this.closing) return;
    this.closing = true;
    this.rest = null;
    this.parser.stop();
    endAndLinger(this.wire, quiet, this.options.shared.timers);
  }

  private tunnelClosed(): void {
    this.resolveClosed();
  }
}

function resumeParsing(connection: H1ServerConnection): void {
  connection.resumeParsing();
}
