// The HTTP/2 connections to one place: made when needed, replaced when they die, never more often than the backoff allows.
// spec/proxy.md §5.3 (control-plane reconnect).
import { type Backoff, type Clock, type ExponentialBackoff, exponentialBackoff, type Random, sleep } from '@weft/core';
import { RpcCode, RpcError } from './channel.ts';
import { GrpcConnection, type KeepAlive } from './grpc-connection.ts';
import type { Caller, Lease, Leases } from './lease.ts';
import { type Dial, openSession } from './open-session.ts';

export interface SessionsOptions {
  readonly dial: Dial;
  /** Shown in errors. */
  readonly target: string;
  readonly connectTimeoutMs: number;
  readonly maxConnections: number;
  readonly backoff: ExponentialBackoff;
  readonly keepAlive?: KeepAlive | undefined;
  readonly clock: Clock;
  readonly random?: Random | undefined;
  /** Connections or the room on them changed. Default: nobody wants to know. */
  readonly changed?: (() => void) | undefined;
}

export class GrpcSessions implements Leases {
  readonly #options: SessionsOptions;
  readonly #backoff: Backoff;
  readonly #connections = new Set<GrpcConnection>();
  readonly #closing = new AbortController();
  #connecting: Promise<void> | undefined;
  /** The last attempt failed, or its connection ended before it proved good. */
  #troubled = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#backoff = exponentialBackoff({ ...options.backoff, ...(options.random && { random: options.random }) });
  }

  /** Waits for the running attempt and shares its failure. */
  async acquire(_caller: Caller): Promise<Lease> {
    for (;;) {
      if (this.#closing.signal.aborted) throw closed();
      const lease = this.take();
      if (lease) return lease;
      await this.connect();
    }
  }

  get waitsFor(): string {
    return `a connection to ${this.#options.target}`;
  }

  /** A connection that can take a call now. */
  take(): Lease | undefined {
    return this.#choose()?.lease(this.#onAnswered);
  }

  /** Whether `take` would give something. */
  get ready(): boolean {
    return this.#choose() !== undefined;
  }

  /** One attempt to connect, shared by all who ask meanwhile; waits before it where the last one went wrong. */
  connect(): Promise<void> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  /** Takes no more calls; each connection is closed when its last call has ended. */
  drain(): void {
    this.#closing.abort(closed());
    for (const { session } of this.#connections) session.close();
  }

  close(): void {
    this.#closing.abort(closed());
    for (const { session } of this.#connections) session.destroy();
  }

  /** Connections that are open or being closed. */
  get size(): number {
    return this.#connections.size;
  }

  #choose(): GrpcConnection | undefined {
    let fullest: GrpcConnection | undefined;
    for (const connection of this.#connections) {
      if (!connection.open) continue;
      if (!connection.full) return connection;
      if (!fullest || connection.active < fullest.active) fullest = connection;
    }
    // Beyond the limit Node queues the streams.
    return this.#connections.size >= this.#options.maxConnections ? fullest : undefined;
  }

  readonly #onAnswered = (connection: GrpcConnection): void => {
    if (connection.answered) return;
    connection.answered = true;
    this.#recovered();
  };

  #recovered(): void {
    this.#troubled = false;
    this.#backoff.reset();
  }

  async #connect(): Promise<void> {
    const { clock, dial, target, connectTimeoutMs } = this.#options;
    if (this.#troubled) await sleep(clock, this.#backoff.next(), this.#closing.signal);
    const timeout = new AbortController();
    const timer = clock.after(connectTimeoutMs, () => timeout.abort(new Error(`not connected within ${connectTimeoutMs} ms`)));
    const signal = AbortSignal.any([this.#closing.signal, timeout.signal]);
    try {
      this.#add(await openSession(dial, signal));
    } catch (error) {
      this.#troubled = true;
      if (error instanceof RpcError) throw error;
      throw new RpcError(RpcCode.UNAVAILABLE, `no connection to ${target}: ${messageOf(error)}`, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  #add(session: GrpcConnection['session']): void {
    const { clock, keepAlive, backoff } = this.#options;
    const connection = new GrpcConnection({ session, clock, keepAlive, changed: () => this.#options.changed?.() });
    this.#connections.add(connection);
    session.once('close', () => {
      this.#connections.delete(connection);
      // One that lived long was good, even if nobody used it.
      if (clock.now() - connection.openedAt >= backoff.maxMs) this.#recovered();
      else if (!connection.answered) this.#troubled = true;
      this.#options.changed?.();
    });
  }
}

function closed(): RpcError {
  return new RpcError(RpcCode.UNAVAILABLE, 'the channel is closed');
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
