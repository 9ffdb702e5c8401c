// A connection that never leaves this process: two ends that behave as TCP sockets do toward what reads and writes them.
// An application in the same process and the proxy talk over it, so that neither needs a port that others could connect to.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type Reason, ReasonError, type SocketAddress } from '@weft/core';

/** As much as a TCP socket reads ahead. */
const READ_AHEAD_BYTES = 64 * 1024;

const NOWHERE: SocketAddress = { ip: '127.0.0.1', port: 0 };

/** What `node:http` and undici expect of a socket, over memory. It keeps half-open ends, and never keeps the process alive. */
export class MemorySocket extends Duplex {
  readonly connecting = false;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily = 'IPv4';
  readonly localAddress: string;
  readonly localPort: number;
  readonly localFamily = 'IPv4';
  bytesRead = 0;
  bytesWritten = 0;
  /** Milliseconds without traffic after which `timeout` is emitted; 0: never. */
  timeout = 0;
  #refusal: Reason | undefined;
  #other: MemorySocket | undefined;
  /** The other end's write that waits until this one is read. */
  #waiting: ((error?: Error) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(allowHalfOpen: boolean, local: SocketAddress, remote: SocketAddress) {
    super({ allowHalfOpen, readableHighWaterMark: READ_AHEAD_BYTES });
    this.localAddress = local.ip;
    this.localPort = local.port;
    this.remoteAddress = remote.ip;
    this.remotePort = remote.port;
    // A connection may break before whoever it is for listens; `close` tells that as well.
    this.on('error', () => undefined);
  }

  join(other: MemorySocket): void {
    this.#other = other;
    other.#other = this;
  }

  /** The other end will break with this reason when this one is destroyed. */
  explain(why: Reason): void {
    this.#refusal = why;
  }

  override _read(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error) => void): void {
    const other = this.#other;
    if (!other || other.destroyed) return callback(broken('EPIPE', 'the other end is closed'));
    this.#active();
    other.#active();
    this.bytesWritten += chunk.length;
    other.bytesRead += chunk.length;
    // A writer may use its buffer again once the write is done.
    if (other.push(Buffer.from(chunk))) callback();
    else other.#waiting = callback;
  }

  override _final(callback: () => void): void {
    if (this.#other) this.#other.#ended();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    const other = this.#other;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (other) {
      if (this.#refusal) other.destroy(new ReasonError(this.#refusal));
      else if (error) other.destroy(broken('ECONNRESET', 'the other end was reset'));
      else other.#ended();
    }
    waiting?.(broken('EPIPE', 'the other end is closed'));
    callback(error);
  }

  setTimeout(timeoutMs: number, callback?: () => void): this {
    clearTimeout(this.#timer);
    this.timeout = timeoutMs;
    this.#timer = timeoutMs > 0 ? setTimeout(() => this.emit('timeout'), timeoutMs).unref() : undefined;
    if (callback) this.once('timeout', callback);
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  address(): { readonly address: string; readonly family: string; readonly port: number } {
    return { address: this.localAddress, family: this.localFamily, port: this.localPort };
  }

  #active(): void {
    this.#timer?.refresh();
  }

  #ended(): void {
    if (this.destroyed || this.readableEnded) return;
    this.push(null);
    // A socket learns of the end even while nobody reads it.
    this.read(0);
  }
}

export interface MemoryPair {
  /** What the proxy takes for a socket. */
  readonly proxy: Socket;
  readonly application: MemorySocket;
}

/** `allowHalfOpen`: whether the application ends its side itself when the proxy has ended. */
export function memoryPair(options: { readonly allowHalfOpen: boolean; readonly target?: SocketAddress; readonly accepts?: boolean }): MemoryPair {
  const target = options.target ?? NOWHERE;
  const [near, far] = options.accepts ? [target, NOWHERE] : [NOWHERE, target];
  const application = new MemorySocket(options.allowHalfOpen, near, far);
  const proxy = new MemorySocket(true, far, near);
  application.join(proxy);
  return { proxy: asSocket(proxy), application };
}

/** Node's class is the only name that its types have for "behaves as a socket". */
export function asSocket(end: MemorySocket): Socket {
  return end as unknown as Socket;
}

/** Lets an application in this process know why its connection is about to be closed. Says nothing on a real connection. */
export function explain(socket: Duplex, why: Reason): void {
  if (socket instanceof MemorySocket) socket.explain(why);
}

function broken(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}
