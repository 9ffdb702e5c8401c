// Length-prefixed messages: one flag byte, four length bytes, the message. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
import { RpcCode, RpcError } from './channel.ts';

export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** Takes chunks as they come and gives whole messages. Compression is never negotiated, so that a compressed message is an error. */
export class MessageReader {
  readonly #maxBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #wanted = 5;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Throws RpcError on a message that is too long or compressed. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    if (this.#buffered < this.#wanted) return [];
    let rest: Buffer = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    const messages: Buffer[] = [];
    this.#wanted = 5;
    while (rest.length >= 5) {
      if (rest[0] !== 0) throw new RpcError(RpcCode.INTERNAL, `a message has flags ${rest[0]}, compression was not negotiated`);
      const length = rest.readUInt32BE(1);
      if (length > this.#maxBytes) throw new RpcError(RpcCode.RESOURCE_EXHAUSTED, `a message of ${length} bytes exceeds ${this.#maxBytes}`);
      this.#wanted = 5 + length;
      if (rest.length < this.#wanted) break;
      messages.push(rest.subarray(5, this.#wanted));
      rest = rest.subarray(this.#wanted);
      this.#wanted = 5;
    }
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#buffered = rest.length;
    return messages;
  }

  /** Bytes of a message that is not complete. */
  get pending(): number {
    return this.#buffered;
  }
}
