// The engine port: what a proxy needs from an HTTP implementation, at the level of whole exchanges.
// Engines are interchangeable; test/contract/engine holds the suite that each one passes.
import type { Duplex } from 'node:stream';
import type { FieldList, RequestHead, ResponseHead } from './head.ts';

/** A connected byte stream: a TCP socket, a TLS socket, or one end of a pair in tests. Peeked bytes have been unshifted. */
export type Link = Duplex;

export interface HttpEngine {
  readonly name: string;
  /** Serves one accepted connection. `onExchange` is called once per request when its head is complete. */
  serve(link: Link, options: ServeOptions, onExchange: (exchange: Exchange) => void): ServerConnection;
  /** Connections to one endpoint: an HTTP/1 pool or an HTTP/2 session, dialled on demand. */
  upstream(options: UpstreamOptions): Upstream;
}

export interface ServeOptions {
  readonly version: 'http/1' | 'http/2';
  /** Bytes of a request head accepted before 431. Default 128 KiB. */
  readonly maxHeaderBytes?: number;
  readonly http2?: Http2Params;
}

export interface Http2Params {
  /** Default 65535. */
  readonly initialStreamWindow?: number | undefined;
  /** Default 1048576. */
  readonly initialConnectionWindow?: number | undefined;
  readonly maxConcurrentStreams?: number | undefined;
  readonly maxFrameSize?: number | undefined;
  readonly maxHeaderListSize?: number | undefined;
  /** Server: announces that extended CONNECT is welcome (RFC 8441). Default false. */
  readonly extendedConnect?: boolean | undefined;
  /** Windows start as they are set and grow as the path needs it, up to 16 MiB. Engines that cannot leave them as they are. Default false. */
  readonly adaptive?: boolean | undefined;
  readonly keepAlive?: { readonly intervalMs: number; readonly timeoutMs: number; readonly whileIdle: boolean } | undefined;
}

export interface ServerConnection {
  /** GOAWAY, or `connection: close` on the next response; closes when exchanges in flight are done. Idempotent. */
  drain(): void;
  destroy(error?: Error): void;
  /** Resolves when the connection is closed, tunnels included. Never rejects. */
  readonly closed: Promise<void>;
}

export interface UpstreamOptions {
  readonly version: 'http/1' | 'http/2';
  /** Opens a connection, TLS handshake included. Its rejection is the failure that the exchange sees. */
  readonly dial: () => Promise<Link>;
  /** Life of an idle pooled HTTP/1 connection in milliseconds. Default 3000. */
  readonly poolIdleMs?: number;
  /** Most idle HTTP/1 connections kept. Default 10000. */
  readonly maxIdle?: number;
  readonly http2?: Http2Params;
}

export interface Upstream {
  /** Exchanges now forwarded to it. */
  readonly inFlight: number;
  /**
   * Optional, HTTP/2 only: opens the session now, preface sent, so that readiness is known before the first exchange. Resolves
   * at once when one is open; rejects as `dial` did.
   */
  connect?(): Promise<void>;
  /** Optional, HTTP/2 only: whether an exchange forwarded now finds a session that takes it. */
  readonly connected?: boolean;
  /** No new exchanges; closes when those in flight are done. */
  close(): void;
  destroy(error?: Error): void;
}

/**
 * One request and its response. Exactly one of `forward` and `respond` takes effect; a `forward` that failed or was abandoned allows one
 * `respond`, and another `forward` while the exchange is `repeatable`.
 */
export interface Exchange {
  /** May be edited in place until `forward` or `respond` is called. */
  readonly request: RequestHead;
  /** True when the client is gone. */
  readonly aborted: boolean;
  /** Sends the request on and relays the response, bodies with back-pressure, trailers, resets with their codes, and tunnels. */
  forward(upstream: Upstream, rules: ForwardRules, observer: ExchangeObserver | null): void;
  /**
   * Optional: the request body, for who answers by itself. Undefined when it is longer than this, or the client has gone. Called once, before
   * `respond`, and never with `forward`.
   */
  body?(maxBytes: number): Promise<Buffer | undefined>;
  /** Answers locally. No more is wanted of the request body: the client may be told so, once it has the response. */
  respond(response: LocalResponse): void;
  /** Resets the stream (HTTP/2) or closes the connection (HTTP/1). A forward under way is given up. */
  reset(code: number): void;
  /** Optional, as what follows: the request is still whole here (`ForwardRules.retry`), and nothing of a response was relayed. */
  readonly repeatable?: boolean;
  /**
   * Gives up the forward under way, and what it has answered so far, without a word to the client: its upstream stream is reset, its credit
   * given back. Does nothing once a response head was relayed.
   */
  abandon?(): void;
  /** Relays the response that is held (`RetryRules.held`). */
  relay?(): void;
  /** Ends the body of a response that is being relayed with these trailers in place of what was still to come; the forward is given up. */
  cutShort?(trailers: FieldList): void;
}

