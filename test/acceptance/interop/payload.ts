// Bodies whose every byte tells its place, so that what is lost, doubled or reordered changes the hash.
import { createHash } from 'node:crypto';
import { seeded } from '@weft/core';

const made = new Map<number, Buffer>();

/** Always the same bytes for the same length. */
export function payload(length: number): Buffer {
  let bytes = made.get(length);
  if (bytes === undefined) {
    const random = seeded(length);
    bytes = Buffer.alloc(length);
    // A block of noise and the number of each block: cheap, and no two blocks are alike.
    const block = Buffer.from(Array.from({ length: BLOCK }, () => Math.floor(random.next() * 256)));
    for (let at = 0; at < length; at += BLOCK) {
      block.writeUInt32BE(at);
      block.copy(bytes, at);
    }
    made.set(length, bytes);
  }
  return bytes;
}

const BLOCK = 1009;

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
