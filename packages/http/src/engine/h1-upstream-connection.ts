// One HTTP/1 connection to an upstream: one request at a time, until it is lost or of no further use (RFC 9112 §9).
import type { ForwardFailure, Link } from '../exchange/engine.ts';
import type { FieldList, ResponseHead } from '../exchange/head.ts';
import { removeField } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';
import type { H1Error } from '../h1/h1-error.ts';
import { Framing } from '../h1/head-facts.ts';
import type { H1Limits } from '../h1/limits.ts';
import { type H1ResponseHead, type ResponseHandler, ResponseParser } from '../h1/response-parser.ts';
import { grantBytes, type Switch } from '../translate/connect.ts';
import { stripHopByHop } from '../translate/hop-by-hop.ts';
import { ByteCall } from './byte-call.ts';
import { listOf } from './edge.ts';
import type { Call, CallEnd, Origin } from './ends.ts';
import { contentLength, frameBody } from './framing.ts';
import { BodyOutput, writeRequestHead } from './h1-output.ts';
import type { EngineShared } from './shared.ts';
import { Wire, type WireOwner } from './wire.ts';

/** Told how a connection comes out of a call. */
export interface ConnectionHost {
  /** The call is over; `reusable` when the connection may carry another. */
  connectionDone(connection: H1UpstreamConnection, reusable: boolean): void;
  /** The call broke before its end. `answered`: bytes of a response had come. */
  connectionFailed(connection: H1UpstreamConnection, call: Call, failure: ForwardFailure, answered: boolean): void;
  /** It died, or became useless, while no call was on it. */
  connectionLost(connection: H1UpstreamConnection): void;
  connectionClosed(connection: H1UpstreamConnection): void;
}

/** Response body bytes that may wait for the client before the upstream is not read on. */
const NO_TRAILERS: FieldList = [];
const MAX_OUTSTANDING = 32 * 1024;

export class H1UpstreamConnection implements WireOwner, ResponseHandler, CallEnd {
  readonly wire: Wire;
  /** The pool's place of this connection while it is idle. */
  authority = '';
  absolute = false;
  idle = false;
  idleSince = 0;
  reused = false;
  private readonly host: ConnectionHost;
  private readonly parser: ResponseParser;
  private readonly body: BodyOutput;
  private call: Call | null = null;
  private answered = false;
  private requestDone = false;
  private responseDone = false;
  private persists = false;
  private outstanding = 0;
  private tunnelHead: ResponseHead | null = null;
  private origin: Origin = null;
  private endingHead: ResponseHead | null = null;
  private trailers: FieldList | null = null;
  /** What the client sent before the upstream agreed to bytes; null where it was not asked to, or has refused. */
  private early: Buffer[] | null = null;

  constructor(link: Link, host: ConnectionHost, shared: EngineShared, limits: H1Limits) {
    this.host = host;
    this.parser = new ResponseParser(this, shared.fields, shared.statusLines, limits);
    this.wire = new Wire(link, this, shared);
    this.wire.lends = true;
    this.body = new BodyOutput(this.wire);
  }

  /** One exchange at a time. */
  get crowded(): boolean {
    return false;
  }

  get usable(): boolean {
    return this.wire.writable && !this.wire.ended;
  }

  /** Writes the head of a call; its body follows through `data` and `finish`. */
  begin(call: Call): void {
    const { head } = call;
    this.call = call;
    this.answered = false;
    this.requestDone = false;
    this.responseDone = false;
    this.outstanding = 0;
    this.parser.paused = false;
    this.wire.resume();
    let framing: number = Framing.none;
    this.early = call.bytes === null ? null : [];
    if (call.hasBody && call.bytes === null) {
      framing = frameBody(head.headers, true);
      // A 1.0 message cannot be chunked, and a request cannot last until the connection closes.
      if (framing === Framing.chunked) head.version = '1.1';
    }
    // Without a body it is as the last one left it: at its end.
    if (framing !== Framing.none) this.body.begin(framing, framing === Framing.length ? contentLength(head.headers) : 0);
    this.parser.expect(head.method, head.upgrade);
    writeRequestHead(this.wire, head);
    if (!call.hasBody) this.requestDone = true;
    call.bound(this);
  }

  // The exchange's calls.

  data(chunk: Buffer, last: boolean): void {
    if (this.early !== null) {
      this.early.push(chunk);
      this.requestDone ||= last;
      return;
    }
    if (!this.body.data(chunk)) {
      this.fail({ kind: 'protocol', error: new Error('request body is longer than its content-length') });
      return;
    }
    const credit = this.body.creditFor(chunk.length);
    if (credit > 0) this.call?.accepted(credit);
    if (last) this.finish(NO_TRAILERS);
  }

  finish(trailers: FieldList): void {
    if (this.early !== null) {
      this.requestDone = true;
      return;
    }
    if (!this.body.finish(trailers)) {
      this.fail({ kind: 'protocol', error: new Error('request body is shorter than its content-length') });
      return;
    }
    this.requestDone = true;
    this.settle();
  }

  reset(): void {
    this.call = null;
    this.parser.stop();
    this.wire.destroy();
    this.host.connectionDone(this, false);
  }

  credit(bytes: number): void {
    this.outstanding = Math.max(0, this.outstanding - bytes);
    if (this.outstanding <= MAX_OUTSTANDING) this.wire.resume();
  }

