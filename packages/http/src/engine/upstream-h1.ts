// An upstream that speaks HTTP/1: a pool of connections by authority and target form (spec/proxy.md §4.2), dialled on demand.
import type { ForwardFailure, Link, UpstreamOptions } from '../exchange/engine.ts';
import type { RequestHead } from '../exchange/head.ts';
import { ConnectionPool } from './connection-pool.ts';
import type { Call, WeftUpstream } from './ends.ts';
import { type ConnectionHost, H1UpstreamConnection } from './h1-upstream-connection.ts';
import type { EngineShared } from './shared.ts';

export interface H1UpstreamOptions extends UpstreamOptions {
  readonly shared: EngineShared;
}

const POOL_IDLE_MS = 3000;
const MAX_IDLE = 10_000;
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export class H1Upstream extends ConnectionPool implements WeftUpstream, ConnectionHost {
  readonly shared: EngineShared;
  private readonly dialer: UpstreamOptions['dial'];
  private readonly connections = new Set<H1UpstreamConnection>();
  /** Those that a connection is being opened for; null when there are none. */
  private dialing: Set<Call> | null = null;

  constructor(options: H1UpstreamOptions) {
    super(options.shared.idleClocks.of(options.poolIdleMs ?? POOL_IDLE_MS), options.maxIdle ?? MAX_IDLE);
    this.shared = options.shared;
    this.dialer = options.dial;
  }

  get version(): 'http/1' {
    return 'http/1';
  }

  start(call: Call): void {
    this.inFlight += 1;
    const { head } = call;
    if (this.closed) this.refuse(call, { kind: 'closed', error: new Error('upstream is closed') });
    else if (!isWritable(head)) this.refuse(call, { kind: 'protocol', error: new Error('request line cannot be written in http/1') });
    else {
      const connection = call.oneOff || head.upgrade ? undefined : this.takeIdle(head.form === 'absolute', head.authority ?? '');
      if (connection === undefined) this.dial(call);
      else {
        connection.reused = true;
        connection.begin(call);
      }
    }
  }

  cancel(call: Call): void {
    if (this.dialEnded(call)) this.inFlight -= 1;
  }

  close(): void {
    this.closeIdle();
  }

  destroy(error?: Error): void {
    this.close();
    const failure: ForwardFailure = { kind: 'closed', error: error ?? new Error('upstream is destroyed') };
    const waiting = this.dialing ?? [];
    this.dialing = null;
    for (const call of waiting) this.failed(call, failure);
    for (const connection of this.connections) connection.destroy(error);
  }

  connectionDone(connection: H1UpstreamConnection, reusable: boolean): void {
    this.inFlight -= 1;
    if (reusable && this.keepIdle(connection)) return;
    connection.destroy();
  }

  connectionFailed(connection: H1UpstreamConnection, call: Call, failure: ForwardFailure, answered: boolean): void {
    const again = connection.reused && !answered && failure.kind === 'closed' && call.replayable && IDEMPOTENT.has(call.head.method) && !this.closed;
    if (again) {
      call.unbound();
      this.dial(call);
    } else this.failed(call, failure);
  }

  connectionLost(connection: H1UpstreamConnection): void {
    this.forget(connection);
  }

  connectionClosed(connection: H1UpstreamConnection): void {
    this.connections.delete(connection);
    this.forget(connection);
  }

  /** Opens a connection for a call, whether it is the first try or the one after a dead connection. */
  private dial(call: Call): void {
    this.waits(call);
    this.open().then(
      (link) => this.dialled(call, link),
      (error: unknown) => {
        if (this.dialEnded(call)) this.failed(call, { kind: 'connect', error: error instanceof Error ? error : new Error(String(error)) });
      },
    );
  }

  private dialled(call: Call, link: Link): void {
    if (!this.dialEnded(call)) {
      link.on('error', () => undefined);
      link.destroy();
      return;
    }
    const connection = new H1UpstreamConnection(link, this, call.head);
    this.connections.add(connection);
    connection.begin(call);
  }

  private async open(): Promise<Link> {
    return await this.dialer();
  }

  /** Later, so that `forward` returns before it fails. */
  private refuse(call: Call, failure: ForwardFailure): void {
    this.waits(call);
    process.nextTick(() => {
      if (this.dialEnded(call)) this.failed(call, failure);
    });
  }

  private waits(call: Call): void {
    this.dialing ??= new Set();
    this.dialing.add(call);
  }

  /** False when nobody waits for it any more. */
  private dialEnded(call: Call): boolean {
    const { dialing } = this;
    if (dialing === null || !dialing.delete(call)) return false;
    if (dialing.size === 0) this.dialing = null;
    return true;
  }

  private failed(call: Call, failure: ForwardFailure): void {
    this.inFlight -= 1;
    call.failed(failure);
  }
}

/** What would break a request line apart. A head that came as HTTP/1 has been checked by its parser, but rules may have edited it. */
// eslint-disable-next-line no-control-regex -- control characters are the point
const UNSAFE = /[\u0000-\u0020\u007f]/;

function isWritable(head: RequestHead): boolean {
  return !UNSAFE.test(head.method) && !UNSAFE.test(head.path) && (head.authority === undefined || !UNSAFE.test(head.authority));
}
