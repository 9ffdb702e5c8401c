// A connected byte stream with one owner, an output buffer, and back-pressure. TCP sockets are read and written under Node's streams.
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Link } from '../exchange/engine.ts';
import type { Flushable, Flusher } from './flusher.ts';
import type { Output } from './output.ts';
import type { EngineShared } from './shared.ts';
import { type HandleWriter, type SocketHandle, writeBytes, writeError, writeParts } from './socket-handle.ts';
import { type ChunkReader, readWithoutBuffers } from './socket-reads.ts';
import type { StalledWires } from './stalled-wires.ts';

export interface WireOwner {
  /** Many exchanges share the wire now. */
  readonly crowded: boolean;
  wireData(chunk: Buffer): void;
  /** The peer ended its side. */
  wireEnd(): void;
  /** What was written has left, after `congested`. */
  wireDrained(): void;
  /** Last call. */
  wireClosed(error: Error | undefined): void;
}

/** Produces what is to be written when the wire is flushed. */
export interface WireSource {
  /** The next bytes, null when there are no more. They must not change afterwards. */
  takeOutput(): Buffer | null;
}

/** Of wires whose owner is still to come, before anything can happen on them. */
export const NOBODY: WireOwner = {
  crowded: false,
  wireData: () => undefined,
  wireEnd: () => undefined,
  wireDrained: () => undefined,
  wireClosed: () => undefined,
};

export class Wire implements Flushable, ChunkReader, HandleWriter {
  // What every message looks at comes first, so that it lies together.
  /** What is read and written instead of the link's streams; null where there is none. */
  private readonly handle: SocketHandle | null;
  private readonly flusher: Flusher;
  owner: WireOwner;
  /** What was written since the last flush. */
  private output: Output | null = null;
  /** Asked for bytes at each flush, instead of `text` and `bytes`. */
  source: WireSource | null = null;
  private marked = false;
  private destroyed = false;
  private endAfter = false;
  /** The peer ended its side. */
  ended = false;
  private paused = false;
  /** Writes to the handle that have not left. */
  private pending = 0;
  /** What it reads is kept by nobody but the wires that it is written to, so that it may be overwritten when they have it. */
  lends = false;
  /** No socket: its writes may call its reader before they return, which a peer in the same process need not expect. */
  protected readonly deferred: boolean;
  readonly link: Link;
  closed = false;
  /** The peer does not take what is written: produce no more until `wireDrained`. */
  congested = false;
  private patient = false;
  private readonly stalled: StalledWires;
  error: Error | undefined;

  constructor(link: Link, owner: WireOwner, { flusher, stalled }: EngineShared) {
    this.link = link;
    this.owner = owner;
    this.flusher = flusher;
    this.stalled = stalled;
    // Node has given the bytes to the system when a write to a TCP socket leaves nothing pending.
    this.deferred = !(link instanceof Socket);
    flusher.opened();
    // One side may end before the other: tunnels keep half-closed connections, and HTTP decides for itself.
    link.allowHalfOpen = true;
    link.on('error', (error: Error) => {
      this.error ??= error;
    });
    // What somebody wrote before and is still to leave is in the stream: what comes after has to go the same way.
    this.handle = isPlain(link) && link.writableLength === 0 ? readWithoutBuffers(link, this) : null;
    this.learnOfDestruction();
    link.on('data', (chunk: Buffer) => this.take(chunk));
    link.on('end', () => {
      this.ended = true;
      flusher.enter();
      try {
        this.owner.wireEnd();
      } finally {
        flusher.leave();
      }
    });
    if (this.handle === null) link.on('drain', () => this.onDrain());
    link.on('close', () => this.onClose());
    // A link that was paused when it was accepted does not flow because somebody listens.
    link.resume();
  }

  get crowded(): boolean {
    return this.deferred || this.owner.crowded;
  }

  /** The link itself is not asked where there is a handle: it would have to be fetched. */
  get writable(): boolean {
    return !this.destroyed && !this.endAfter && (this.handle !== null || this.link.writable);
  }

  /** Appends latin1 text. */
  text(text: string): void {
    this.output ??= this.flusher.takeOutput();
    this.output.text(text);
    this.mark();
  }

  /** Appends bytes, which must not change until they are sent. */
  bytes(chunk: Uint8Array): void {
    this.output ??= this.flusher.takeOutput();
    this.output.bytes(chunk);
    this.mark();
  }

