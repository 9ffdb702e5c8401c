// The lines before chunks: a size in hex and extensions, which are checked and dropped. RFC 9112 §7.1.
import { BYTE_CLASS, SEMICOLON, VALUE } from './byte-class.ts';
import { H1Error } from './h1-error.ts';
import type { H1Limits } from './limits.ts';

/** Thirteen hex digits stay below 2^53. */
const MAX_DIGITS = 13;

/** Of one message. */
export class ChunkLines {
  private readonly limits: H1Limits;
  private extensionBytes = 0;

  constructor(limits: H1Limits) {
    this.limits = limits;
  }

  checkLength(lineBytes: number): void {
    if (lineBytes > this.limits.maxChunkLineBytes) throw new H1Error('CHUNK_EXTENSION', `chunk line exceeds ${this.limits.maxChunkLineBytes} bytes`);
  }

  /** The size in the line `bytes[pos, end)`, without its CRLF. Throws `H1Error`. */
  readSize(bytes: Uint8Array, pos: number, end: number): number {
    let size = 0;
    let p = pos;
    for (; p < end; p++) {
      const digit = hexDigit(bytes[p] as number);
      if (digit < 0) break;
      size = size * 16 + digit;
    }
    if (p === pos || p - pos > MAX_DIGITS || (p < end && bytes[p] !== SEMICOLON)) throw new H1Error('CHUNK_SIZE', 'invalid chunk size');
    if (p < end) this.skipExtensions(bytes, p, end);
    return size;
  }

  private skipExtensions(bytes: Uint8Array, pos: number, end: number): void {
    this.checkLength(end - pos);
    this.extensionBytes += end - pos;
    if (this.extensionBytes > this.limits.maxExtensionBytes)
      throw new H1Error('CHUNK_EXTENSION', `chunk extensions exceed ${this.limits.maxExtensionBytes} bytes`);
    for (let p = pos; p < end; p++) {
      if (((BYTE_CLASS[bytes[p] as number] as number) & VALUE) === 0) throw new H1Error('CHUNK_EXTENSION', 'invalid byte in a chunk extension');
    }
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
