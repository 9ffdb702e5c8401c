// Flow control of what we receive: RFC 9113 §5.2 and §6.9. Every octet delivered must be granted again by whoever took it; grants are
// collected and announced when half of a window is due, so that a fast reader costs few WINDOW_UPDATE frames.

import type { Output } from './output.ts';
import { DEFAULT_WINDOW, FrameType } from './protocol.ts';
import type { Http2Stream } from './stream.ts';

export class ReceiveFlow<C> {
  /** What the peer may still send on the connection. */
  private window: number;
  private credit = 0;
  private readonly output: Output;
  private streamStep: number;
  private connectionStep: number;
  /** What the window is when everything was granted. */
  private connectionWindow: number;

  constructor(output: Output, streamWindow: number, connectionWindow: number) {
    this.output = output;
    this.window = Math.max(DEFAULT_WINDOW, connectionWindow);
    this.connectionWindow = this.window;
    this.streamStep = Math.max(1, streamWindow >> 1);
    this.connectionStep = this.window >> 1;
  }

  /** The first WINDOW_UPDATE of a connection: everything over the protocol's default. */
  announce(): void {
    if (this.window > DEFAULT_WINDOW) this.update(0, this.window - DEFAULT_WINDOW);
  }

  /** Makes room for more, if it is more: streams were told in another way. */
  widen(streamWindow: number, connectionWindow: number): void {
    this.streamStep = Math.max(1, streamWindow >> 1);
    const more = connectionWindow - this.connectionWindow;
    if (more <= 0) return;
    this.window += more;
    this.connectionWindow = connectionWindow;
    this.connectionStep = connectionWindow >> 1;
    this.update(0, more);
  }

  /** A DATA frame of this length came. False if it is more than the connection's window. */
  charge(length: number): boolean {
    this.window -= length;
    return this.window >= 0;
  }

  /** The same for its stream. */
  chargeStream(stream: Http2Stream<C>, length: number): boolean {
    stream.receiveWindow -= length;
    return stream.receiveWindow >= 0;
  }

  /** Octets that were delivered on a stream are consumed. */
  grant(stream: Http2Stream<C>, bytes: number): void {
    const granted = Math.min(bytes, stream.held);
    stream.held -= granted;
    this.grantConnection(granted);
    this.grantStream(stream, granted);
  }

  /** Octets of a stream that nobody takes: padding. */
  grantStream(stream: Http2Stream<C>, bytes: number): void {
    if (stream.remoteEnded || stream.reset) return;
    stream.credit += bytes;
    if (stream.credit < this.streamStep) return;
    stream.receiveWindow += stream.credit;
    this.update(stream.id, stream.credit);
    stream.credit = 0;
  }

  /** Octets that belong to no stream any more. */
  grantConnection(bytes: number): void {
    this.credit += bytes;
    if (this.credit < this.connectionStep) return;
    this.window += this.credit;
    this.update(0, this.credit);
    this.credit = 0;
  }

  /** A stream was reset: what it holds is nobody's any more. */
  release(stream: Http2Stream<C>): void {
    const { held } = stream;
    stream.held = 0;
    if (held > 0) this.grantConnection(held);
  }

  private update(id: number, increment: number): void {
    this.output.reserve(13);
    this.output.header(4, FrameType.windowUpdate, 0, id);
    this.output.uint32(increment);
  }
}
