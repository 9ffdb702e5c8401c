// One request and its response as the pipeline handles them: answered here, or forwarded, maybe more than once, until one response is the
// client's (the engine port). What is forwarded goes through the relay that it is.
import type { Exchange, ExchangeObserver, ExchangeOutcome, ForwardFailure, ForwardRules, LocalResponse, Upstream } from '../exchange/engine.ts';
import { type FieldList, field, type ResponseHead } from '../exchange/head.ts';
import { ErrorCode } from '../h2/protocol.ts';
import { type Translation, translateRequest } from '../translate/translate.ts';
import { Attempt } from './attempt.ts';
import type { WeftUpstream } from './ends.ts';
import { Relay } from './relay.ts';
import { RequestBody } from './request-body.ts';

const FRESH = 0;
const FORWARDING = 1;
/** `forward` failed or was abandoned: one `respond` is allowed, or another `forward`. */
const FAILED = 2;

const ABANDONED: ExchangeOutcome = { kind: 'abandoned' };
const NOTHING: Buffer = Buffer.alloc(0);

export class WeftExchange extends Relay implements Exchange {
  private state = FRESH;
  private upstream: WeftUpstream | null = null;
  private attempt: Attempt | null = null;

  get aborted(): boolean {
    return this.gone;
  }

  forward(upstream: Upstream, rules: ForwardRules, observer: ExchangeObserver | null): void {
    if (!('start' in upstream)) throw new TypeError('upstream belongs to another engine');
    if (this.done || (this.state !== FRESH && !(this.state === FAILED && this.repeatable))) return;
    if (this.gone) {
      this.done = true;
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
    if (this.requestBody?.repeats === true) {
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
    if (this.requestBody !== null) return this.requestBody.whole(maxBytes);
    return Promise.resolve(this.gone ? undefined : NOTHING);
  }

  respond(response: LocalResponse): void {
    if (this.done || this.state === FORWARDING) return;
    this.done = true;
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
    this.responseEnded = true;
    this.dropRequest();
    client.respond(head, length === 0, null);
    if (body === undefined || length === 0) return;
    client.data(Buffer.from(body.buffer, body.byteOffset, body.byteLength), true);
  }

  reset(code: number): void {
    if (this.done) return;
    this.done = true;
    this.client.reset(code);
    this.giveUp(ErrorCode.cancel);
    this.tell({ kind: 'client-gone', code });
  }

  abandon(): void {
    if (this.done || this.state !== FORWARDING || this.relayed) return;
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
    this.done = true;
    this.responseEnded = true;
    this.client.finish(trailers);
    this.giveUp(ErrorCode.cancel);
    this.tell(ABANDONED);
  }

  /** The client is gone before the exchange was complete. */
  clientGone(code?: number): void {
    this.gone = true;
    this.requestBody?.drop();
    this.giveUp(code ?? ErrorCode.cancel);
    this.tell(code === undefined ? { kind: 'client-gone' } : { kind: 'client-gone', code });
  }

  /** What the client has of a response is all it gets; without one the pipeline says what becomes of the exchange. */
  protected override forwardFailed(failure: ForwardFailure): void {
    if (!this.relayed) {
      this.state = FAILED;
      this.rules?.failed(this, failure);
      return;
    }
    this.done = true;
    const trailers = this.rules?.broken?.(this, failure);
    if (trailers === undefined) this.client.reset(failure.kind === 'reset' ? failure.code : ErrorCode.internalError);
    else {
      this.responseEnded = true;
      this.client.finish(trailers);
      this.dropRequest();
    }
  }

  /** From the first forward on that asks for it. What is a tunnel, or announces too long a body, is forwarded once. */
  private keepBody(maxBytes: number, { head, bytes }: Translation): void {
    if (bytes !== null || head.upgrade) return;
    if (Number(field(this.request.headers, 'content-length') ?? 0) > maxBytes) return;
    const body = (this.requestBody ??= new RequestBody(this, true));
    if (!body.repeats && !body.touched) body.keep(maxBytes);
  }

  /** The upstream is told that nobody waits. `kept`: the request may go to another. */
  private giveUp(code: number, kept = false): void {
    if (this.over) return;
    this.over = true;
    const { call, upstream, attempt } = this;
    this.call = null;
    this.attempt = null;
    if (attempt !== null) attempt.over = true;
    if (!kept) this.dropRequest();
    if (call !== null) call.reset(code);
    else upstream?.cancel(attempt ?? this);
  }
}
