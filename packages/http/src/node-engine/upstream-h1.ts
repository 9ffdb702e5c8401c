// An upstream that speaks HTTP/1: a pool of connections by authority and target form (spec/proxy.md §4.2), dialled on demand.
import type { ForwardFailure, Link, UpstreamOptions } from '../exchange/engine.ts';
import type { EngineTimers } from '../exchange/timers.ts';
import { type CallHost, H1Call } from './h1-call.ts';
import { type LinkOwner, LinkReader } from './link-reader.ts';
import type { Call, CallingUpstream, CallListener, OutgoingRequest } from './sides.ts';

export interface H1UpstreamOptions extends UpstreamOptions {
  readonly timers: EngineTimers;
  readonly maxHeaderBytes: number;
}

const POOL_IDLE_MS = 3000;
const MAX_IDLE = 10_000;
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** What would break a request line apart. */
// eslint-disable-next-line no-control-regex -- control characters are the point
const UNSAFE = /[\u0000-\u0020\u007f]/;

export class H1Upstream implements CallingUpstream {
  readonly version = 'http/1';
  inFlight = 0;
  readonly #options: H1UpstreamOptions;
  /** Idle connections; the one used last is taken first. */
  readonly #idle = new Map<string, IdleConnection[]>();
  readonly #readers = new Set<LinkReader>();
  readonly #dialing = new Set<PooledCall>();
  #idleCount = 0;
  #closed = false;

  constructor(options: H1UpstreamOptions) {
    this.#options = options;
  }

