// One request and its response between a client's end and an upstream's: bodies with credit, trailers, resets with their codes, tunnels.
// It is the call of its upstream itself, unless it may be tried again: then each try is an attempt of its own.
import type { Exchange, ExchangeObserver, ExchangeOutcome, ForwardFailure, ForwardRules, LocalResponse, Upstream } from '../exchange/engine.ts';
import { type FieldList, field, type RequestHead, type ResponseHead } from '../exchange/head.ts';
import { ErrorCode } from '../h2/protocol.ts';
import type { Switch } from '../translate/connect.ts';
import { type Translation, translateRequest } from '../translate/translate.ts';
import { Attempt } from './attempt.ts';
import type { Call, CallEnd, ClientEnd, Origin, WeftUpstream } from './ends.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import { runTunnel, type TunnelEnd } from './tunnel.ts';

const FRESH = 0;
const FORWARDING = 1;
/** `forward` failed or was abandoned: one `respond` is allowed, or another `forward`. */
const FAILED = 2;
const DONE = 3;

const NO_TRAILERS: FieldList = [];
const COMPLETE: ExchangeOutcome = { kind: 'complete' };
const ABANDONED: ExchangeOutcome = { kind: 'abandoned' };

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
  observer: ExchangeObserver | null = null;
  private upstream: WeftUpstream | null = null;
  private gone = false;
  call: CallEnd | null = null;
  private restore: Translation['restore'] | null = null;
  /** Request body that came before a connection for it. */
  private held: Buffer[] | null = null;
  /** Keeps the request body instead, where the exchange may be tried again. */
  private replay: ReplayBuffer | null = null;
  private attempt: Attempt | null = null;
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
    return !this.touched || (this.replay !== null && !this.replay.lost);
  }

  get repeatable(): boolean {
    return this.replay !== null && !this.replay.lost && !this.relayed && this.state !== DONE;
  }

  /** Whether a response may be kept from the client: the request has ended, so that nothing of it is still under way. */
  get decidable(): boolean {
    return this.requestEnded && this.repeatable;
  }

  // The pipeline's side.

  forward(upstream: Upstream, rules: ForwardRules, observer: ExchangeObserver | null): void {
    if (!('start' in upstream)) throw new TypeError('upstream belongs to another engine');
    if (this.state !== FRESH && !(this.state === FAILED && this.repeatable)) return;
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
    if (rules.retry !== undefined) this.keepBody(rules.retry.maxBodyBytes, translation);
    if (this.replay !== null) {
      this.over = false;
      this.sent = false;
      this.attempt = new Attempt(this, translation, rules.retry);
      this.upstream.start(this.attempt);
      return;
    }
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
    this.giveUp(ErrorCode.cancel);
    this.tell({ kind: 'client-gone', code });
  }

  abandon(): void {
    if (this.state !== FORWARDING || this.relayed) return;
    this.state = FAILED;
    const kept = this.repeatable;
    this.giveUp(ErrorCode.cancel, kept);
    this.tell(ABANDONED);
  }

  relay(): void {
    if (!this.gone) this.attempt?.relay();
  }

  cutShort(trailers: FieldList): void {
    if (!this.relayed || this.over || this.responseEnded) return;
    this.state = DONE;
    this.responseEnded = true;
    this.client.finish(trailers);
    this.giveUp(ErrorCode.cancel);
    this.tell(ABANDONED);
  }

  // The client's side.

  /** `last`: the body is complete, without trailers; `requestEnd` does not come. */
  requestData(chunk: Buffer, last: boolean): void {
    if (last) this.requestEnded = true;
    if (this.dropping) this.client.credit(chunk.length);
    else if (this.replay !== null) this.keep(this.replay, chunk, last);
    else if (this.call === null) {
      (this.held ??= []).push(chunk);
      if (last) this.trailers = NO_TRAILERS;
      if (this.reader !== null) this.readBody();
    } else {
      const { call } = this;
      this.touched = true;
      this.observer?.requestData?.(chunk.length);
      if (last) this.observer?.requestEnd?.();
      call.data(chunk, last);
      if (last) this.settle();
    }
  }

  requestEnd(trailers: FieldList): void {
    this.requestEnded = true;
    if (this.dropping) return;
    if (this.replay !== null) this.replay.trailers = trailers;
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
    const { held, replay } = this;
    if (replay !== null) {
      if (replay.sendTo(end, this)) this.touched = true;
    } else if (held !== null) {
      this.held = null;
      this.touched = true;
      for (const chunk of held) {
        this.observer?.requestData?.(chunk.length);
        end.data(chunk, false);
      }
    }
    const trailers = replay === null ? this.trailers : replay.trailers;
    if (trailers !== null && this.call === end) this.endRequest(end, trailers);
  }

  unbound(): void {
    this.call = null;
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
    this.relayData(chunk, last);
  }

  responseEnd(trailers: FieldList): void {
    if (this.over) return;
    if (trailers.length > 0) this.observer?.trailers?.(trailers);
    this.relayEnd(trailers);
  }

  tunnelled(head: ResponseHead, end: TunnelEnd): void {
    if (this.over) return;
    this.prepare(head);
    this.over = true;
    runTunnel(this.client.tunnel(head), end, (counts) => this.tell({ kind: 'tunnel', ...counts }));
  }

  accepted(bytes: number): void {
    if (this.gone) return;
    const due = this.replay === null ? bytes : this.replay.creditFor(bytes);
    if (due > 0) this.client.credit(due);
  }

  unwanted(): void {
    this.requestEnded = true;
    this.drop();
  }

  failed(failure: ForwardFailure): void {
    if (this.over) return;
    this.over = true;
    this.call = null;
    if (!this.repeatable) this.drop();
    if (this.responseEnded) return;
    if (this.gone) {
      this.tell({ kind: 'client-gone' });
      return;
    }
    this.tell({ kind: 'failed', failure });
    if (this.relayed) {
      this.state = DONE;
      this.breakOff(failure);
    } else {
      this.state = FAILED;
      this.rules?.failed(this, failure);
    }
  }

  // What an attempt asks for.

  /** The response, held or not, is all there: the connection is another exchange's. */
  answered(): void {
    const { call } = this;
    this.call = null;
    call?.release();
    this.tell(COMPLETE);
  }

  /** The response broke while it was held. */
  broken(failure: ForwardFailure): void {
    this.call = null;
    this.tell({ kind: 'failed', failure });
  }

  relayHead(head: ResponseHead, ended: boolean, origin: Origin): void {
    this.relayed = true;
    this.replay?.drop();
    this.rules?.response?.(head, this.request);
    if (ended) this.endResponse();
    this.client.respond(head, ended, origin);
  }

  relayData(chunk: Buffer, last: boolean): void {
    if (this.over) return;
    if (last) this.endResponse();
    this.client.data(chunk, last);
    if (last) this.tell(COMPLETE);
  }

  relayEnd(trailers: FieldList): void {
    if (this.over) return;
    this.endResponse();
    this.client.finish(trailers);
    this.tell(COMPLETE);
  }

  /** From the first forward on that asks for it. What is a tunnel, or announces too long a body, is forwarded once. */
  private keepBody(maxBytes: number, { head, bytes }: Translation): void {
    if (this.replay !== null || this.touched || bytes !== null || head.upgrade) return;
    if (Number(field(this.request.headers, 'content-length') ?? 0) > maxBytes) return;
    this.replay = new ReplayBuffer(maxBytes, this.held, this.trailers);
    this.held = null;
  }

  private keep(replay: ReplayBuffer, chunk: Buffer, last: boolean): void {
    replay.add(chunk);
    if (last) replay.trailers = NO_TRAILERS;
    const { call } = this;
    if (call === null) return;
    this.touched = true;
    replay.passed();
    this.observer?.requestData?.(chunk.length);
    if (last) this.observer?.requestEnd?.();
    call.data(chunk, last);
    if (last) this.settle();
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

  /** What the client has of the response is all it gets. */
  private breakOff(failure: ForwardFailure): void {
    const trailers = this.rules?.broken?.(this, failure);
    if (trailers === undefined) this.client.reset(failure.kind === 'reset' ? failure.code : ErrorCode.internalError);
    else {
      this.responseEnded = true;
      this.client.finish(trailers);
    }
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

  /** The upstream is told that nobody waits. `kept`: the request may go to another. */
  private giveUp(code: number, kept = false): void {
    if (this.over) return;
    this.over = true;
    const { call, upstream, attempt } = this;
    this.call = null;
    this.attempt = null;
    if (attempt !== null) attempt.over = true;
    if (!kept) this.drop();
    if (call !== null) call.reset(code);
    else upstream?.cancel(attempt ?? this);
  }

  /** The rest of the request body goes nowhere. */
  private drop(): void {
    this.dropping = true;
    this.held = null;
    this.replay?.drop();
    if (!this.gone && this.hasBody) this.client.credit(Number.MAX_SAFE_INTEGER);
  }

  /** The observer's last call. */
  tell(outcome: ExchangeOutcome): void {
    const { observer } = this;
    this.observer = null;
    observer?.end(outcome);
  }
}
