// One HTTP/1 connection to an upstream: one request at a time, until it is lost or of no further use (RFC 9112 §9).
import type { ForwardFailure, Link } from '../exchange/engine.ts';
import type { H1Limits } from '../h1/limits.ts';
import { type ResponseHandler, ResponseParser } from '../h1/response-parser.ts';
import type { Call } from './ends.ts';
import { H1Call } from './h1-call.ts';
import type { EngineShared } from './shared.ts';
import { NOBODY, Wire, type WireOwner } from './wire.ts';

/** Told how a connection comes out of a call. */
export interface ConnectionHost {
  readonly shared: EngineShared;
  readonly limits: H1Limits;
  /** The call is over; `reusable` when the connection may carry another. */
  connectionDone(connection: H1UpstreamConnection, reusable: boolean): void;
  /** The call broke before its end. `answered`: bytes of a response had come. */
  connectionFailed(connection: H1UpstreamConnection, call: Call, failure: ForwardFailure, answered: boolean): void;
  /** It became useless while no call was on it. */
  connectionLost(connection: H1UpstreamConnection): void;
  connectionClosed(connection: H1UpstreamConnection): void;
}

/** It is its own wire: taking one among a thousand out of its pool is at best one object to be fetched. */
export class H1UpstreamConnection extends Wire implements WireOwner {
  private current: H1Call | null = null;
  private readonly host: ConnectionHost;
  /** The pool's place of this connection while it is idle. */
  authority = '';
  absolute = false;
  idle = false;
  idleSince = 0;
  reused = false;

  constructor(link: Link, host: ConnectionHost) {
    super(link, NOBODY, host.shared);
    this.owner = this;
    this.lends = true;
    this.host = host;
  }

  /** One exchange at a time. */
  override get crowded(): boolean {
    return this.deferred;
  }

  get usable(): boolean {
    return this.writable && !this.ended;
  }

  /** Writes the head of a call; its body follows. */
  begin(call: Call): void {
    this.resume();
    this.current = new H1Call(this, call);
    this.current.begin(call);
  }

  // The wire's calls.

  wireData(chunk: Buffer): void {
    if (this.current !== null) this.current.received(chunk);
    // Nobody asked for these bytes, so nobody may get them.
    else this.lost();
  }

  wireEnd(): void {
    if (this.current !== null) this.current.ended();
    else this.lost();
  }

  wireDrained(): void {
    this.current?.drained();
  }

  wireClosed(error: Error | undefined): void {
    this.current?.closed(error);
    this.host.connectionClosed(this);
  }

  // The call's calls.

  responseParser(handler: ResponseHandler): ResponseParser {
    const { shared, limits } = this.host;
    return new ResponseParser(handler, shared.fields, shared.statusLines, limits);
  }

  callDone(reusable: boolean): void {
    this.current = null;
    this.host.connectionDone(this, reusable && this.usable);
  }

  callFailed(call: Call, failure: ForwardFailure, answered: boolean): void {
    this.current = null;
    this.host.connectionFailed(this, call, failure, answered);
  }

  tunnelClosed(): void {
    this.host.connectionDone(this, false);
    this.host.connectionClosed(this);
  }

  private lost(): void {
    this.destroy();
    this.host.connectionLost(this);
  }
}
