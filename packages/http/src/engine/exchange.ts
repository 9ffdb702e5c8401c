// One request and its response between a client's end and an upstream's: bodies with credit, trailers, resets with their codes, tunnels.
import type { Exchange, ExchangeObserver, ExchangeOutcome, ForwardFailure, ForwardRules, LocalResponse, Upstream } from '../exchange/engine.ts';
import { type FieldList, field, type RequestHead, type ResponseHead } from '../exchange/head.ts';
import { ErrorCode } from '../h2/protocol.ts';
import type { Switch } from '../translate/connect.ts';
import { type Translation, translateRequest } from '../translate/translate.ts';
import type { Call, CallEnd, ClientEnd, Origin, WeftUpstream } from './ends.ts';
import { runTunnel, type TunnelEnd } from './tunnel.ts';

const FRESH = 0;
const FORWARDING = 1;
/** `forward` failed: one `respond` is allowed. */
const FAILED = 2;
const DONE = 3;

const NO_TRAILERS: FieldList = [];
const COMPLETE: ExchangeOutcome = { kind: 'complete' };

export class WeftExchange implements Exchange, Call {
  readonly request: RequestHead;
  readonly hasBody: boolean;
  readonly origin: Origin;
  head: RequestHead;
  oneOff = false;
  bytes: Switch | null = null;
  over = false;
  private readonly client: ClientEnd;
  private state = FRESH;
  private rules: ForwardRules | null = null;
  private observer: ExchangeObserver | null = null;
  private upstream: WeftUpstream | null = null;
  private gone = false;
  private call: CallEnd | null = null;
  private restore: Translation['restore'] | null = null;
  /** Request body that came before a connection for it. */
  private held: Buffer[] | null = null;
  private trailers: FieldList | null = null;
  /** Who waits for the whole body. */
  private reader: { readonly maxBytes: number; readonly resolve: (body: Buffer | undefined) => void } | null = null;
  private sent = false;
  private touched = false;
  /** A response head went to the client. */
  private relayed = false;
  private responseEnded = false;
  private requestEnded: boolean;
  /** What is left of the request body is dropped. */
  private dropping = false;

  constructor(client: ClientEnd, request: RequestHead, hasBody: boolean, origin: Origin) {
    this.origin = origin;
    this.client = client;
    this.request = request;
    this.head = request;
    this.hasBody = hasBody;
    this.requestEnded = !hasBody;
  }

  get aborted(): boolean {
    return this.gone;
  }

  get replayable(): boolean {
    return !this.touched;
  }

  // The pipeline's side.

  forward(upstream: Upstream, rules: ForwardRules, observer: ExchangeObserver | null): void {
    if (!('start' in upstream)) throw new TypeError('upstream belongs to another engine');
    if (this.state !== FRESH) return;
    if (this.gone) {
      this.state = DONE;
      this.over = true;
      observer?.end({ kind: 'client-gone' });
      return;
    }
    this.state = FORWARDING;
    this.rules = rules;
    this.observer = observer;
    this.upstream = upstream as WeftUpstream;
    const translation = translateRequest(this.request, rules, this.upstream.version);
    this.head = translation.head;
    this.oneOff = translation.oneOff;
    this.bytes = translation.bytes;
    this.restore = translation.restore;
    this.upstream.start(this);
  }