export interface LocalResponse {
  readonly status: number;
  readonly headers: FieldList;
  /** Default: none, with content-length 0. */
  readonly body?: Uint8Array;
  /** Closes the client connection after this response (HTTP/1), or sends GOAWAY (HTTP/2). */
  readonly close?: boolean;
}

/** What a pipeline changes on the way. One object per route or endpoint, shared by its exchanges: methods, not closures. */
export interface ForwardRules {
  /**
   * HTTP/1 carried in HTTP/2 between proxies (`l5d-orig-proto`, spec/proxy.md §4.1): `encode` turns an HTTP/1 request into
   * an HTTP/2 one with the header and restores the response; `decode` does the reverse; `none` leaves versions alone.
   */
  readonly origProto: 'none' | 'encode' | 'decode';
  /** Replaces the authority, removing Host (endpoint metadata). */
  readonly authorityOverride?: string | undefined;
  /** Edits the request head just before it is written. */
  request?(head: RequestHead): void;
  /** Edits the response head just before it is written to the client. Not called for 1xx. */
  response?(head: ResponseHead, request: RequestHead): void;
  /** Set where the exchange may be tried again. Engines without that leave it unread. */
  readonly retry?: RetryRules | undefined;
  /**
   * `forward` failed before a response head was relayed. Must call `exchange.respond` or `exchange.reset`, or, while the exchange is
   * `repeatable`, sooner or later `forward`. Not called when the client is gone.
   */
  failed(exchange: Exchange, failure: ForwardFailure): void;
  /**
   * Optional: the response broke after its head was relayed. Trailers to end it with, to HTTP/2 clients only; undefined: it is reset. Engines
   * that cannot do it reset.
   */
  broken?(exchange: Exchange, failure: ForwardFailure): FieldList | undefined;
}

/** `retry`: the response is held. `peek`: to be decided with the trailers, if they come first or along with the first frame of the body. */
export type Verdict = 'relay' | 'retry' | 'peek';

/** Decides what becomes of a response before anything of it is relayed. Only asked while the exchange could be forwarded again. */
export interface RetryRules {
  /**
   * Bytes of the request body that are kept for another forward. A body that announces more is not kept at all; one that turns out longer
   * is let go of. A response that comes before the request has ended is relayed.
   */
  readonly maxBodyBytes: number;
  /** The final response head came. */
  judge(head: ResponseHead): Verdict;
  /** After `peek`: undefined where trailers did not come in time, or the response broke or ended without. */
  judgeTrailers(head: ResponseHead, trailers: FieldList | undefined): Exclude<Verdict, 'peek'>;
  /** After `retry`, in a later turn. Flow control holds the rest of the response until `exchange.relay` or `exchange.abandon` is called. */
  held(exchange: Exchange): void;
}

export type ForwardFailure =
  /** `dial` rejected. */
  | { readonly kind: 'connect'; readonly error: Error }
  /** The connection ended or broke before the response head. */
  | { readonly kind: 'closed'; readonly error: Error }
  /** The peer reset the HTTP/2 stream. */
  | { readonly kind: 'reset'; readonly code: number }
  /** The response could not be parsed. */
  | { readonly kind: 'protocol'; readonly error: Error };

/**
 * Watches one forward; null where unused. Methods are called in this order, at most once each but those of body frames; `end` always, and last. A response may
 * come before the request's end. `end` comes before `ForwardRules.failed`; what is answered locally then is not watched. With `ForwardRules.retry`
 * a response is watched as it comes in, whether or not it is relayed.
 */
export interface ExchangeObserver {
  /** The request is bound to a connection and its head was written. */
  sent?(): void;
  /** A request body frame of this many bytes was passed on, or again on another connection. */
  requestData?(bytes: number): void;
  /** The request body ended. */
  requestEnd?(): void;
  head?(head: ResponseHead): void;
  /** A response body frame of this many bytes passed. */
  data?(bytes: number): void;
  trailers?(trailers: FieldList): void;
  end(outcome: ExchangeOutcome): void;
}

export type ExchangeOutcome =
  | { readonly kind: 'complete' }
  /** A byte tunnel (upgrade, CONNECT) ended; bytes read from the client and written to it. */
  | { readonly kind: 'tunnel'; readonly bytesRead: number; readonly bytesWritten: number }
  | { readonly kind: 'client-gone'; readonly code?: number }
  /** Given up by `abandon` or `cutShort`. */
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'failed'; readonly failure: ForwardFailure };