  take(chunk: Buffer): boolean {
    const { flusher, lends } = this;
    if (lends) flusher.lend(chunk);
    flusher.enter();
    try {
      this.owner.wireData(chunk);
    } finally {
      flusher.leave();
    }
    return lends && flusher.takeBack(chunk);
  }

  flush(): void {
    const { output } = this;
    this.marked = false;
    this.output = null;
    if (this.destroyed) return;
    if (this.source !== null) this.pull(this.source);
    else if (output !== null) this.send(output);
    if (this.endAfter && !this.link.writableEnded) this.link.end();
  }

  /** A write to the handle has come to its end. */
  wrote(status: number): void {
    this.pending -= 1;
    if (status < 0) this.destroy(writeError(status));
    else if (this.pending === 0) this.onDrain();
  }

  /** The source may have something. */
  touch(): void {
    this.mark();
  }

  pause(): void {
    this.paused = true;
    this.link.pause();
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.link.destroyed) this.link.resume();
  }

  /** From now on its peer may leave bytes unread for as long as it likes: a tunnel. */
  beTunnel(): void {
    this.patient = true;
    this.stalled.delete(this);
  }

  /** Ends this side after what was written. */
  end(): void {
    if (this.endAfter) return;
    this.endAfter = true;
    this.mark();
  }

  destroy(error?: Error): void {
    this.output = null;
    this.link.destroy(error);
  }

  /** Closes so that the peer sees a failure: a plain FIN would be the clean end of a message that lasts until the connection closes. */
  abort(): void {
    this.output = null;
    const { link } = this;
    if (isPlain(link) && !link.destroyed && !link.connecting) link.resetAndDestroy();
    else link.destroy();
  }

  /** Its `close` comes after other events, which would write to it. */
  private learnOfDestruction(): void {
    const { link } = this;
    if (link.destroyed) {
      this.destroyed = true;
      process.nextTick(() => this.onClose());
      return;
    }
    const { _destroy: nodes } = link;
    link._destroy = (error, done) => {
      this.destroyed = true;
      nodes.call(link, error, done);
    };
  }

  private send(output: Output): void {
    const whole = output.takeWhole();
    if (whole !== null) {
      if (whole.length > 0) this.write(whole);
    } else {
      const parts = output.takeParts();
      this.writeAll(parts);
      if (!this.deferred && this.drained) for (const part of parts) this.flusher.written(part);
    }
    if (this.handle !== null && this.pending === 0) this.flusher.giveOutput(output);
  }

  private pull(source: WireSource): void {
    const first = source.takeOutput();
    if (first === null) return;
    let next = source.takeOutput();
    if (next === null) {
      this.write(first);
      return;
    }
    const parts = [first];
    for (; next !== null; next = source.takeOutput()) parts.push(next);
    this.writeAll(parts);
  }

  private write(bytes: Buffer): void {
    if (this.handle !== null) this.handed(writeBytes(this.handle, bytes, this));
    else if (!this.link.write(bytes)) this.clog();
  }

  private writeAll(parts: readonly Buffer[]): void {
    if (this.handle !== null) {
      this.handed(writeParts(this.handle, parts, this));
      return;
    }
    this.link.cork();
    for (const part of parts) this.write(part);
    this.link.uncork();
  }

  private handed(result: number): void {
    if (result === 0) return;
    if (result < 0) this.destroy(writeError(result));
    else {
      this.pending += 1;
      this.clog();
    }
  }

  private clog(): void {
    if (this.congested) return;
    this.congested = true;
    if (!this.patient) this.stalled.add(this);
  }

  /** Whether all that was written has been given to the system. */
  private get drained(): boolean {
    return this.handle === null ? this.link.writableLength === 0 : this.pending === 0;
  }

  private onDrain(): void {
    const { flusher } = this;
    flusher.enter();
    try {
      this.congested = false;
      this.stalled.delete(this);
      this.owner.wireDrained();
    } finally {
      flusher.leave();
    }
  }

  private mark(): void {
    if (this.marked) return;
    this.marked = true;
    this.flusher.mark(this);
  }

  private onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.stalled.delete(this);
    this.output = null;
    this.flusher.closed();
    this.flusher.enter();
    try {
      this.owner.wireClosed(this.error);
    } finally {
      this.flusher.leave();
    }
  }
}

/** Without TLS. */
function isPlain(link: Link): link is Socket {
  return link instanceof Socket && !(link instanceof TLSSocket);
}