  call(request: OutgoingRequest, listener: CallListener): Call {
    this.inFlight += 1;
    const call = new PooledCall(this, request, listener);
    if (this.#closed) {
      process.nextTick(() => call.fail({ kind: 'closed', error: new Error('upstream is closed') }));
      return call;
    }
    if (UNSAFE.test(request.head.method) || UNSAFE.test(request.head.path) || UNSAFE.test(request.head.authority ?? '')) {
      process.nextTick(() => call.fail({ kind: 'protocol', error: new Error('request line cannot be written in http/1') }));
      return call;
    }
    if (request.head.method === 'CONNECT' && !request.head.upgrade) {
      process.nextTick(() => call.fail({ kind: 'protocol', error: new Error('connect from http/2 is not carried over http/1') }));
      return call;
    }
    const key = poolKey(request);
    const idle = request.oneOff || request.head.upgrade ? undefined : this.#take(key);
    if (idle !== undefined) call.run(idle, true, this.#options.maxHeaderBytes);
    else this.dial(call);
    return call;
  }

  close(): void {
    this.#closed = true;
    for (const connections of this.#idle.values()) for (const connection of connections.slice()) connection.drop();
  }

  destroy(error?: Error): void {
    this.close();
    const failure: ForwardFailure = { kind: 'closed', error: error ?? new Error('upstream is destroyed') };
    const calls = [...this.#dialing];
    for (const call of calls) call.fail(failure);
    for (const reader of this.#readers) reader.link.destroy(error);
  }

  /** Opens a connection for a call, whether it is the first try or the one after a dead connection. */
  dial(call: PooledCall): void {
    this.#dialing.add(call);
    this.#open().then(
      (link) => {
        this.#dialing.delete(call);
        const reader = new LinkReader(link, { linkData: () => false, linkEnd: () => undefined, linkClosed: () => undefined });
        this.#readers.add(reader);
        link.once('close', () => this.#readers.delete(reader));
        if (call.over) link.destroy();
        else call.run(reader, false, this.#options.maxHeaderBytes);
      },
      (error: unknown) => {
        this.#dialing.delete(call);
        call.fail({ kind: 'connect', error: error instanceof Error ? error : new Error(String(error)) });
      },
    );
  }

  done(): void {
    this.inFlight -= 1;
  }

  /** Keeps a connection for the next request of the same key. */
  keep(reader: LinkReader, request: OutgoingRequest): void {
    if (this.#closed || this.#idleCount >= (this.#options.maxIdle ?? MAX_IDLE) || reader.link.destroyed) {
      reader.link.destroy();
      return;
    }
    const key = poolKey(request);
    const connections = this.#idle.get(key) ?? [];
    this.#idle.set(key, connections);
    this.#idleCount += 1;
    const connection = new IdleConnection(reader, () => {
      const at = connections.indexOf(connection);
      if (at < 0) return;
      connections.splice(at, 1);
      this.#idleCount -= 1;
      if (connections.length === 0 && this.#idle.get(key) === connections) this.#idle.delete(key);
    });
    connections.push(connection);
    connection.expireAfter(this.#options.poolIdleMs ?? POOL_IDLE_MS, this.#options.timers);
  }

  #take(key: string): LinkReader | undefined {
    const connections = this.#idle.get(key);
    for (let last = connections?.at(-1); last !== undefined; last = connections?.at(-1)) {
      const reader = last.take();
      if (reader !== undefined) return reader;
    }
    return undefined;
  }

  async #open(): Promise<Link> {
    return await this.#options.dial();
  }
}

function poolKey(request: OutgoingRequest): string {
  return `${request.head.form === 'absolute' ? 'absolute' : 'origin'} ${request.head.authority ?? ''}`;
}

/** A connection without a request: anything it says means that it is of no further use. */
class IdleConnection implements LinkOwner {
  readonly #reader: LinkReader;
  readonly #forget: () => void;
  #cancel: () => void = () => undefined;

  constructor(reader: LinkReader, forget: () => void) {
    this.#reader = reader;
    this.#forget = forget;
    reader.owner = this;
    reader.resume();
  }

  expireAfter(ms: number, timers: EngineTimers): void {
    this.#cancel = timers.after(ms, () => this.drop());
  }

  /** undefined: it died meanwhile. */
  take(): LinkReader | undefined {
    this.#cancel();
    this.#forget();
    if (!this.#reader.link.destroyed && !this.#reader.ended && this.#reader.link.writable) return this.#reader;
    this.#reader.link.destroy();
    return undefined;
  }

  drop(): void {
    this.#cancel();
    this.#forget();
    this.#reader.link.destroy();
  }

  linkData(): boolean {
    this.drop();
    return true;
  }

  linkEnd(): void {
    this.drop();
  }

  linkClosed(): void {
    this.drop();
  }
}

/** One request's way through the pool: at most two connections, the second when a reused one turned out dead. */
class PooledCall implements Call, CallHost {
  over = false;
  readonly #upstream: H1Upstream;
  readonly #request: OutgoingRequest;
  readonly #listener: CallListener;
  #reader: LinkReader | undefined;
  #call: H1Call | undefined;
  #reused = false;

  constructor(upstream: H1Upstream, request: OutgoingRequest, listener: CallListener) {
    this.#upstream = upstream;
    this.#request = request;
    this.#listener = listener;
  }

  run(reader: LinkReader, reused: boolean, maxHeaderBytes: number): void {
    this.#reader = reader;
    this.#reused = reused;
    this.#call = new H1Call({ reader, request: this.#request, listener: this.#listener, host: this, maxHeaderBytes });
    this.#call.start();
  }

  reset(): void {
    if (this.#finish()) this.#call?.abort();
  }

  fail(failure: ForwardFailure): void {
    if (this.#finish()) this.#listener.failed(failure);
  }

  callDone(reusable: boolean): void {
    if (!this.#finish() || this.#reader === undefined) return;
    if (reusable) this.#upstream.keep(this.#reader, this.#request);
    else this.#reader.link.destroy();
  }

  callFailed(failure: ForwardFailure, answered: boolean): void {
    const replay = this.#reused && !answered && failure.kind === 'closed' && this.#request.replayable && IDEMPOTENT.has(this.#request.head.method);
    if (replay && !this.over) this.#upstream.dial(this);
    else this.fail(failure);
  }

  #finish(): boolean {
    if (this.over) return false;
    this.over = true;
    this.#upstream.done();
    return true;
  }
}
