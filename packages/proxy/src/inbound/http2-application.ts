// The HTTP/2 session to one port of the application: requests wait for it while it is connected to again and again, and are failed when that
// takes too long. HTTP/1 has no such thing: each of its requests learns at once that nobody listens. spec/proxy.md §6.3.
import {
  type Clock,
  type ExponentialBackoff,
  exponentialBackoff,
  FailfastQueue,
  formatReason,
  type QueueEntry,
  type QueueSource,
  type Random,
  type Reason,
  reason,
  reasonOf,
  sleep,
} from '@weft/core';
import type { Upstream } from '@weft/http';

export interface Http2Waiter extends QueueEntry {
  start(upstream: Upstream): void;
}

export interface Http2ApplicationOptions {
  /** Its address, as reasons show it. */
  readonly name: string;
  readonly upstream: Upstream;
  readonly capacity: number;
  readonly failfastMs: number;
  readonly backoff: ExponentialBackoff;
  /** How long it is tried after the last request. */
  readonly idleMs: number;
  readonly onFailed: (why: Reason) => void;
  readonly clock: Clock;
  readonly random: Random;
}

export class Http2Application implements QueueSource<Http2Waiter, Upstream> {
  readonly #options: Http2ApplicationOptions;
  readonly #queue: FailfastQueue<Http2Waiter, Upstream>;
  readonly #closing = new AbortController();
  #lastError: Reason | undefined;
  #usedAt = 0;
  #driving = false;

  constructor(options: Http2ApplicationOptions) {
    this.#options = options;
    this.#queue = new FailfastQueue({ ...options, source: this });
  }

  submit(waiter: Http2Waiter): void {
    this.#usedAt = this.#options.clock.now();
    if (this.#queue.shut && !this.ready) waiter.refuse(reason('APPLICATION_UNREACHABLE', this.#state()));
    else this.#queue.submit(waiter);
    if (this.#wanted) void this.#drive();
  }

  take(): Upstream | undefined {
    return this.ready ? this.#options.upstream : undefined;
  }

  start(waiter: Http2Waiter, upstream: Upstream): void {
    waiter.start(upstream);
  }

  /** Engines that cannot tell connect when a request comes. */
  get ready(): boolean {
    return this.#options.upstream.connected ?? true;
  }

  /** A connection that would come back here does so whenever it is made; nor does a program come to take HTTP/2 while it runs. */
  get hopeless(): Reason | undefined {
    const code = this.#lastError?.code;
    return code === 'CONNECTION_LOOP' || code === 'CONNECT_UNSUPPORTED' ? this.#lastError : undefined;
  }

  failfast(): Reason {
    return reason('FAILFAST', `${this.#state()} after ${this.#options.failfastMs} ms`);
  }

  /** Nothing waits for it, or is under way. */
  get idle(): boolean {
    return this.#queue.length === 0 && this.#options.upstream.inFlight === 0;
  }

  close(): void {
    this.#stop();
    this.#options.upstream.close();
  }

  destroy(error?: Error): void {
    this.#stop();
    this.#options.upstream.destroy(error);
  }

  #stop(): void {
    this.#closing.abort();
    this.#queue.clear(reason('DRAINING'));
  }

  #state(): string {
    const { name } = this.#options;
    return this.#lastError ? `${name}: not connected (${this.#lastError.code}: ${formatReason(this.#lastError)})` : `${name}: not connected`;
  }

  /** Somebody waits; or the gate is shut, which only a connection opens. */
  get #wanted(): boolean {
    if (this.#closing.signal.aborted || this.ready || this.hopeless) return false;
    return this.#queue.length > 0 || (this.#queue.shut && this.#options.clock.now() - this.#usedAt < this.#options.idleMs);
  }

  /** Never rejects. */
  async #drive(): Promise<void> {
    if (this.#driving) return;
    this.#driving = true;
    const { backoff, random, clock } = this.#options;
    const pauses = exponentialBackoff({ ...backoff, random });
    while (this.#wanted) {
      await this.#connect();
      this.#queue.pump();
      if (this.#wanted) await sleep(clock, pauses.next(), this.#closing.signal).catch(() => undefined);
    }
    this.#driving = false;
  }

  async #connect(): Promise<void> {
    try {
      await this.#options.upstream.connect?.();
      this.#lastError = undefined;
    } catch (error) {
      this.#lastError = reasonOf(error);
      this.#options.onFailed(this.#lastError);
    }
  }
}
