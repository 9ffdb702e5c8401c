// Flow control of what we send: RFC 9113 §5.2. Payload that does not fit into the peer's windows waits with its stream, in order; whoever
// sent it learns when it went, and grants its own source as much.
import type { Output } from './output.ts';
import { DEFAULT_FRAME_SIZE, DEFAULT_WINDOW, Flag, FrameType, MAX_WINDOW } from './protocol.ts';
import type { Http2Stream } from './stream.ts';

/** Waiting pieces smaller than this are copied, lest they keep a large buffer alive. */
const COMPACT_BYTES = 4096;

/** Told about streams that moved on. */
export interface SendFlowEvents<C> {
  /** All waiting payload went out; the trailers or the end that waited behind it are due. Comes before the `sent` of its last part. */
  emptied(stream: Http2Stream<C>): void;
  /** Waiting payload went out. */
  sent(stream: Http2Stream<C>, bytes: number): void;
  /** A DATA frame was written. */
  framed(): void;
}

export class SendFlow<C> {
  /** What the peer accepts on new streams, and in one frame. */
  initialWindow = DEFAULT_WINDOW;
  maxFrameSize = DEFAULT_FRAME_SIZE;
  /** Streams with waiting payload; null while there never was one. */
  private held: Set<Http2Stream<C>> | null = null;
  /** Those of them that only the connection's window holds back, in the order of their turns. */
  private blocked: Set<Http2Stream<C>> | null = null;
  private window = DEFAULT_WINDOW;
  private readonly output: Output;
  private readonly events: SendFlowEvents<C>;

  constructor(output: Output, events: SendFlowEvents<C>) {
    this.output = output;
    this.events = events;
  }

  /** Streams with waiting payload. */
  get waiting(): Iterable<Http2Stream<C>> {
    return this.held ?? [];
  }

  /** Writes payload; what does not fit waits. Returns how much was written now. */
  write(stream: Http2Stream<C>, bytes: Buffer, start: number, end: number, endStream: boolean, headroom: boolean): number {
    const length = end - start;
    if (stream.waiting !== null) {
      if (length > 0) this.wait(stream, bytes, start, end);
      if (endStream) stream.endsAfterWaiting = true;
      return 0;
    }
    const sent = Math.max(0, Math.min(length, this.window, stream.sendWindow));
    if (sent > 0 || (length === 0 && endStream)) this.frames(stream, bytes, start, start + sent, endStream && sent === length, headroom);
    if (sent < length) {
      this.wait(stream, bytes, start + sent, end);
      stream.endsAfterWaiting = endStream;
    }
    return sent;
  }

  /** WINDOW_UPDATE for one stream. False if the window overflows. */
  widen(stream: Http2Stream<C>, increment: number): boolean {
    if (stream.sendWindow + increment > MAX_WINDOW) return false;
    stream.sendWindow += increment;
    this.flush(stream);
    return true;
  }

  /** WINDOW_UPDATE for the connection. False if the window overflows. */
  widenConnection(increment: number): boolean {
    if (this.window + increment > MAX_WINDOW) return false;
    this.window += increment;
    this.flushBlocked();
    return true;
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE changed for all streams, maybe below zero. False if a window overflows. */
  rebase(streams: Iterable<Http2Stream<C>>, initialWindow: number): boolean {
    const change = initialWindow - this.initialWindow;
    this.initialWindow = initialWindow;
    for (const stream of streams) {
      if (stream.sendWindow + change > MAX_WINDOW) return false;
      stream.sendWindow += change;
    }
    if (change > 0) for (const stream of this.waiting) this.flush(stream);
    return true;
  }

  /** A stream is gone; what waits is dropped. */
  drop(stream: Http2Stream<C>): void {
    stream.waiting = null;
    stream.lastWaiting = null;
    stream.waitingTrailers = null;
    this.held?.delete(stream);
    this.blocked?.delete(stream);
  }

  /** Blocked streams take turns of one frame, so that none starves behind a large one. */
  private flushBlocked(): void {
    const { blocked } = this;
    if (blocked === null) return;
    for (const stream of blocked) {
      if (this.window <= 0) return;
      blocked.delete(stream);
      if (stream.sendWindow > 0) this.advance(stream, this.maxFrameSize);
      if (stream.waiting !== null && stream.sendWindow > 0) blocked.add(stream);
    }
  }

  private flush(stream: Http2Stream<C>): void {
    while (stream.waiting !== null && stream.sendWindow > 0 && this.window > 0) this.advance(stream, MAX_WINDOW);
    if (stream.waiting !== null && stream.sendWindow > 0) this.block(stream);
  }

  private block(stream: Http2Stream<C>): void {
    this.blocked ??= new Set();
    this.blocked.add(stream);
  }

  /** Sends of the first waiting piece what the windows and `most` allow. */
  private advance(stream: Http2Stream<C>, most: number): void {
    const piece = stream.waiting;
    if (piece === null) return;
    const sent = Math.min(piece.end - piece.start, this.window, stream.sendWindow, most);
    const from = piece.start;
    piece.start += sent;
    stream.stalledSince = 0;
    if (piece.start === piece.end) stream.waiting = piece.next;
    const emptied = stream.waiting === null;
    this.frames(stream, piece.bytes, from, from + sent, emptied && stream.endsAfterWaiting, false);
    if (emptied) {
      stream.lastWaiting = null;
      this.held?.delete(stream);
      this.events.emptied(stream);
    }
    this.events.sent(stream, sent);
  }

  private wait(stream: Http2Stream<C>, bytes: Buffer, start: number, end: number): void {
    const piece =
      end - start < COMPACT_BYTES
        ? { bytes: Buffer.from(bytes.subarray(start, end)), start: 0, end: end - start, next: null }
        : { bytes, start, end, next: null };
    if (stream.lastWaiting === null) {
      stream.waiting = piece;
      stream.stalledSince = 0;
      this.held ??= new Set();
      this.held.add(stream);
      if (stream.sendWindow > 0) this.block(stream);
    } else stream.lastWaiting.next = piece;
    stream.lastWaiting = piece;
  }

  private frames(stream: Http2Stream<C>, bytes: Buffer, start: number, end: number, endStream: boolean, headroom: boolean): void {
    const length = end - start;
    this.window -= length;
    stream.sendWindow -= length;
    let free = headroom;
    while (end - start > this.maxFrameSize) {
      const cut = start + this.maxFrameSize;
      this.output.frame(FrameType.data, 0, stream.id, bytes, start, cut, free);
      this.events.framed();
      start = cut;
      free = false;
    }
    this.output.frame(FrameType.data, endStream ? Flag.endStream : 0, stream.id, bytes, start, end, free);
    this.events.framed();
  }
}
