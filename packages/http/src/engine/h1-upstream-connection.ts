// One HTTP/1 connection to an upstream: one request at a time, until it is lost or of no further use (RFC 9112 §9).
import type { ForwardFailure, Link } from '../exchange/engine.ts';
import type { RequestHead } from '../exchange/head.ts';
import { type ResponseHandler, ResponseParser } from '../h1/response-parser.ts';
import type { Call } from './ends.ts';
import { H1Call } from './h1-call.ts';
import { NOWHERE } from './places.ts';
import type { EngineShared } from './shared.ts';
import { DEFERRED, FIRST_OWN_STATE, Wire } from './wire.ts';
import { NOBODY, type WireOwner } from './wire-owner.ts';

/** Told how a connection comes out of a call. */
export interface ConnectionHost {
  readonly shared: EngineShared;
  /** The call is over; `reusable` when the connection may carry another. */
  connectionDone(connection: H1UpstreamConnection, reusable: boolean): void;
  /** The call broke before its end. `answered`: bytes of a response had come. */
  connectionFailed(connection: H1UpstreamConnection, call: Call, failure: ForwardFailure, answered: boolean): void;
  /** It became useless while no call was on it. */
  connectionLost(connection: H1UpstreamConnection): void;
  connectionClosed(connection: H1UpstreamConnection): void;
}

/** No call is on it, and it is in its pool. */
const IDLE = FIRST_OWN_STATE;
const REUSED = 2 * FIRST_OWN_STATE;
/** Its requests name their targets whole. */
const ABSOLUTE = 4 * FIRST_OWN_STATE;

/** It is its own wire: taking one among a thousand out of its pool is at best one object to be fetched. */
export class H1UpstreamConnection extends Wire implements WireOwner {
  /** Where among the engine's calls the one is that is under way. */
  private call = NOWHERE;
  private readonly host: ConnectionHost;
  /** Whose requests it carries, in the form that `absolute` says. */
  readonly authority: string;
  idleSince = 0;

  /** `first`: what it is opened for. */
  constructor(link: Link, host: ConnectionHost, first: RequestHead) {
    super(link, NOBODY, host.shared);
    this.owner = this;
    this.host = host;
    this.authority = first.authority ?? '';
    this.be(ABSOLUTE, first.form === 'absolute');
    this.lend();
  }

  /** One exchange at a time. */
  override get crowded(): boolean {
    return this.is(DEFERRED);
  }

  /** The pool has it. */
  get idle(): boolean {
    return this.is(IDLE);
  }

  set idle(so: boolean) {
    this.be(IDLE, so);
  }

  get reused(): boolean {
    return this.is(REUSED);
  }

  set reused(so: boolean) {
    this.be(REUSED, so);
  }

  get absolute(): boolean {
    return this.is(ABSOLUTE);
  }

  get usable(): boolean {
    return this.writable && !this.ended;
  }

  /** Writes the head of a call; its body follows. */
  begin(call: Call): void {
    this.resume();
    const current = new H1Call(this, call);
    this.call = this.shared.calls.put(current);
    current.begin(call);
  }

  // The wire's calls.

  wireData(chunk: Buffer): void {
    const { current } = this;
    if (current !== undefined) current.received(chunk);
    // Nobody asked for these bytes, so nobody may get them.
    else this.lost();
  }

  wireEnd(): void {
    const { current } = this;
    if (current !== undefined) current.ended();
    else this.lost();
  }

  wireDrained(): void {
    this.current?.drained();
  }

  wireClosed(error: Error | undefined): void {
    this.current?.closed(error);
    this.vacate();
    this.host.connectionClosed(this);
  }

  // The call's calls.

  responseParser(handler: ResponseHandler): ResponseParser {
    const { fields, statusLines, limits } = this.shared;
    return new ResponseParser(handler, fields, statusLines, limits);
  }

  callDone(reusable: boolean): void {
    this.vacate();
    this.host.connectionDone(this, reusable && this.usable);
  }

  callFailed(call: Call, failure: ForwardFailure, answered: boolean): void {
    this.vacate();
    this.host.connectionFailed(this, call, failure, answered);
  }

  tunnelClosed(): void {
    this.vacate();
    this.host.connectionDone(this, false);
    this.host.connectionClosed(this);
  }

  private get current(): H1Call | undefined {
    return this.shared.calls.at(this.call);
  }

  /** No call is on it any more. */
  private vacate(): void {
    this.shared.calls.take(this.call);
    this.call = NOWHERE;
  }

  private lost(): void {
    this.destroy();
    this.host.connectionLost(this);
  }
}
