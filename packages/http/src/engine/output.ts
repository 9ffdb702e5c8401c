// What was written to a wire since it was last flushed: text and small pieces side by side in one buffer, longer ones as they are.

/** Longer pieces are not copied together with others. */
const COPY_BYTES = 4096;
const BUFFER_BYTES = 16 * 1024;

export class Output {
  private buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  private filled = 0;
  /** Where in the buffer begins what is not among the parts. */
  private taken = 0;
  private parts: Buffer[] | null = null;

  /** Appends latin1 text. */
  text(text: string): void {
    if (text.length > BUFFER_BYTES) {
      this.whole(Buffer.from(text, 'latin1'));
      return;
    }
    if (text.length > BUFFER_BYTES - this.filled) this.cut();
    this.filled += this.buffer.latin1Write(text, this.filled);
  }

  /** Appends bytes, which must not change until they are sent. */
  bytes(chunk: Uint8Array): void {
    if (chunk.length > COPY_BYTES) {
      this.whole(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      return;
    }
    if (chunk.length > BUFFER_BYTES - this.filled) this.cut();
    this.buffer.set(chunk, this.filled);
    this.filled += chunk.length;
  }

  /** All of it, if that is one piece. */
  takeWhole(): Buffer | null {
    return this.parts === null ? this.buffer.subarray(0, this.filled) : null;
  }

  takeParts(): readonly Buffer[] {
    return this.collect();
  }

  /** What was taken has left. */
  reset(): void {
    this.filled = 0;
    this.taken = 0;
    this.parts = null;
  }

  private whole(chunk: Buffer): void {
    this.collect().push(chunk);
  }

  /** Begins another buffer. */
  private cut(): void {
    this.collect();
    this.buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    this.filled = 0;
    this.taken = 0;
  }

  private collect(): Buffer[] {
    this.parts ??= [];
    if (this.filled > this.taken) this.parts.push(this.buffer.subarray(this.taken, this.filled));
    this.taken = this.filled;
    return this.parts;
  }
}

declare global {
  interface Buffer {
    /** Node's own, without the checks of `write`. Returns the bytes written. */
    latin1Write(text: string, offset: number): number;
  }
}
