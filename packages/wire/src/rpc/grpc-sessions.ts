// The HTTP/2 connections below a channel: made when needed, replaced when they die, never more often than the backoff allows.
// spec/proxy.md §5.3 (control-plane reconnect).
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Duplex } from 'node:stream';
import { type Backoff, type Clock, sleep } from '@weft/core';
import { RpcCode, RpcError } from './channel.ts';

/** One connection, in use by `active` calls. */
export interface Connection {
  readonly session: ClientHttp2Session;
  active: number;
  /** The peer answered on it. */
  answered: boolean;
}

export interface SessionsOptions {
  /** Gives a connected byte stream; with TLS the handshake is done. */
  readonly dial: (signal: AbortSignal) => Promise<Duplex>;
  /** Shown in errors. */
  readonly target: string;
  readonly connectTimeoutMs: number;
  readonly maxConnections: number;
  readonly backoff: Backoff;
  readonly clock: Clock;
}

const STREAM_WINDOW = 1024 * 1024;
const CONNECTION_WINDOW = 8 * 1024 * 1024;
/** In megabytes; Node's 10 would refuse streams that flow control already bounds. */
const SESSION_MEMORY_MB = 1000;

export class GrpcSessions {
  readonly #options: SessionsOptions;
  readonly #connections = new Set<Connection>();
  readonly #closing = new AbortController();
  #connecting: Promise<void> | undefined;
  /** The last attempt failed, or its connection ended before the peer answered. */
  #troubled = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** A connection with room for one more call, which is counted. Waits for the running attempt and shares its failure. */
  async acquire(): Promise<Connection> {
    for (;;) {
      if (this.#closing.signal.aborted) throw new RpcError(RpcCode.UNAVAILABLE, 'the channel is closed');
      const connection = this.#choose();
      if (connection) {
        connection.active++;
        return connection;
      }
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = undefined;
      });
      await this.#connecting;
    }
  }

  /** The peer sent a response head: the connection is good. */
  answered(connection: Connection): void {
    if (connection.answered) return;
    connection.answered = true;
    this.#troubled = false;
    this.#options.backoff.reset();
  }

  close(): void {
    this.#closing.abort(new RpcError(RpcCode.UNAVAILABLE, 'the channel is closed'));
    for (const { session } of this.#connections) session.destroy();
  }

  #choose(): Connection | undefined {
    let fullest: Connection | undefined;
    for (const connection of this.#connections) {
      const { session, active } = connection;
      if (session.closed || session.destroyed) continue;
      if (active < Math.max(1, session.remoteSettings.maxConcurrentStreams ?? Number.POSITIVE_INFINITY)) return connection;
      if (!fullest || active < fullest.active) fullest = connection;
    }
    // Beyond the limit Node queues the streams.
    return this.#connections.size >= this.#options.maxConnections ? fullest : undefined;
  }

  async #connect(): Promise<void> {
    const { clock, backoff, target, connectTimeoutMs } = this.#options;
    if (this.#troubled) await sleep(clock, backoff.next(), this.#closing.signal);
    this.#troubled = true;
    const timeout = new AbortController();
    const timer = clock.after(connectTimeoutMs, () => timeout.abort(new Error(`not connected within ${connectTimeoutMs} ms`)));
    const signal = AbortSignal.any([this.#closing.signal, timeout.signal]);
    try {
      const session = await openSession(this.#options.dial, signal);
      this.#add(session);
    } catch (error) {
      if (error instanceof RpcError) throw error;
      throw new RpcError(RpcCode.UNAVAILABLE, `no connection to ${target}: ${messageOf(error)}`, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  #add(session: ClientHttp2Session): void {
    const connection: Connection = { session, active: 0, answered: false };
    this.#connections.add(connection);
    session.once('close', () => this.#connections.delete(connection));
  }
}

/** Connects and waits for the peer's SETTINGS: a peer that does not speak HTTP/2 is no connection. */
async function openSession(dial: SessionsOptions['dial'], signal: AbortSignal): Promise<ClientHttp2Session> {
  const socket = await dialed(dial, signal);
  if (signal.aborted || socket.destroyed) {
    socket.destroy();
    throw reasonOf(signal) ?? new Error('the connection was closed at once');
  }
  // The origin is not used: every request names its authority. The scheme keeps Node from asking for ALPN.
  const session = connectHttp2('http://unused.invalid', {
    createConnection: () => socket,
    maxSessionMemory: SESSION_MEMORY_MB,
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
  });
  return new Promise((resolve, reject) => {
    let failure: unknown;
    // Stays for the life of the session: without a listener an error would be uncaught. Calls see it through their streams.
    session.on('error', (error) => {
      failure ??= error;
    });
    const onAbort = (): void => session.destroy();
    const onClose = (): void => {
      signal.removeEventListener('abort', onAbort);
      reject(reasonOf(signal) ?? failure ?? new Error('the connection was closed before HTTP/2 settings arrived'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    session.once('close', onClose);
    session.once('remoteSettings', () => {
      signal.removeEventListener('abort', onAbort);
      session.off('close', onClose);
      session.setLocalWindowSize(CONNECTION_WINDOW);
      resolve(session);
    });
  });
}

/** The dialed socket; one that comes after the abort is destroyed. */
function dialed(dial: SessionsOptions['dial'], signal: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(reasonOf(signal) ?? new Error('aborted'));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => signal.removeEventListener('abort', onAbort);
    void dial(signal).then(
      (socket) => {
        settle();
        if (signal.aborted) socket.destroy();
        resolve(socket);
      },
      (error: unknown) => {
        settle();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
    return undefined;
  });
}

function reasonOf(signal: AbortSignal): Error | undefined {
  const reason: unknown = signal.aborted ? signal.reason : undefined;
  return reason instanceof Error ? reason : undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
