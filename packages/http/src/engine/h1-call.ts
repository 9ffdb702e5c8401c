// One request on an HTTP/1 connection to an upstream, and its response (RFC 9112 §9). All that a connection has to keep for them is here: between two
// it is little more than a wire, and among a thousand connections the one that is used next has little to be fetched.
import type { ForwardFailure } from '../exchange/engine.ts';
import type { FieldList, ResponseHead } from '../exchange/head.ts';
import { removeField } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';
import type { H1Error } from '../h1/h1-error.ts';
import { Framing } from '../h1/head-facts.ts';
import type { H1ResponseHead, ResponseHandler, ResponseParser } from '../h1/response-parser.ts';
import { grantBytes, type Switch } from '../translate/connect.ts';
import { stripHopByHop } from '../translate/hop-by-hop.ts';
import { ByteCall } from './byte-call.ts';
import { listOf } from './edge.ts';
import type { Call, CallEnd, Origin } from './ends.ts';
import { contentLength, frameBody } from './framing.ts';
import { BodyOutput, writeRequestHead } from './h1-output.ts';
import type { H1UpstreamConnection } from './h1-upstream-connection.ts';

const NO_TRAILERS: FieldList = [];
/** Response body bytes that may wait for the client before the upstream is not read on. */
const MAX_OUTSTANDING = 32 * 1024;

export class H1Call implements CallEnd, ResponseHandler {
  private readonly connection: H1UpstreamConnection;
  private readonly parser: ResponseParser;
  private call: Call | null;
  private body: BodyOutput | null = null;
  private answered = false;
  private requestDone: boolean;
  private responseDone = false;
  private persists = false;
  private outstanding = 0;
  private tunnelHead: ResponseHead | null = null;
  private origin: Origin = null;
  private endingHead: ResponseHead | null = null;
  private trailers: FieldList | null = null;
  /** What the client sent before the upstream agreed to bytes; null where it was not asked to, or has refused. */
  private early: Buffer[] | null;

  constructor(connection: H1UpstreamConnection, call: Call) {
    this.connection = connection;
    this.call = call;
    this.requestDone = !call.hasBody;
    this.early = call.bytes === null ? null : [];
    this.parser = connection.responseParser(this);
    this.parser.expect(call.head.method, call.head.upgrade);
  }

  /** Writes the head; the body follows through `data` and `finish`. */
  begin(call: Call): void {
    const { head } = call;
    const wire = this.connection;
    if (call.hasBody && call.bytes === null) {
      const framing = frameBody(head.headers, true);
      // A 1.0 message cannot be chunked, and a request cannot last until the connection closes.
      if (framing === Framing.chunked) head.version = '1.1';
      this.body = new BodyOutput(wire);
      this.body.begin(framing, framing === Framing.length ? contentLength(head.headers) : 0);
    }
    writeRequestHead(wire, head);
    call.bound(this);
  }

  // The exchange's calls.

  data(chunk: Buffer, last: boolean): void {
    const { early, body } = this;
    if (early !== null) {
      early.push(chunk);
      this.requestDone ||= last;
      return;
    }
    if (body === null) return;
    if (!body.data(chunk)) {
      this.fail({ kind: 'protocol', error: new Error('request body is longer than its content-length') });
      return;
    }
    const credit = body.creditFor(chunk.length);
    if (credit > 0) this.call?.accepted(credit);
    if (last) this.finish(NO_TRAILERS);
  }

  finish(trailers: FieldList): void {
    if (this.early !== null) {
      this.requestDone = true;
      return;
    }
    if (this.body?.finish(trailers) === false) {
      this.fail({ kind: 'protocol', error: new Error('request body is shorter than its content-length') });
      return;
    }
    this.requestDone = true;
    this.settle();
  }

  reset(): void {
    this.call = null;
    this.parser.stop();
    this.connection.destroy();
    this.connection.callDone(false);
  }

  credit(bytes: number): void {
    // The connection may serve another by now.
    if (this.call === null) return;
    this.outstanding = Math.max(0, this.outstanding - bytes);
    if (this.outstanding <= MAX_OUTSTANDING) this.connection.resume();
  }

  release(): void {
    // What the connection may serve next does not depend on it.
  }

  // The connection's calls.

  received(chunk: Buffer): void {
    this.answered = true;
    const taken = this.parser.receive(chunk);
    if (this.tunnelHead !== null) this.becomeTunnel(taken < chunk.length ? chunk.subarray(taken) : null);
    else if (taken < chunk.length) this.persists = false;
    this.settle();
  }

  ended(): void {
    this.persists = false;
    if (!this.responseDone) this.parser.end();
    if (this.responseDone) this.settle();
    else this.fail({ kind: 'closed', error: new Error(`connection ended ${this.answered ? 'within' : 'before'} the response`) });
  }

  drained(): void {
    const owed = this.body?.takeOwed() ?? 0;
    if (owed > 0) this.call?.accepted(owed);
  }

  closed(error: Error | undefined): void {
    if (this.responseDone) this.settle();
    else this.fail({ kind: 'closed', error: error ?? new Error('connection closed before the response') });
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
    if (this.outstanding > MAX_OUTSTANDING && this.call !== null) this.connection.pause();
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
    const { call, tunnelHead: head, connection } = this;
    if (call === null || head === null) return;
    this.tunnelHead = null;
    if (call.bytes !== null) {
      this.becomeBytes(call, call.bytes, head, rest);
      return;
    }
    this.call = null;
    call.tunnelled(head, { wire: connection, rest, closed: () => connection.tunnelClosed() });
  }

  private becomeBytes(call: Call, asked: Switch, head: ResponseHead, rest: Buffer | null): void {
    if (!grantBytes(head, asked)) {
      this.fail({ kind: 'protocol', error: new Error('upstream switched without having understood: sec-websocket-accept is wrong') });
      return;
    }
    const { connection } = this;
    this.call = null;
    const end = new ByteCall({ call, wire: connection, closed: () => connection.tunnelClosed() });
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
      this.connection.resume();
      this.connection.callDone(this.persists && !call.oneOff);
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
    this.connection.destroy();
    this.connection.callFailed(call, failure, this.answered);
  }
}

function portHead(head: H1ResponseHead, keepsConnection: boolean): ResponseHead {
  const headers = listOf(head.fields);
  if (head.hopByHop && !keepsConnection) stripHopByHop(headers);
  return { status: head.line.status, version: head.line.version, reason: head.line.reason, headers };
}
