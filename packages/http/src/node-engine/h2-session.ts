// One client session of HTTP/2 over a dialled link.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Socket } from 'node:net';
import type { Http2Params, Link } from '../exchange/engine.ts';
import type { EngineTimers } from '../exchange/timers.ts';
import { requestToHttp2 } from './h2-fields.ts';
import { keepAlive, openConnectionWindow, sessionOptions } from './h2-settings.ts';
import { SessionLink } from './session-link.ts';
import type { OutgoingRequest } from './sides.ts';

export interface H2SessionOptions {
  readonly link: Link;
  readonly params: Http2Params | undefined;
  readonly timers: EngineTimers;
  /** The session takes no more requests; those in flight go on. */
  readonly onUnusable: () => void;
  readonly onClosed: () => void;
}

/** `PRI * HTTP/2.0` and what follows it. RFC 9113 §3.4. */
const PREFACE_BYTES = 24;

export class H2Session {
  /** Why the connection is gone; undefined while it lives. */
  failure: Error | undefined;
  wentAway = false;
  readonly #session: ClientHttp2Session;
  readonly #link: Link;
  #streams = 0;

  constructor(options: H2SessionOptions) {
    const { link, params, timers } = options;
    this.#link = link;
    const carrier = new SessionLink(link, PREFACE_BYTES);
    // Before the session closes its streams: they must find the reason.
    link.once('close', () => {
      this.failure ??= carrier.failure ?? new Error('connection closed');
      options.onUnusable();
    });
    // Node wraps any Duplex that is no socket.
    this.#session = connect('http://upstream', { ...sessionOptions(params, 'client'), createConnection: () => carrier as unknown as Socket });
    this.#session.on('error', (error) => {
      this.failure ??= carrier.failure ?? error;
    });
    this.#session.on('frameError', () => undefined);
    this.#session.on('goaway', () => {
      this.wentAway = true;
      options.onUnusable();
    });
    this.#session.once('connect', () => openConnectionWindow(this.#session, params));
    const stopPings = keepAlive(
      this.#session,
      params,
      timers,
      () => this.#streams === 0,
      () => this.destroy(new Error('peer does not answer pings')),
    );
    this.#session.once('close', () => {
      stopPings();
      this.failure ??= carrier.failure ?? new Error('session closed');
      options.onUnusable();
      link.destroy();
      options.onClosed();
    });
  }

  get usable(): boolean {
    return this.failure === undefined && !this.#session.closed && !this.#session.destroyed && !this.#link.destroyed;
  }

  /** Throws when Node refuses the head. */
  request(request: OutgoingRequest): ClientHttp2Stream {
    const stream = this.#session.request(requestToHttp2(request.head), request.hasBody ? { endStream: false, waitForTrailers: true } : { endStream: true });
    this.#streams += 1;
    stream.once('close', () => {
      this.#streams -= 1;
    });
    return stream;
  }

  /** Ends the session after the streams in flight. */
  close(): void {
    if (!this.#session.closed && !this.#session.destroyed) this.#session.close();
  }

  destroy(error?: Error): void {
    this.failure ??= error ?? new Error('session destroyed');
    // With an error: otherwise Node ends the streams as if they were complete.
    if (!this.#session.destroyed) this.#session.destroy(this.failure);
    this.#link.destroy();
  }
}
