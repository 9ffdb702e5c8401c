// Decodes header blocks to fields: RFC 7541 §3 and §6. Bounded: a list over its limits is decoded on, because the table must follow, but
// no longer collected.
import { HUFFMAN, PLAIN } from '../field/byte-cache.ts';
import { Field } from '../field/field.ts';
import type { FieldTable } from '../field/table.ts';
import { DynamicTable } from './dynamic-table.ts';
import { HpackError } from './hpack-error.ts';
import { decodedBound, huffmanDecode } from './huffman.ts';
import { STATIC_COUNT, staticFields } from './static-table.ts';

export interface HpackDecoderOptions {
  /** Shared fields; decoded strings are looked up there. */
  readonly fields: FieldTable;
  /** Most octets of a decoded list, each field counted with 32 more. Default 128 KiB. */
  readonly maxListBytes?: number;
  /** Most fields of a list. Default 1024. */
  readonly maxListFields?: number;
}

/** Why a list was not collected. */
export interface ListExcess {
  bytes: number;
  fields: number;
  largestName: string;
  largestBytes: number;
}

/** The size of a table before anything was agreed: RFC 9113 §6.5.2. */
export const DEFAULT_TABLE_BYTES = 4096;

/** Bits of an integer after its prefix: enough for any length a bounded block can hold. */
const MAX_SHIFT = 21;

export class HpackDecoder {
  /** Set when the last block went over a limit; what `decode` returned then is incomplete. */
  excess: ListExcess | null = null;
  private readonly fields: FieldTable;
  private readonly table = new DynamicTable(DEFAULT_TABLE_BYTES);
  private readonly maxListBytes: number;
  private readonly maxListFields: number;
  private maxTableBytes = DEFAULT_TABLE_BYTES;
  private bytes: Buffer = NOTHING;
  private pos = 0;
  private end = 0;

  constructor(options: HpackDecoderOptions) {
    this.fields = options.fields;
    this.maxListBytes = options.maxListBytes ?? 128 * 1024;
    this.maxListFields = options.maxListFields ?? 1024;
  }

  /** The peer acknowledged our SETTINGS_HEADER_TABLE_SIZE: its next block must reduce a table that is larger (RFC 7541 §4.2). */
  limitTable(bytes: number): void {
    this.maxTableBytes = bytes;
  }

  /** Decodes one whole header block. Throws `HpackError`; nothing can be decoded after that. */
  decode(bytes: Buffer, start: number, end: number): Field[] {
    this.bytes = bytes;
    this.pos = start;
    this.end = end;
    this.excess = null;
    this.sizeUpdates();
    const list: Field[] = [];
    let listBytes = 0;
    while (this.pos < end) {
      const field = this.field(bytes[this.pos] as number);
      listBytes += field.size;
      if (listBytes > this.maxListBytes || list.length >= this.maxListFields) this.overflow(list, field, listBytes);
      else list.push(field);
    }
    this.bytes = NOTHING;
    return list;
  }

  private field(first: number): Field {
    if (first >= 0x80) {
      const index = first === 0xff ? this.integer(0x7f) : this.short(first & 0x7f);
      return index <= STATIC_COUNT ? this.fixed(index) : this.indexed(index - STATIC_COUNT - 1);
    }
    if (first >= 0x40) {
      const field = this.literal(this.name(0x3f), false);
      this.table.insert(field);
      return field;
    }
    if (first >= 0x20) throw new HpackError('a table size update stands after a field');
    return this.literal(this.name(0x0f), first >= 0x10);
  }

  private fixed(index: number): Field {
    if (index === 0) throw new HpackError('index 0');
    return staticFields[index] as Field;
  }

  private indexed(position: number): Field {
    const { table } = this;
    if (position >= table.count) throw new HpackError(`index ${position + STATIC_COUNT + 1} is beyond the table`);
    const field = table.at(position);
    if (field.id !== 0) return field;
    const shared = this.fields.again(field);
    if (shared !== field) table.replace(position, shared);
    return shared;
  }

