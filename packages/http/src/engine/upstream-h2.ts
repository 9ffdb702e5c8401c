// An upstream that speaks HTTP/2: one session at a time, dialled on demand and again after GOAWAY or loss (spec/proxy.md §4.5).
import type { ForwardFailure, UpstreamOptions } from '../exchange/engine.ts';
import type { Call, WeftUpstream } from './ends.ts';
import { type ClientHost, H2ClientConnection } from './h2-client-connection.ts';
import type { EngineShared } from './shared.ts';

export interface H2UpstreamOptions extends UpstreamOptions {
  readonly shared: EngineShared;
}

export class H2Upstream implements WeftUpstream, ClientHost {
  readonly version = 'http/2';
  inFlight = 0;
  private readonly options: H2UpstreamOptions;
  private readonly sessions = new Set<H2ClientConnection>();
  /** Calls that wait for the dial under way, and whether they were tried before. */
  private readonly waiting = new Map<Call, boolean>();
  private current: H2ClientConnection | null = null;
  private dialing: Promise<void> | null = null;
  private closed = false;

  constructor(options: H2UpstreamOptions) {
    this.options = options;
  }

  start(call: Call): void {
    this.inFlight += 1;
    if (this.closed) this.refuse(call, { kind: 'closed', error: new Error('upstream is closed') });
    else if (call.head.upgrade) this.refuse(call, { kind: 'protocol', error: new Error('http/2 carries no http/1 upgrade') });
    else this.place(call, false);
  }

  cancel(call: Call): void {
    let waited = this.waiting.delete(call);
    for (const session of this.sessions) waited ||= session.cancel(call);
    if (waited) this.callOver();
  }

  async connect(): Promise<void> {
    if (this.closed) throw new Error('upstream is closed');
    if (!this.connected) await (this.dialing ?? this.dial());
  }

  get connected(): boolean {
    return this.current?.usable === true;
  }

  close(): void {
    this.closed = true;
    this.closeIdle();
  }

  destroy(error?: Error): void {
    this.closed = true;
    this.failWaiting({ kind: 'closed', error: error ?? new Error('upstream is destroyed') });
    for (const session of this.sessions) session.destroy(error);
  }

  sessionUnusable(session: H2ClientConnection): void {
    if (this.current === session) this.current = null;
  }

  callOver(): void {
    this.inFlight -= 1;
    if (this.closed) this.closeIdle();
  }

  callAgain(call: Call): void {
    // Its first stream is counted out when it closes.
    this.inFlight += 1;
    this.place(call, true);
  }

  callUnsent(call: Call, retried: boolean): void {
    this.place(call, retried);
  }

  sessionClosed(session: H2ClientConnection): void {
    this.sessions.delete(session);
  }

  private place(call: Call, retried: boolean): void {
    if (this.current?.usable === true) return this.current.start(call, retried);
    this.waiting.set(call, retried);
    // The calls that wait learn of a failure by themselves.
    if (this.dialing === null) this.dial().catch(() => undefined);
  }

  private dial(): Promise<void> {
    const dialing = this.open().then(
      (session) => {
        this.dialing = null;
        const calls = [...this.waiting];
        this.waiting.clear();
        for (const [call, retried] of calls) this.run(session, call, retried);
        if (this.closed) this.closeIdle();
      },
      (error: unknown) => {
        this.dialing = null;
        const failure = error instanceof Error ? error : new Error(String(error));
        this.failWaiting({ kind: 'connect', error: failure });
        throw failure;
      },
    );
    this.dialing = dialing;
    return dialing;
  }

  private run(session: H2ClientConnection, call: Call, retried: boolean): void {
    if (session.usable) session.start(call, retried);
    else {
      this.inFlight -= 1;
      call.failed({ kind: 'closed', error: session.failure ?? new Error('connection closed') });
    }
  }

  private async open(): Promise<H2ClientConnection> {
    const link = await this.options.dial();
    const session = new H2ClientConnection(this, { link, shared: this.options.shared, params: this.options.http2 });
    this.sessions.add(session);
    this.current = session;
    return session;
  }

  private closeIdle(): void {
    if (this.inFlight > 0) return;
    for (const session of this.sessions) session.close();
  }

  private failWaiting(failure: ForwardFailure): void {
    const calls = [...this.waiting.keys()];
    this.waiting.clear();
    for (const call of calls) {
      this.inFlight -= 1;
      call.failed(failure);
    }
  }

  /** Later, so that `forward` returns before it fails. */
  private refuse(call: Call, failure: ForwardFailure): void {
    this.waiting.set(call, false);
    process.nextTick(() => {
      if (!this.waiting.delete(call)) return;
      this.inFlight -= 1;
      call.failed(failure);
    });
  }
}