  release(): void {
    // It may serve another exchange by now.
  }

  // The wire's calls.

  wireData(chunk: Buffer): void {
    if (this.call === null) {
      // Nobody asked for these bytes, so nobody may get them.
      this.wire.destroy();
      this.host.connectionLost(this);
      return;
    }
    this.answered = true;
    const taken = this.parser.receive(chunk);
    if (this.tunnelHead !== null) this.becomeTunnel(taken < chunk.length ? chunk.subarray(taken) : null);
    else if (taken < chunk.length) this.persists = false;
    this.settle();
  }

  wireEnd(): void {
    if (this.call === null) {
      this.wire.destroy();
      this.host.connectionLost(this);
      return;
    }
    this.persists = false;
    if (!this.responseDone) this.parser.end();
    if (this.responseDone) this.settle();
    else this.fail({ kind: 'closed', error: new Error(`connection ended ${this.answered ? 'within' : 'before'} the response`) });
  }

  wireDrained(): void {
    const owed = this.body.takeOwed();
    if (owed > 0) this.call?.accepted(owed);
  }

  wireClosed(error: Error | undefined): void {
    if (this.call === null) this.host.connectionLost(this);
    else if (this.responseDone) this.settle();
    else this.fail({ kind: 'closed', error: error ?? new Error('connection closed before the response') });
    this.host.connectionClosed(this);
  }

  // The parser's calls.

  onInformational(head: H1ResponseHead): void {
    this.call?.informational(portHead(head, false));
  }

  onResponseHead(head: H1ResponseHead): void {
    this.persists = head.persistent;
    if (this.early !== null) this.refuseBytes();
    // A response that ends with its head is told when the connection is free: the call may begin another.
    this.origin = head.fields;
    if (head.ended) this.endingHead = portHead(head, false);
    else this.call?.response(portHead(head, false), false, head.fields);
  }

  onUpgrade(head: H1ResponseHead): void {
    const connect = this.call?.head.method === 'CONNECT';
    this.tunnelHead = portHead(head, this.early === null);
    if (!connect) return;
    removeField(this.tunnelHead.headers, 'content-length');
    removeField(this.tunnelHead.headers, 'transfer-encoding');
  }

  onBody(chunk: Buffer): void {
    this.outstanding += chunk.length;
    this.call?.responseData(chunk, false);
    if (this.outstanding > MAX_OUTSTANDING && this.call !== null) this.wire.pause();
  }

  onMessageEnd(trailers: Field[] | null): void {
    this.responseDone = true;
    this.parser.paused = true;
    if (this.endingHead === null) this.trailers = listOf(trailers);
  }

  onError(error: H1Error): void {
    this.fail({ kind: 'protocol', error });
  }

  private becomeTunnel(rest: Buffer | null): void {
    const { call, tunnelHead: head } = this;
    if (call === null || head === null) return;
    this.tunnelHead = null;
    if (call.bytes !== null) {
      this.becomeBytes(call, call.bytes, head, rest);
      return;
    }
    this.call = null;
    call.tunnelled(head, { wire: this.wire, rest, closed: () => this.tunnelClosed() });
  }

  private becomeBytes(call: Call, asked: Switch, head: ResponseHead, rest: Buffer | null): void {
    if (!grantBytes(head, asked)) {
      this.fail({ kind: 'protocol', error: new Error('upstream switched without having understood: sec-websocket-accept is wrong') });
      return;
    }
    this.call = null;
    const end = new ByteCall({ call, wire: this.wire, closed: () => this.tunnelClosed() });
    call.bound(end);
    for (const chunk of this.early ?? []) end.data(chunk, false);
    this.early = null;
    if (this.requestDone) end.finish();
    call.response(head, false, null);
    end.start(rest);
  }

  /** The answer is an ordinary response: what the client sent early belongs nowhere. */
  private refuseBytes(): void {
    this.early = null;
    this.requestDone = true;
    this.call?.unwanted();
  }

  private tunnelClosed(): void {
    this.host.connectionDone(this, false);
    this.host.connectionClosed(this);
  }

  /** The response is complete: frees the connection if the request is too, then tells the call. */
  private settle(): void {
    const { call, endingHead, trailers, origin } = this;
    if (call === null || !this.responseDone) return;
    this.origin = null;
    this.endingHead = null;
    this.trailers = null;
    const over = this.requestDone || !this.persists;
    if (over) {
      this.call = null;
      this.wire.resume();
      this.host.connectionDone(this, this.persists && !call.oneOff && this.usable);
    }
    if (endingHead !== null) call.response(endingHead, true, origin);
    else if (trailers !== null) call.responseEnd(trailers);
    if (over && !this.requestDone) call.failed({ kind: 'closed', error: new Error('connection closed after the response') });
  }

  private fail(failure: ForwardFailure): void {
    const { call } = this;
    if (call === null) return;
    this.call = null;
    this.parser.stop();
    this.wire.destroy();
    this.host.connectionFailed(this, call, failure, this.answered);
  }
}

function portHead(head: H1ResponseHead, keepsConnection: boolean): ResponseHead {
  const headers = listOf(head.fields);
  if (head.hopByHop && !keepsConnection) stripHopByHop(headers);
  return { status: head.line.status, version: head.line.version, reason: head.line.reason, headers };
}
