// From the bytes of a field as they stand on the wire to the field, without decoding them again. Direct-mapped and of fixed size: a
// collision only costs a decode.
import { digestOf, sameBytes } from './byte-runs.ts';
import type { Field } from './field.ts';

const KEY_BYTES = 128;

/** How the bytes of a key are to be read; keys of different codings never meet. */
export type ByteCoding = 1 | 2 | 3;
/** A value of HPACK as it is. */
export const PLAIN: ByteCoding = 1;
/** A value of HPACK in Huffman code. */
export const HUFFMAN: ByteCoding = 2;
/** A whole HTTP/1 field line without its CRLF. */
export const LINE: ByteCoding = 3;

export class ByteCache {
  private readonly mask: number;
  private readonly fields: (Field | null)[];
  /** Length of the key times four plus its coding; 0: empty. */
  private readonly tags: Uint16Array;
  private keys: Uint8Array | null = null;

  /** `slots` is a power of two. The keys take 128 bytes a slot. */
  constructor(slots: number) {
    this.mask = slots - 1;
    this.fields = Array.from({ length: slots }, () => null);
    this.tags = new Uint16Array(slots);
  }

  /** The field remembered for `bytes[start, end)`. `name` is the name it must have; null for whole lines. */
  find(coding: ByteCoding, name: string | null, bytes: Uint8Array, start: number, end: number): Field | null {
    const length = end - start;
    if (length > KEY_BYTES || this.keys === null) return null;
    const slot = this.slotOf(coding, name, bytes, start, end);
    if (this.tags[slot] !== length * 4 + coding) return null;
    const field = this.fields[slot] as Field | null;
    if (field === null || (name !== null && field.name !== name)) return null;
    return sameBytes(bytes, start, this.keys, slot * KEY_BYTES, length) ? field : null;
  }

  /** Remembers the field for these bytes, in place of what the slot held. */
  put(coding: ByteCoding, name: string | null, bytes: Uint8Array, start: number, end: number, field: Field): void {
    const length = end - start;
    if (length > KEY_BYTES) return;
    this.keys ??= new Uint8Array((this.mask + 1) * KEY_BYTES);
    const slot = this.slotOf(coding, name, bytes, start, end);
    this.tags[slot] = length * 4 + coding;
    this.fields[slot] = field;
    for (let i = start, k = slot * KEY_BYTES; i < end; i++, k++) this.keys[k] = bytes[i] as number;
  }

  private slotOf(coding: ByteCoding, name: string | null, bytes: Uint8Array, start: number, end: number): number {
    return digestOf(bytes, start, end, coding + (name === null ? 0 : name.length * 31 + name.charCodeAt(name.length - 1))) & this.mask;
  }
}