  private name(mask: number): string {
    const prefix = (this.bytes[this.pos] as number) & mask;
    const index = prefix === mask ? this.integer(mask) : this.short(prefix);
    if (index === 0) return this.string();
    return (index <= STATIC_COUNT ? this.fixed(index) : this.indexed(index - STATIC_COUNT - 1)).name;
  }

  private literal(name: string, neverIndexed: boolean): Field {
    if (neverIndexed) return new Field(name, this.string(), true);
    const { bytes, pos, end } = this;
    if (pos >= end) throw new HpackError('a field ends before its value');
    const coding = (bytes[pos] as number) >= 0x80 ? HUFFMAN : PLAIN;
    const length = this.stringLength();
    const start = this.pos;
    const known = this.fields.find(coding, name, bytes, start, start + length);
    if (known !== null) {
      this.pos = start + length;
      return known;
    }
    const field = this.fields.field(name, this.text(coding === HUFFMAN, length));
    this.fields.remember(coding, name, bytes, start, start + length, field);
    return field;
  }

  private string(): string {
    if (this.pos >= this.end) throw new HpackError('a string is missing');
    const huffman = (this.bytes[this.pos] as number) >= 0x80;
    return this.text(huffman, this.stringLength());
  }

  private stringLength(): number {
    const prefix = (this.bytes[this.pos] as number) & 0x7f;
    const length = prefix === 0x7f ? this.integer(0x7f) : this.short(prefix);
    if (length > this.end - this.pos) throw new HpackError(`a string of ${length} octets is longer than its block`);
    return length;
  }

  private text(huffman: boolean, length: number): string {
    const start = this.pos;
    this.pos = start + length;
    if (!huffman) return this.bytes.toString('latin1', start, start + length);
    const out = Buffer.allocUnsafe(decodedBound(length));
    const written = huffmanDecode(this.bytes, start, start + length, out);
    if (written < 0) throw new HpackError('broken huffman code');
    return out.toString('latin1', 0, written);
  }

  private short(value: number): number {
    this.pos++;
    return value;
  }

  /** An integer whose prefix is full: RFC 7541 §5.1. */
  private integer(prefix: number): number {
    let value = prefix;
    for (let shift = 0; shift <= MAX_SHIFT; shift += 7) {
      if (++this.pos >= this.end) throw new HpackError('an integer ends early');
      const byte = this.bytes[this.pos] as number;
      value += (byte & 0x7f) << shift;
      if (byte < 0x80) return this.short(value);
    }
    throw new HpackError('an integer is too large');
  }

  /** Size updates: only first in a block, at most two (the smallest size meanwhile, and the last). RFC 7541 §4.2. */
  private sizeUpdates(): void {
    for (let count = 0; this.pos < this.end && ((this.bytes[this.pos] as number) & 0xe0) === 0x20; count++) {
      if (count === 2) throw new HpackError('more than two table size updates');
      const prefix = (this.bytes[this.pos] as number) & 0x1f;
      const size = prefix === 0x1f ? this.integer(0x1f) : this.short(prefix);
      if (size > this.maxTableBytes) throw new HpackError(`table size ${size} is over the limit of ${this.maxTableBytes}`);
      this.table.resize(size);
    }
    if (this.table.maxSize > this.maxTableBytes) throw new HpackError('the table size was not reduced');
  }

  private overflow(list: readonly Field[], field: Field, bytes: number): void {
    if (this.excess === null) {
      this.excess = { bytes: 0, fields: list.length, largestName: '', largestBytes: 0 };
      for (const each of list) this.count(this.excess, each);
    }
    this.count(this.excess, field);
    this.excess.bytes = bytes;
    this.excess.fields++;
  }

  private count(excess: ListExcess, field: Field): void {
    if (field.size <= excess.largestBytes) return;
    excess.largestBytes = field.size;
    excess.largestName = field.name;
  }
}

const NOTHING: Buffer = Buffer.alloc(0);
