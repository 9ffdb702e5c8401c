// Splits a connection's octets into frames, however they were cut: RFC 9113 §4.1 and §6.1. DATA passes through as it comes; other frames are
// given whole.
import { Http2Error } from './http2-error.ts';
import { DEFAULT_FRAME_SIZE, ErrorCode, Flag, FRAME_HEADER_BYTES, FrameType, PREFACE } from './protocol.ts';

/** Takes what was read. May throw `Http2Error`. */
export interface FrameSink {
  /** True once nothing more should be read. */
  readonly stopped: boolean;
  /** A whole frame that is not DATA; the octets are only valid during the call. */
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void;
  /** A DATA frame begins: `length` counts against the windows. */
  dataStart(id: number, length: number, endStream: boolean): void;
  /** So many octets of padding, the length octet included, belong to the DATA frame that began. */
  dataPadding(length: number): void;
  /** A part of its payload. `last`: the end of the payload, then maybe an empty part. */
  data(bytes: Buffer, start: number, end: number, last: boolean): void;
}

type State = 'preface' | 'header' | 'payload' | 'data-pad-length' | 'data' | 'data-padding';

export class FrameReader {
  private readonly sink: FrameSink;
  private readonly maxFrameSize: number;
  private state: State;
  /** Octets of the preface seen, or of a frame header kept. */
  private filled = 0;
  /** A frame header that came in parts. */
  private head: Buffer | null = null;
  private type = 0;
  private flags = 0;
  private id = 0;
  /** Octets of payload (then of padding) still to come. */
  private left = 0;
  private padding = 0;
  private partial: Buffer | null = null;

  constructor(sink: FrameSink, role: 'client' | 'server', maxFrameSize: number = DEFAULT_FRAME_SIZE) {
    this.sink = sink;
    this.maxFrameSize = maxFrameSize;
    this.state = role === 'server' ? 'preface' : 'header';
  }

  receive(bytes: Buffer): void {
    const end = bytes.length;
    let pos = 0;
    while (pos < end && !this.sink.stopped) {
      switch (this.state) {
        case 'header':
          pos = this.readHeader(bytes, pos, end);
          break;
        case 'data':
          pos = this.readData(bytes, pos, end);
          break;
        case 'payload':
          pos = this.readPayload(bytes, pos, end);
          break;
        case 'data-pad-length':
          this.padded(bytes[pos++] as number, bytes, pos);
          break;
        case 'data-padding':
          pos = this.skipPadding(pos, end);
          break;
        case 'preface':
          pos = this.readPreface(bytes, pos, end);
      }
    }
  }

  private readPreface(bytes: Buffer, pos: number, end: number): number {
    for (; pos < end && this.filled < PREFACE.length; pos++, this.filled++) {
      if (bytes[pos] !== PREFACE[this.filled]) throw new Http2Error(ErrorCode.protocolError, 'bad connection preface');
    }
    if (this.filled === PREFACE.length) {
      this.filled = 0;
      this.state = 'header';
    }
    return pos;
  }

  private readHeader(bytes: Buffer, pos: number, end: number): number {
    if (this.filled === 0 && end - pos >= FRAME_HEADER_BYTES) {
      this.begin(bytes, pos);
      return this.enter(bytes, pos + FRAME_HEADER_BYTES, end);
    }
    this.head ??= Buffer.allocUnsafe(FRAME_HEADER_BYTES);
    const { head } = this;
    while (pos < end && this.filled < FRAME_HEADER_BYTES) head[this.filled++] = bytes[pos++] as number;
    if (this.filled < FRAME_HEADER_BYTES) return pos;
    this.filled = 0;
    this.head = null;
    this.begin(head, 0);
    return this.enter(bytes, pos, end);
  }

  private begin(head: Buffer, at: number): void {
    this.left = ((head[at] as number) << 16) | ((head[at + 1] as number) << 8) | (head[at + 2] as number);
    this.type = head[at + 3] as number;
    this.flags = head[at + 4] as number;
    this.id = (((head[at + 5] as number) & 0x7f) << 24) | ((head[at + 6] as number) << 16) | ((head[at + 7] as number) << 8) | (head[at + 8] as number);
    if (this.left > this.maxFrameSize) throw new Http2Error(ErrorCode.frameSizeError, `a frame of ${this.left} octets`);
  }

  /** The frame after its header. */
  private enter(bytes: Buffer, pos: number, end: number): number {
    if (this.type !== FrameType.data) {
      if (end - pos < this.left) {
        this.state = 'payload';
        return pos;
      }
      const stop = pos + this.left;
      this.sink.frame(this.type, this.flags, this.id, bytes, pos, stop);
      return stop;
    }
    const isPadded = (this.flags & Flag.padded) !== 0;
    if (isPadded && this.left === 0) throw new Http2Error(ErrorCode.frameSizeError, 'a padded frame without pad length');
    this.sink.dataStart(this.id, this.left, (this.flags & Flag.endStream) !== 0);
    this.padding = 0;
    this.state = isPadded ? 'data-pad-length' : 'data';
    if (this.left === 0) {
      this.state = 'header';
      this.sink.data(bytes, pos, pos, true);
    }
    return pos;
  }

  private padded(length: number, bytes: Buffer, pos: number): void {
    this.left -= 1 + length;
    if (this.left < 0) throw new Http2Error(ErrorCode.protocolError, 'padding longer than its frame');
    this.padding = length;
    this.sink.dataPadding(length + 1);
    if (this.left === 0) {
      this.state = length > 0 ? 'data-padding' : 'header';
      this.sink.data(bytes, pos, pos, true);
    } else this.state = 'data';
  }

  private readData(bytes: Buffer, pos: number, end: number): number {
    const stop = Math.min(end, pos + this.left);
    this.left -= stop - pos;
    const last = this.left === 0;
    if (last) this.state = this.padding > 0 ? 'data-padding' : 'header';
    this.sink.data(bytes, pos, stop, last);
    return stop;
  }

  private skipPadding(pos: number, end: number): number {
    const stop = Math.min(end, pos + this.padding);
    this.padding -= stop - pos;
    if (this.padding === 0) this.state = 'header';
    return stop;
  }

  /** A frame that came in parts is put together. */
  private readPayload(bytes: Buffer, pos: number, end: number): number {
    this.partial ??= Buffer.allocUnsafe(this.left);
    const { partial } = this;
    const stop = Math.min(end, pos + this.left);
    bytes.copy(partial, partial.length - this.left, pos, stop);
    this.left -= stop - pos;
    if (this.left > 0) return stop;
    this.partial = null;
    this.state = 'header';
    this.sink.frame(this.type, this.flags, this.id, partial, 0, partial.length);
    return stop;
  }
}
