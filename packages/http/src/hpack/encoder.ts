// Encodes fields to header blocks: RFC 7541 §6. What is put in the table is decided by the fields themselves: shared ones (seen at least
// twice) are, credentials never are and say so, everything else is written out.
import type { Field } from '../field/field.ts';
import { EncoderTable } from './encoder-table.ts';
import { huffmanEncode, huffmanLength } from './huffman.ts';
import { resolveStatic, STATIC_COUNT } from './static-table.ts';

export interface HpackEncoderOptions {
  /** Largest table used, whatever the peer allows, in bytes. Default 4096. */
  readonly maxTableBytes?: number;
  /** Writes strings in Huffman code where that is shorter. Costs both ends time for a quarter of the bytes. Default false. */
  readonly huffman?: boolean;
}

const WITH_INDEXING = 0x40;
const WITHOUT_INDEXING = 0x00;
const NEVER_INDEXED = 0x10;
/** Octets that two size updates can take. */
const SIZE_UPDATES_BYTES = 12;
/** Strings from this length on are written by the buffer, shorter ones by a loop, which is faster for them. */
const LONG_STRING = 40;

export class HpackEncoder {
  private readonly table: EncoderTable;
  private readonly maxTableBytes: number;
  private readonly huffman: boolean;
  private limit: number;
  /** The smallest limit since the last block, while a size update is due; else -1. RFC 7541 §4.2. */
  private smallest = -1;

  constructor(options: HpackEncoderOptions = {}) {
    this.maxTableBytes = options.maxTableBytes ?? 4096;
    this.huffman = options.huffman ?? false;
    this.limit = Math.min(4096, this.maxTableBytes);
    if (this.limit < 4096) this.smallest = this.limit;
    this.table = new EncoderTable(this.limit);
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; the next block says what is used of it. */
  setPeerLimit(bytes: number): void {
    const limit = Math.min(bytes, this.maxTableBytes);
    if (limit === this.limit) return;
    this.smallest = this.smallest < 0 ? limit : Math.min(this.smallest, limit);
    this.limit = limit;
    this.table.resize(limit);
  }

  /** Most octets that the block of a list can take. */
  bound(list: readonly Field[]): number {
    let bytes = SIZE_UPDATES_BYTES;
    for (let i = 0; i < list.length; i++) bytes += (list[i] as Field).size;
    return bytes;
  }

  /** Writes the block of a list at `pos`; returns the position after it. There must be room for `bound(list)` octets. */
  encode(list: readonly Field[], out: Buffer, pos: number): number {
    if (this.smallest >= 0) pos = this.sizeUpdates(out, pos);
    for (let i = 0; i < list.length; i++) pos = this.field(list[i] as Field, out, pos);
    return pos;
  }

  private field(field: Field, out: Buffer, pos: number): number {
    if (field.staticIndex < 0) resolveStatic(field);
    if (field.neverIndexed) return this.literal(NEVER_INDEXED, 0x0f, field, out, pos);
    if (field.staticIndex > 0) {
      out[pos] = 0x80 | field.staticIndex;
      return pos + 1;
    }
    if (field.id === 0) return this.literal(WITHOUT_INDEXING, 0x0f, field, out, pos);
    const position = this.table.position(field);
    if (position >= 0) return integer(0x80, 0x7f, position + STATIC_COUNT + 1, out, pos);
    if (!this.table.fits(field)) return this.literal(WITHOUT_INDEXING, 0x0f, field, out, pos);
    const end = this.literal(WITH_INDEXING, 0x3f, field, out, pos);
    this.table.insert(field);
    return end;
  }

  private literal(pattern: number, mask: number, field: Field, out: Buffer, pos: number): number {
    let name = field.staticName;
    if (name === 0) name = this.table.namePosition(field.name) + STATIC_COUNT + 1;
    if (name !== STATIC_COUNT) pos = integer(pattern, mask, name, out, pos);
    else {
      out[pos] = pattern;
      pos = this.string(field.name, out, pos + 1);
    }
    return this.string(field.value, out, pos);
  }

  private string(text: string, out: Buffer, pos: number): number {
    if (this.huffman) {
      const length = huffmanLength(text);
      if (length < text.length) return huffmanEncode(text, out, integer(0x80, 0x7f, length, out, pos));
    }
    pos = integer(0, 0x7f, text.length, out, pos);
    if (text.length >= LONG_STRING) return pos + out.write(text, pos, 'latin1');
    for (let i = 0; i < text.length; i++) out[pos++] = text.charCodeAt(i);
    return pos;
  }

  private sizeUpdates(out: Buffer, pos: number): number {
    if (this.smallest < this.limit) pos = integer(0x20, 0x1f, this.smallest, out, pos);
    this.smallest = -1;
    return integer(0x20, 0x1f, this.limit, out, pos);
  }
}

/** An integer with a prefix: RFC 7541 §5.1. */
function integer(pattern: number, mask: number, value: number, out: Uint8Array, pos: number): number {
  if (value < mask) {
    out[pos] = pattern | value;
    return pos + 1;
  }
  out[pos++] = pattern | mask;
  let rest = value - mask;
  while (rest >= 0x80) {
    out[pos++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[pos++] = rest;
  return pos;
}