  body(maxBytes: number): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      this.reader = { maxBytes, resolve };
      this.readBody();
    });
  }

  respond(response: LocalResponse): void {
    if (this.state !== FRESH && this.state !== FAILED) return;
    this.state = DONE;
    this.over = true;
    const { client } = this;
    if (this.gone) return;
    const head: ResponseHead = { status: response.status, version: this.request.version, headers: response.headers.slice() };
    const { body } = response;
    const length = body === undefined ? 0 : body.length;
    if (field(head.headers, 'content-length') === undefined && response.status !== 204 && response.status !== 304) {
      head.headers.push('content-length', String(length));
    }
    if (response.close === true) client.closeAfter();
    this.drop();
    this.responseEnded = true;
    client.respond(head, length === 0, null);
    if (body === undefined || length === 0) return;
    client.data(Buffer.from(body.buffer, body.byteOffset, body.byteLength), true);
  }

  reset(code: number): void {
    if (this.state === DONE) return;
    this.state = DONE;
    this.client.reset(code);
    this.giveUp(code);
    this.tell({ kind: 'client-gone', code });
  }

  // The client's side.

  /** `last`: the body is complete, without trailers; `requestEnd` does not come. */
  requestData(chunk: Buffer, last: boolean): void {
    if (last) this.requestEnded = true;
    if (this.dropping) this.client.credit(chunk.length);
    else if (this.call === null) {
      (this.held ??= []).push(chunk);
      if (last) this.trailers = NO_TRAILERS;
      if (this.reader !== null) this.readBody();
    } else {
      const { call } = this;
      this.touched = true;
      if (last) this.observer?.requestEnd?.();
      call.data(chunk, last);
      if (last) this.settle();
    }
  }

  requestEnd(trailers: FieldList): void {
    this.requestEnded = true;
    if (this.dropping) return;
    if (this.call === null) {
      this.trailers = trailers;
      if (this.reader !== null) this.readBody();
    } else this.endRequest(this.call, trailers);
  }

  /** The response bytes that the client has room for again. */
  clientAccepted(bytes: number): void {
    this.call?.credit(bytes);
  }

  /** The client is gone before the exchange was complete. */
  clientGone(code?: number): void {
    this.gone = true;
    this.dropping = true;
    this.held = null;
    if (this.reader !== null) this.readBody();
    this.giveUp(code ?? ErrorCode.cancel);
    this.tell(code === undefined ? { kind: 'client-gone' } : { kind: 'client-gone', code });
  }

  // The upstream's side.

  bound(end: CallEnd): void {
    if (this.over) {
      end.reset(ErrorCode.cancel);
      return;
    }
    this.call = end;
    const first = !this.sent;
    this.sent = true;
    if (first) this.observer?.sent?.();
    if (!this.hasBody) {
      if (first) this.observer?.requestEnd?.();
      return;
    }
    const { held, trailers } = this;
    if (held !== null) {
      this.held = null;
      this.touched = true;
      for (const chunk of held) end.data(chunk, false);
    }
    if (trailers !== null && this.call === end) this.endRequest(end, trailers);
  }

  informational(head: ResponseHead): void {
    if (!this.over && !this.relayed) this.client.informational(head);
  }

  response(head: ResponseHead, ended: boolean, origin: Origin): void {
    if (this.over) return;
    this.prepare(head);
    if (ended) this.endResponse();
    this.client.respond(head, ended, origin);
    if (ended) this.tell(COMPLETE);
  }

  responseData(chunk: Buffer, last: boolean): void {
    if (this.over) return;
    if (chunk.length > 0) this.observer?.data?.(chunk.length);
    if (last) this.endResponse();
    this.client.data(chunk, last);
    if (last) this.tell(COMPLETE);
  }

  responseEnd(trailers: FieldList): void {
    if (this.over) return;
    if (trailers.length > 0) this.observer?.trailers?.(trailers);
    this.endResponse();
    this.client.finish(trailers);
    this.tell(COMPLETE);
  }

  tunnelled(head: ResponseHead, end: TunnelEnd): void {
    if (this.over) return;
    this.prepare(head);
    this.over = true;
    runTunnel(this.client.tunnel(head), end, (counts) => this.tell({ kind: 'tunnel', ...counts }));
  }

  accepted(bytes: number): void {
    if (!this.gone) this.client.credit(bytes);
  }

  unwanted(): void {
    this.requestEnded = true;
    this.drop();
  }

  failed(failure: ForwardFailure): void {
    if (this.over) return;
    this.over = true;
    this.call = null;
    this.drop();
    if (this.responseEnded) return;
    if (this.gone) {
      this.tell({ kind: 'client-gone' });
      return;
    }
    this.tell({ kind: 'failed', failure });
    if (this.relayed) {
      this.state = DONE;
      this.client.reset(failure.kind === 'reset' ? failure.code : ErrorCode.internalError);
    } else {
      this.state = FAILED;
      this.rules?.failed(this, failure);
    }
  }

  /** Tells the reader when it is decided what it gets. */
  private readBody(): void {
    const { reader, held } = this;
    if (reader === null) return;
    const bytes = held?.reduce((sum, chunk) => sum + chunk.length, 0) ?? 0;
    const complete = this.requestEnded && !this.gone && bytes <= reader.maxBytes;
    if (!complete && !this.gone && bytes <= reader.maxBytes) return;
    this.reader = null;
    reader.resolve(complete ? Buffer.concat(held ?? []) : undefined);
  }

  private endRequest(call: CallEnd, trailers: FieldList): void {
    this.touched = true;
    this.observer?.requestEnd?.();
    call.finish(trailers);
    this.settle();
  }

  private endResponse(): void {
    this.responseEnded = true;
    this.state = DONE;
    this.settle();
  }

  /** With both directions done the connection is another exchange's. */
  private settle(): void {
    if (!this.responseEnded || !this.requestEnded) return;
    const { call } = this;
    this.over = true;
    this.call = null;
    call?.release();
  }

  private prepare(head: ResponseHead): void {
    this.relayed = true;
    this.restore?.(head);
    this.rules?.response?.(head, this.request);
    this.observer?.head?.(head);
  }

  /** The upstream is told that nobody waits. */
  private giveUp(code: number): void {
    if (this.over) return;
    this.over = true;
    const { call, upstream } = this;
    this.call = null;
    this.drop();
    if (call !== null) call.reset(code);
    else upstream?.cancel(this);
  }

  /** The rest of the request body goes nowhere. */
  private drop(): void {
    this.dropping = true;
    this.held = null;
    if (!this.gone && this.hasBody) this.client.credit(Number.MAX_SAFE_INTEGER);
  }

  /** The observer's last call. */
  private tell(outcome: ExchangeOutcome): void {
    const { observer } = this;
    this.observer = null;
    observer?.end(outcome);
  }
}
