// A connected byte stream with one owner, an output buffer, and back-pressure. TCP sockets are read and written under Node's streams.
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Link } from '../exchange/engine.ts';
import type { Flushable } from './flusher.ts';
import type { Output } from './output.ts';
import { NOWHERE } from './places.ts';
import type { EngineShared } from './shared.ts';
import { type HandleWriter, type SocketHandle, writeBytes, writeError, writeParts } from './socket-handle.ts';
import { type ChunkReader, readWithoutBuffers } from './socket-reads.ts';
import { States } from './states.ts';
import type { WireOwner, WireSource } from './wire-owner.ts';

// A wire's states.
/** Written to since the last flush. */
const MARKED = 1;
const DESTROYED = 2;
/** Ends this side when all has been written. */
const END_AFTER = 4;
/** The peer ended its side. */
const ENDED = 8;
const PAUSED = 16;
const LENDS = 32;
/** No socket: its writes may call its reader before they return, which a peer in the same process need not expect. */
export const DEFERRED = 64;
const CLOSED = 128;
const CONGESTED = 256;
/** Its peer may leave bytes unread for as long as it likes. */
const PATIENT = 512;
/** The first of those that a kind of wire may add. */
export const FIRST_OWN_STATE = 1024;

export class Wire extends States implements Flushable, ChunkReader, HandleWriter {
  // What every message looks at comes first, so that it lies together.
  /** What is read and written instead of the link's streams; null where there is none. */
  private readonly handle: SocketHandle | null;
  protected readonly shared: EngineShared;
  owner: WireOwner;
  /** Where what was written since the last flush is. */
  private output = NOWHERE;
  /** Asked for bytes at each flush, instead of `text` and `bytes`. */
  source: WireSource | null = null;
  /** Writes to the handle that have not left. */
  private pending = 0;
  readonly link: Link;
  error: Error | undefined;

  constructor(link: Link, owner: WireOwner, shared: EngineShared) {
    super();
    this.link = link;
    this.owner = owner;
    this.shared = shared;
    const { flusher } = shared;
    // Node has given the bytes to the system when a write to a TCP socket leaves nothing pending.
    this.be(DEFERRED, !(link instanceof Socket));
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
      this.be(ENDED, true);
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
    return this.is(DEFERRED) || this.owner.crowded;
  }

  /** The peer ended its side. */
  get ended(): boolean {
    return this.is(ENDED);
  }

  get closed(): boolean {
    return this.is(CLOSED);
  }

  /** The peer does not take what is written: produce no more until `wireDrained`. */
  get congested(): boolean {
    return this.is(CONGESTED);
  }

  /** The link itself is not asked where there is a handle: it would have to be fetched. */
  get writable(): boolean {
    return !this.is(DESTROYED | END_AFTER) && (this.handle !== null || this.link.writable);
  }

  /** Appends latin1 text. */
  text(text: string): void {
    this.filled().text(text);
    this.mark();
  }

  /** Appends bytes, which must not change until they are sent. */
  bytes(chunk: Uint8Array): void {
    this.filled().bytes(chunk);
    this.mark();
  }

  /** What it reads is kept by nobody but the wires that it is written to, so that it may be overwritten when they have it. */
  lend(): void {
    this.be(LENDS, true);
  }

  take(chunk: Buffer): boolean {
    const { flusher } = this.shared;
    const lends = this.is(LENDS);
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
    const output = this.takeOutput();
    this.be(MARKED, false);
    if (this.is(DESTROYED)) return;
    if (this.source !== null) this.pull(this.source);
    else if (output !== undefined) this.send(output);
    if (this.is(END_AFTER) && !this.link.writableEnded) this.link.end();
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
    this.be(PAUSED, true);
    this.link.pause();
  }

  resume(): void {
    if (!this.is(PAUSED)) return;
    this.be(PAUSED, false);
    if (!this.link.destroyed) this.link.resume();
  }

  /** From now on its peer may leave bytes unread for as long as it likes: a tunnel. */
  beTunnel(): void {
    this.be(PATIENT, true);
    this.shared.stalled.delete(this);
  }

  /** Ends this side after what was written. */
  end(): void {
    if (this.is(END_AFTER)) return;
    this.be(END_AFTER, true);
    this.mark();
  }

  destroy(error?: Error): void {
    this.takeOutput();
    this.link.destroy(error);
  }

  /** Closes so that the peer sees a failure: a plain FIN would be the clean end of a message that lasts until the connection closes. */
  abort(): void {
    this.takeOutput();
    const { link } = this;
    if (isPlain(link) && !link.destroyed && !link.connecting) link.resetAndDestroy();
    else link.destroy();
  }

  /** What is filled until the next flush. */
  private filled(): Output {
    const { flusher } = this.shared;
    if (this.output === NOWHERE) this.output = flusher.openOutput();
    return flusher.outputs.at(this.output) as Output;
  }

  /** What was written since the last flush is the caller's. */
  private takeOutput(): Output | undefined {
    const { output } = this;
    if (output === NOWHERE) return undefined;
    this.output = NOWHERE;
    return this.shared.flusher.outputs.take(output);
  }

  /** Its `close` comes after other events, which would write to it. */
  private learnOfDestruction(): void {
    const { link } = this;
    if (link.destroyed) {
      this.be(DESTROYED, true);
      process.nextTick(() => this.onClose());
      return;
    }
    const { _destroy: nodes } = link;
    link._destroy = (error, done) => {
      this.be(DESTROYED, true);
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
      if (!this.is(DEFERRED) && this.drained) for (const part of parts) this.shared.flusher.written(part);
    }
    if (this.handle !== null && this.pending === 0) this.shared.flusher.giveOutput(output);
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
    if (this.is(CONGESTED)) return;
    this.be(CONGESTED, true);
    if (!this.is(PATIENT)) this.shared.stalled.add(this);
  }

  /** Whether all that was written has been given to the system. */
  private get drained(): boolean {
    return this.handle === null ? this.link.writableLength === 0 : this.pending === 0;
  }

  private onDrain(): void {
    const { flusher } = this.shared;
    flusher.enter();
    try {
      this.be(CONGESTED, false);
      this.shared.stalled.delete(this);
      this.owner.wireDrained();
    } finally {
      flusher.leave();
    }
  }

  private mark(): void {
    if (this.is(MARKED)) return;
    this.be(MARKED, true);
    this.shared.flusher.mark(this);
  }

  private onClose(): void {
    if (this.is(CLOSED)) return;
    this.be(CLOSED, true);
    this.shared.stalled.delete(this);
    this.takeOutput();
    this.shared.flusher.closed();
    this.shared.flusher.enter();
    try {
      this.owner.wireClosed(this.error);
    } finally {
      this.shared.flusher.leave();
    }
  }
}

/** Without TLS. */
function isPlain(link: Link): link is Socket {
  return link instanceof Socket && !(link instanceof TLSSocket);
}
