// The one place that touches Node's sockets: a connected byte stream with one owner, an output buffer, and back-pressure.
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Link } from '../exchange/engine.ts';
import { FILL_BYTES, type Flushable, type Flusher } from './flusher.ts';
import type { EngineShared } from './shared.ts';
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

/** Longer pieces are not copied together with others. */
const COPY_BYTES = 4096;

export class Wire implements Flushable, ChunkReader {
  // What every message looks at comes first, so that it lies together.
  readonly link: Link;
  owner: WireOwner;
  /** The peer ended its side. */
  ended = false;
  closed = false;
  private endAfter = false;
  private paused = false;
  private marked = false;
  private fill: Buffer | null = null;
  private filled = 0;
  private sent = 0;
  private full: Buffer[] | null = null;
  private readonly flusher: Flusher;
  /** Asked for bytes at each flush, instead of `text` and `bytes`. */
  source: WireSource | null = null;
  /** What it reads is kept by nobody but the wires that it is written to, so that it may be overwritten when they have it. */
  lends = false;
  /** The peer does not take what is written: produce no more until `wireDrained`. */
  congested = false;
  private readonly reuses: boolean;
  /** No socket: its writes may call its reader before they return, which a peer in the same process need not expect. */
  protected readonly deferred: boolean;
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
    this.reuses = link instanceof Socket && !(link instanceof TLSSocket);
    flusher.opened();
    // One side may end before the other: tunnels keep half-closed connections, and HTTP decides for itself.
    link.allowHalfOpen = true;
    link.on('error', (error: Error) => {
      this.error ??= error;
    });
    if (this.reuses) readWithoutBuffers(link as Socket, this);
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
    link.on('drain', () => {
      flusher.enter();
      try {
        this.congested = false;
        stalled.delete(this);
        this.owner.wireDrained();
      } finally {
        flusher.leave();
      }
    });
    link.on('close', () => this.onClose());
    if (link.destroyed) process.nextTick(() => this.onClose());
    // A link that was paused when it was accepted does not flow because somebody listens.
    link.resume();
  }

  get crowded(): boolean {
    return this.deferred || this.owner.crowded;
  }

  get writable(): boolean {
    return !this.closed && !this.endAfter && this.link.writable;
  }

  /** Appends latin1 text. */
  text(text: string): void {
    if (text.length > FILL_BYTES - this.filled) {
      if (text.length > FILL_BYTES) {
        this.whole(Buffer.from(text, 'latin1'));
        return;
      }
      this.cut();
    }
    this.fill ??= this.flusher.takeBuffer();
    this.filled += this.fill.latin1Write(text, this.filled);
    this.mark();
  }

  /** Appends bytes, which must not change until they are sent. */
  bytes(chunk: Uint8Array): void {
    if (chunk.length > COPY_BYTES) {
      this.whole(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      return;
    }
    if (chunk.length > FILL_BYTES - this.filled) this.cut();
    this.fill ??= this.flusher.takeBuffer();
    this.fill.set(chunk, this.filled);
    this.filled += chunk.length;
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
    this.marked = false;
    const { link, full, fill } = this;
    if (link.destroyed) {
      this.drop();
      return;
    }
    if (this.source !== null) this.pull(this.source);
    else if (full === null) {
      if (fill !== null && this.filled > this.sent) {
        const all = this.sent === 0 && this.filled === FILL_BYTES ? fill : fill.subarray(this.sent, this.filled);
        this.write(all);
      }
    } else {
      this.full = null;
      if (fill !== null && this.filled > this.sent) full.push(fill.subarray(this.sent, this.filled));
      link.cork();
      for (const part of full) this.write(part);
      link.uncork();
      if (!this.deferred && link.writableLength === 0) for (const part of full) this.flusher.written(part);
    }
    this.fill = null;
    this.filled = 0;
    this.sent = 0;
    if (fill !== null && this.reuses && link.writableLength === 0) this.flusher.giveBuffer(fill);
    if (this.endAfter && !link.writableEnded) link.end();
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
    this.drop();
    this.link.destroy(error);
  }

  /** Closes so that the peer sees a failure: a plain FIN would be the clean end of a message that lasts until the connection closes. */
  abort(): void {
    this.drop();
    const { link } = this;
    if (link instanceof Socket && this.reuses && !link.destroyed && !link.connecting) link.resetAndDestroy();
    else link.destroy();
  }

  private pull(source: WireSource): void {
    const first = source.takeOutput();
    if (first === null) return;
    const { link } = this;
    let next = source.takeOutput();
    if (next === null) {
      this.write(first);
      return;
    }
    link.cork();
    this.write(first);
    for (; next !== null; next = source.takeOutput()) this.write(next);
    link.uncork();
  }

  private write(bytes: Buffer): void {
    if (this.link.write(bytes) || this.congested) return;
    this.congested = true;
    if (!this.patient) this.stalled.add(this);
  }

  private whole(chunk: Buffer): void {
    this.full ??= [];
    if (this.fill !== null && this.filled > this.sent) this.full.push(this.fill.subarray(this.sent, this.filled));
    this.sent = this.filled;
    this.full.push(chunk);
    this.mark();
  }

  /** Begins another buffer. */
  private cut(): void {
    if (this.fill !== null && this.filled > this.sent) {
      this.full ??= [];
      this.full.push(this.fill.subarray(this.sent, this.filled));
    }
    this.fill = null;
    this.filled = 0;
    this.sent = 0;
  }

  private mark(): void {
    if (this.marked) return;
    this.marked = true;
    this.flusher.mark(this);
  }

  private drop(): void {
    this.fill = null;
    this.full = null;
    this.filled = 0;
    this.sent = 0;
  }

  private onClose(): void {
    if (this.closed) return;
    this.closed = true;
    this.stalled.delete(this);
    this.drop();
    this.flusher.closed();
    this.flusher.enter();
    try {
      this.owner.wireClosed(this.error);
    } finally {
      this.flusher.leave();
    }
  }
}

declare global {
  interface Buffer {
    /** Node's own, without the checks of `write`. Returns the bytes written. */
    latin1Write(text: string, offset: number): number;
  }
}
