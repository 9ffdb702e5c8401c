// The one output buffer of a connection. Small things are copied into a slab, large payloads stand between slabs as they are.
import { FRAME_HEADER_BYTES } from './protocol.ts';

const MIN_SLAB_BYTES = 2048;
const MAX_SLAB_BYTES = 65536;
/** Copies this small are faster by a loop. */
const LOOP_BYTES = 64;

export class Output {
  /** Where the next octet goes: `slab[pos]`. Only valid after `reserve`. */
  slab: Buffer = EMPTY;
  pos = 0;
  private start = 0;
  private slabBytes = MIN_SLAB_BYTES;
  private readonly ready: Buffer[] = [];
  private taken = 0;
  private readyBytes = 0;
  private readonly copyBelowBytes: number;

  /** Payloads of at least `copyBelowBytes` are referred to, not copied. */
  constructor(copyBelowBytes: number) {
    this.copyBelowBytes = copyBelowBytes;
  }

  /** Octets not yet taken. */
  get bytes(): number {
    return this.readyBytes + this.pos - this.start;
  }

  /** Makes room for so many octets in one piece. */
  reserve(bytes: number): void {
    if (this.slab.length - this.pos >= bytes) return;
    if (this.slab.length > 0 && this.slabBytes < MAX_SLAB_BYTES) this.slabBytes *= 2;
    this.seal();
    this.slab = Buffer.allocUnsafe(Math.max(bytes, this.slabBytes));
    this.start = 0;
    this.pos = 0;
  }

  /** Writes a frame header. There must be room. */
  header(length: number, type: number, flags: number, id: number): void {
    this.pos = putHeader(this.slab, this.pos, length, type, flags, id);
  }

  /** Writes 32 bits. There must be room. */
  uint32(value: number): void {
    const { slab, pos } = this;
    slab[pos] = value >>> 24;
    slab[pos + 1] = value >>> 16;
    slab[pos + 2] = value >>> 8;
    slab[pos + 3] = value;
    this.pos = pos + 4;
  }

  /**
   * Writes a frame whose payload is `bytes[start, end)`. With `headroom` the nine octets before `start` belong to nobody any more, and a large
   * payload takes its header there.
   */
  frame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number, headroom: boolean): void {
    const length = end - start;
    if (length < this.copyBelowBytes) {
      this.reserve(FRAME_HEADER_BYTES + length);
      this.header(length, type, flags, id);
      this.copy(bytes, start, end);
      return;
    }
    if (headroom && start >= FRAME_HEADER_BYTES) {
      start -= FRAME_HEADER_BYTES;
      putHeader(bytes, start, length, type, flags, id);
    } else {
      this.reserve(FRAME_HEADER_BYTES);
      this.header(length, type, flags, id);
    }
    this.seal();
    this.push(bytes.subarray(start, end));
  }

  /** Copies octets. There must be room. */
  copy(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    const { slab, pos } = this;
    if (length <= LOOP_BYTES) for (let i = start, to = pos; i < end; i++, to++) slab[to] = bytes[i] as number;
    else bytes.copy(slab, pos, start, end);
    this.pos = pos + length;
  }

  /** The next piece to write to the peer, null when there is none. The caller owns it. */
  take(): Buffer | null {
    const { ready } = this;
    if (this.taken < ready.length) {
      const next = ready[this.taken++] as Buffer;
      this.readyBytes -= next.length;
      return next;
    }
    if (ready.length > 0) {
      ready.length = 0;
      this.taken = 0;
    }
    if (this.pos === this.start) return null;
    const next = this.slab.subarray(this.start, this.pos);
    this.start = this.pos;
    if (next.length * 4 < this.slabBytes && this.slabBytes > MIN_SLAB_BYTES) this.slabBytes /= 2;
    return next;
  }

  /** Gives the free rest of the slab up, for a connection that falls idle. */
  shrink(): void {
    if (this.pos !== this.start) return;
    this.slab = EMPTY;
    this.pos = 0;
    this.start = 0;
  }

  /** What was written so far becomes a piece of its own. */
  private seal(): void {
    if (this.pos === this.start) return;
    this.push(this.slab.subarray(this.start, this.pos));
    this.start = this.pos;
  }

  private push(piece: Buffer): void {
    this.ready.push(piece);
    this.readyBytes += piece.length;
  }
}

function putHeader(out: Buffer, pos: number, length: number, type: number, flags: number, id: number): number {
  out[pos] = length >>> 16;
  out[pos + 1] = length >>> 8;
  out[pos + 2] = length;
  out[pos + 3] = type;
  out[pos + 4] = flags;
  out[pos + 5] = id >>> 24;
  out[pos + 6] = id >>> 16;
  out[pos + 7] = id >>> 8;
  out[pos + 8] = id;
  return pos + FRAME_HEADER_BYTES;
}

const EMPTY: Buffer = Buffer.alloc(0);
