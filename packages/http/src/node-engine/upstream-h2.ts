// An upstream that speaks HTTP/2: one session at a time, dialled on demand and again after GOAWAY or loss (spec/proxy.md §4.5).
import type { ForwardFailure, UpstreamOptions } from '../exchange/engine.ts';
import type { EngineTimers } from '../exchange/timers.ts';
import { H2Call, type H2CallHost } from './h2-call.ts';
import { H2Session } from './h2-session.ts';
import type { Call, CallingUpstream, CallListener, OutgoingRequest } from './sides.ts';

export interface H2UpstreamOptions extends UpstreamOptions {
  readonly timers: EngineTimers;
}

export class H2Upstream implements CallingUpstream {
  readonly version = 'http/2';
  inFlight = 0;
  readonly #options: H2UpstreamOptions;
  readonly #sessions = new Set<H2Session>();
  /** Requests that wait for the dial under way. */
  readonly #waiting = new Set<StreamCall>();
  #current: H2Session | undefined;
  #dialing: Promise<void> | undefined;
  #closed = false;

  constructor(options: H2UpstreamOptions) {
    this.#options = options;
  }

  call(request: OutgoingRequest, listener: CallListener): Call {
    this.inFlight += 1;
    const call = new StreamCall(this, request, listener);
    if (this.#closed) process.nextTick(() => call.fail({ kind: 'closed', error: new Error('upstream is closed') }));
    else if (request.head.upgrade) process.nextTick(() => call.fail({ kind: 'protocol', error: new Error('http/2 carries no http/1 upgrade') }));
    else this.place(call);
    return call;
  }

  async connect(): Promise<void> {
    if (this.#closed) throw new Error('upstream is closed');
    if (this.#current?.usable !== true) await (this.#dialing ?? this.#dial());
  }

  close(): void {
    this.#closed = true;
    this.#closeIdle();
  }

  destroy(error?: Error): void {
    this.#closed = true;
    const failure: ForwardFailure = { kind: 'closed', error: error ?? new Error('upstream is destroyed') };
    const calls = [...this.#waiting];
    for (const call of calls) call.fail(failure);
    for (const session of this.#sessions) session.destroy(error);
  }

  /** Puts a call on the current session, or lets it wait for the next one. */
  place(call: StreamCall): void {
    if (this.#current?.usable === true) {
      call.run(this.#current);
      return;
    }
    this.#waiting.add(call);
    // The calls that wait learn of a failure by themselves.
    if (!this.#dialing) this.#dial().catch(() => undefined);
  }

  done(call: StreamCall): void {
    this.#waiting.delete(call);
    this.inFlight -= 1;
    if (this.#closed) this.#closeIdle();
  }

  #closeIdle(): void {
    if (this.inFlight > 0) return;
    for (const session of this.#sessions) session.close();
  }

  #dial(): Promise<void> {
    const dialing = this.#open().then(
      (session) => {
        this.#dialing = undefined;
        const calls = [...this.#waiting];
        this.#waiting.clear();
        for (const call of calls) if (!call.over) this.#runOrPlace(call, session);
        if (this.#closed) this.#closeIdle();
      },
      (error: unknown) => {
        this.#dialing = undefined;
        const failure: ForwardFailure = { kind: 'connect', error: error instanceof Error ? error : new Error(String(error)) };
        const calls = [...this.#waiting];
        for (const call of calls) call.fail(failure);
        throw failure.error;
      },
    );
    this.#dialing = dialing;
    return dialing;
  }

  #runOrPlace(call: StreamCall, session: H2Session): void {
    if (session.usable) call.run(session);
    else call.fail({ kind: 'closed', error: session.failure ?? new Error('connection closed') });
  }

  async #open(): Promise<H2Session> {
    const link = await this.#options.dial();
    const session: H2Session = new H2Session({
      link,
      params: this.#options.http2,
      timers: this.#options.timers,
      onUnusable: () => {
        if (this.#current === session) this.#current = undefined;
      },
      onClosed: () => this.#sessions.delete(session),
    });
    this.#sessions.add(session);
    this.#current = session;
    return session;
  }
}

/** One request's way: a stream of one session, or of the next one where the first said that it did not take it. */
class StreamCall implements Call, H2CallHost {
  over = false;
  readonly #upstream: H2Upstream;
  readonly #request: OutgoingRequest;
  readonly #listener: CallListener;
  #session: H2Session | undefined;
  #call: H2Call | undefined;
  #retried = false;

  constructor(upstream: H2Upstream, request: OutgoingRequest, listener: CallListener) {
    this.#upstream = upstream;
    this.#request = request;
    this.#listener = listener;
  }

  run(session: H2Session): void {
    this.#session = session;
    try {
      this.#call = new H2Call(session.request(this.#request), this.#request, this.#listener, this);
    } catch (error) {
      this.fail({ kind: 'protocol', error: error instanceof Error ? error : new Error(String(error)) });
      return;
    }
    this.#call.start();
  }

  reset(code: number): void {
    if (this.over) return;
    if (this.#call === undefined) this.callDone();
    else this.#call.abort(code);
  }

  fail(failure: ForwardFailure): void {
    if (this.over) return;
    this.callDone();
    this.#listener.failed(failure);
  }

  connectionFailure(): Error | undefined {
    return this.#session?.failure;
  }

  callDone(): void {
    if (this.over) return;
    this.over = true;
    this.#upstream.done(this);
  }

  callFailed(failure: ForwardFailure, unprocessed: boolean): void {
    const again = unprocessed && this.#session?.wentAway === true && !this.#retried && this.#request.replayable;
    if (!again) {
      this.fail(failure);
      return;
    }
    this.#retried = true;
    this.#call = undefined;
    this.#upstream.place(this);
  }
}
