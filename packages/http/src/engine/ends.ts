// The two ends of an exchange as the relay sees them, whatever version each speaks. Internal to this engine.
// Credit: bytes given to `data` are answered by as many bytes of `accepted…` once the peer has room for more.
import type { ForwardFailure, Upstream } from '../exchange/engine.ts';
import type { FieldList, RequestHead, ResponseHead } from '../exchange/head.ts';
import type { Field } from '../field/field.ts';
import type { Switch } from '../translate/connect.ts';
import type { TunnelEnd } from './tunnel.ts';

/** The fields that a head was read from: what pipelines left as it was is found there again without a look-up. */
export type Origin = readonly Field[] | null;

/** The client's end of one exchange: where its response goes. */
export interface ClientEnd {
  informational(head: ResponseHead): void;
  /** `ended`: no body follows, the response is complete. */
  respond(head: ResponseHead, ended: boolean, origin: Origin): void;
  /** `last`: the body is complete, without trailers; `finish` does not come. */
  data(chunk: Buffer, last: boolean): void;
  finish(trailers: FieldList): void;
  /** Writes the head and gives up HTTP; only for requests with `upgrade`. */
  tunnel(head: ResponseHead): TunnelEnd;
  /** Breaks the exchange off; the client never sees a clean end. */
  reset(code: number): void;
  /**
   * No more of the request is wanted: its sender is told so when the response has ended, which it may have already. Does nothing once the
   * request has ended.
   */
  stopRequest(): void;
  /** Asks for the connection to be closed after this response. Before `respond`. */
  closeAfter(): void;
  /** Bytes of the request body were passed on: as many more may come. */
  credit(bytes: number): void;
}

/** The request under way on one upstream connection. */
export interface CallEnd {
  /** `last`: the body is complete, without trailers; `finish` does not come. */
  data(chunk: Buffer, last: boolean): void;
  finish(trailers: FieldList): void;
  /** Gives it up; nothing more is heard of it. */
  reset(code: number): void;
  /** Bytes of the response body were passed on: as many more may come. */
  credit(bytes: number): void;
  /** The exchange is complete. Bytes that were not credited yet will not be. */
  release(): void;
}

/** A request as an upstream takes it, and what it is told about it. */
export interface Call {
  /** In the upstream's version. */
  readonly head: RequestHead;
  readonly origin: Origin;
  readonly hasBody: boolean;
  /** Never pooled (spec/proxy.md §4.2). */
  readonly oneOff: boolean;
  /** What makes the connection bytes that are relayed as bodies; null: an ordinary exchange, or a tunnel between two wires. */
  readonly bytes: Switch | null;
  /** Nothing of the body was passed on yet, or all of it is kept. */
  readonly replayable: boolean;
  /** Given up before it was bound. */
  readonly over: boolean;
  /** Bound to a connection, the head written. May come again after `unbound`. */
  bound(end: CallEnd): void;
  /** The connection was of no use, a reused one that turned out dead: it will be bound to another. Only while `replayable`. */
  unbound(): void;
  informational(head: ResponseHead): void;
  /** Hop-by-hop fields are gone already. */
  response(head: ResponseHead, ended: boolean, origin: Origin): void;
  responseData(chunk: Buffer, last: boolean): void;
  responseEnd(trailers: FieldList): void;
  tunnelled(head: ResponseHead, end: TunnelEnd): void;
  /** The request body was passed on: as many more bytes may come. */
  accepted(bytes: number): void;
  /** Nothing of the request body is wanted any more: it counts as ended. */
  unwanted(): void;
  /** At most once; nothing follows. */
  failed(failure: ForwardFailure): void;
}

/** An upstream of this engine. */
export interface WeftUpstream extends Upstream {
  readonly version: 'http/1' | 'http/2';
  start(call: Call): void;
  /** A call that was started and not bound yet is given up. */
  cancel(call: Call): void;
}
