// What goes between a client's end and an upstream's while a request is forwarded: bodies with credit, trailers, resets with their codes,
// tunnels. It is the call of its upstream itself, unless the request may be tried again: then each try is an attempt of its own.
import type { ExchangeObserver, ExchangeOutcome, ForwardFailure, ForwardRules } from '../exchange/engine.ts';
import type { FieldList, RequestHead, ResponseHead } from '../exchange/head.ts';
import { ErrorCode } from '../h2/protocol.ts';
import type { Switch } from '../translate/connect.ts';
import type { Translation } from '../translate/translate.ts';
import type { Call, CallEnd, ClientEnd, Origin } from './ends.ts';
import { type BodyOwner, RequestBody } from './request-body.ts';
import { runTunnel, type TunnelEnd } from './tunnel.ts';

const COMPLETE: ExchangeOutcome = { kind: 'complete' };

export abstract class Relay implements Call, BodyOwner {
  readonly request: RequestHead;
  readonly hasBody: boolean;
  readonly origin: Origin;
  readonly client: ClientEnd;
  /** Null where there is none and none is to be sent again. */
  requestBody: RequestBody | null;
  head: RequestHead;
  oneOff = false;
  bytes: Switch | null = null;
  /** Nothing more goes between the two, for as long as there is no other forward. */
  over = false;
  /** The client is. */
  gone = false;
  observer: ExchangeObserver | null = null;
  call: CallEnd | null = null;
  protected rules: ForwardRules | null = null;
  protected restore: Translation['restore'] | null = null;
  /** The request was bound to an upstream: what follows is another connection for the same try. */
  protected sent = false;
  /** A response head went to the client. */
  protected relayed = false;
  protected responseEnded = false;
  /** Nothing more is answered. */
  protected done = false;

  constructor(client: ClientEnd, request: RequestHead, hasBody: boolean, origin: Origin) {
    this.origin = origin;
    this.client = client;
    this.request = request;
    this.head = request;
    this.hasBody = hasBody;
    this.requestBody = hasBody ? new RequestBody(this, false) : null;
  }

  get replayable(): boolean {
    return this.requestBody === null || this.requestBody.replayable;
  }

  /** The request is whole here, and nothing of a response was relayed. */
  get repeatable(): boolean {
    return this.requestBody?.kept === true && !this.relayed && !this.done;
  }

  /** Whether a response may be kept from the client: the request has ended, so that nothing of it is still under way. */
  get decidable(): boolean {
    return this.requestEnded && this.repeatable;
  }

  // The client's side.

  /** `last`: the body is complete, without trailers; `requestEnd` does not come. */
  requestData(chunk: Buffer, last: boolean): void {
    this.requestBody?.data(chunk, last);
  }

  requestEnd(trailers: FieldList): void {
    this.requestBody?.end(trailers);
  }

  /** The response bytes that the client has room for again. */
  clientAccepted(bytes: number): void {
    this.call?.credit(bytes);
  }

  requestSent(): void {
    this.settle();
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
    if (this.hasBody) this.requestBody?.sendTo(end);
    else if (first) this.observer?.requestEnd?.();
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
    if (this.gone || this.requestBody === null) return;
    const due = this.requestBody.creditFor(bytes);
    if (due > 0) this.client.credit(due);
  }

  unwanted(): void {
    this.requestBody?.refuse();
  }

  failed(failure: ForwardFailure): void {
    if (this.over) return;
    this.over = true;
    this.call = null;
    if (!this.repeatable) this.dropRequest();
    if (this.responseEnded) return;
    if (this.gone) this.tell({ kind: 'client-gone' });
    else {
      this.tell({ kind: 'failed', failure });
      this.forwardFailed(failure);
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
    this.requestBody?.letGo();
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

  /** The observer's last call. */
  tell(outcome: ExchangeOutcome): void {
    const { observer } = this;
    this.observer = null;
    observer?.end(outcome);
  }

  /** Neither was the response complete, nor is the client gone. */
  protected abstract forwardFailed(failure: ForwardFailure): void;

  /** The client learns of it when it has its response: RFC 9113 §8.1, RFC 9112 §9.6. */
  protected dropRequest(): void {
    if (this.requestBody === null) return;
    this.requestBody.drop();
    if (this.responseEnded && !this.gone) this.client.stopRequest();
  }

  private get requestEnded(): boolean {
    return this.requestBody === null || this.requestBody.ended;
  }

  private prepare(head: ResponseHead): void {
    this.relayed = true;
    this.restore?.(head);
    this.rules?.response?.(head, this.request);
    this.observer?.head?.(head);
  }

  private endResponse(): void {
    this.responseEnded = true;
    this.done = true;
    if (this.requestBody?.dropping === true) this.client.stopRequest();
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
}
