// What the relay needs of the two ends of an exchange, whatever version each end speaks. Internal to this engine.
import type { Readable, Writable } from 'node:stream';
import type { ForwardFailure, Upstream } from '../exchange/engine.ts';
import type { FieldList, RequestHead, ResponseHead } from '../exchange/head.ts';

/** A body being received. Nothing is read before `start` or `discard`. */
export interface IncomingBody {
  start(receiver: BodyReceiver): void;
  pause(): void;
  resume(): void;
  /** Reads the rest and drops it. */
  discard(): void;
}

export interface BodyReceiver {
  bodyData(chunk: Buffer): void;
  /** The body is whole. A body that breaks off never gets here: its end reports `gone` or `failed`. */
  bodyEnd(trailers: FieldList): void;
}

/** A body being sent. Writes after the end's failure are dropped. */
export interface OutgoingBody {
  /** False: the reader is slow, wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  end(trailers: FieldList): void;
  onDrain: (() => void) | null;
}

/** A connection that became bytes. Readable and writable may be different objects. */
export interface TunnelEnd {
  readonly readable: Readable;
  readonly writable: Writable;
  destroy(error?: Error): void;
}

/** The client's end of one exchange. */
export interface ClientSide {
  readonly request: RequestHead;
  /** null when the message certainly has no body. */
  readonly requestBody: IncomingBody | null;
  readonly gone: boolean;
  /** Called when the client is gone before the response is complete. */
  onGone: ((code: number | undefined) => void) | null;
  informational(head: ResponseHead): void;
  /** Writes the head; `ended` says that no body follows, and then the response is complete. */
  respond(head: ResponseHead, ended: boolean): OutgoingBody;
  /** Writes the head and gives up HTTP; only for requests with `upgrade`. */
  tunnel(head: ResponseHead): TunnelEnd;
  /** Breaks the exchange off; the client never sees a clean end. */
  reset(code: number): void;
  /** Asks for the connection to be closed after this response. Before `respond`. */
  closeAfter(): void;
}

export interface OutgoingRequest {
  /** In the upstream's version. */
  readonly head: RequestHead;
  readonly hasBody: boolean;
  /** Never pooled (spec/proxy.md §4.2). */
  readonly oneOff: boolean;
  /** True while no byte of the body was taken from the client. */
  readonly replayable: boolean;
}

/** Told what becomes of a request. `sent` may come twice, when a reused connection turned out dead. */
export interface CallListener {
  sent(body: OutgoingBody): void;
  informational(head: ResponseHead): void;
  /** Hop-by-hop fields are gone already. `body` is null when the response ended with its head. */
  response(head: ResponseHead, body: IncomingBody | null): void;
  tunnel(head: ResponseHead, end: TunnelEnd): void;
  /** At most once; nothing follows. */
  failed(failure: ForwardFailure): void;
}

/** One request under way to an upstream. */
export interface Call {
  /** Gives it up; the listener hears nothing more. */
  reset(code: number): void;
}

/** An upstream of this engine. */
export interface CallingUpstream extends Upstream {
  readonly version: 'http/1' | 'http/2';
  call(request: OutgoingRequest, listener: CallListener): Call;
}

/** A body for messages that have none, or whose end is gone. */
export function noBody(): OutgoingBody {
  return { write: () => true, end: () => undefined, onDrain: null };
}
