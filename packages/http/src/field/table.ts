// The bounded table of fields that one engine shares among its connections: equal fields become one object, whose identity then is the
// key into compression tables. A field enters at its second sighting, so that values seen once cost nothing.
import { ByteCache, type ByteCoding } from './byte-cache.ts';
import { Field } from './field.ts';

export interface FieldTableOptions {
  /** Most fields kept. Default 4096. */
  readonly maxFields?: number;
  /** Most bytes kept, each field counted with its objects. Default 2 MiB. */
  readonly maxBytes?: number;
  /** Fields with more octets than this in name and value are not kept. Default 1024. */
  readonly maxFieldBytes?: number;
}

/** Estimate of what a kept field takes besides its text, which is counted twice (once as HTTP/1 line). */
const FIELD_OBJECT_BYTES = 256;
const SIGHTINGS = 4096;
const BYTE_CACHE_SLOTS = 1024;

type Generation = Map<string, Map<string, Field>>;

/**
 * Two generations: when the young one is half of the limit, it becomes the old one and what was not used since is dropped. A dropped
 * field stays valid where it is held; a later equal field is then another object, which costs a table entry, never correctness.
 */
export class FieldTable {
  private young: Generation = new Map();
  private old: Generation = new Map();
  private youngCount = 0;
  private youngBytes = 0;
  private lastId = 0;
  private readonly halfCount: number;
  private readonly halfBytes: number;
  private readonly maxFieldSize: number;
  private readonly sightings = new Int32Array(SIGHTINGS);
  private readonly cache = new ByteCache(BYTE_CACHE_SLOTS);

  constructor(options: FieldTableOptions = {}) {
    this.halfCount = Math.max(1, (options.maxFields ?? 4096) >> 1);
    this.halfBytes = (options.maxBytes ?? 2 * 1024 * 1024) >> 1;
    this.maxFieldSize = (options.maxFieldBytes ?? 1024) + 32;
  }

  /** The field of this lower-case name and value: the shared object where there is one. */
  field(name: string, value: string): Field {
    const known = this.young.get(name)?.get(value);
    return known ?? this.renewed(name, value) ?? this.sighted(new Field(name, value));
  }

  /** A field seen again by identity (in a decoder's table): the shared object for it, which it may become itself. */
  again(field: Field): Field {
    if (field.id !== 0 || !this.accepts(field)) return field;
    return this.young.get(field.name)?.get(field.value) ?? this.renewed(field.name, field.value) ?? this.keep(field);
  }

  /** The field whose wire bytes are `bytes[start, end)` if they were remembered; else null, and the caller decodes them. */
  find(coding: ByteCoding, name: string | null, bytes: Uint8Array, start: number, end: number): Field | null {
    return this.cache.find(coding, name, bytes, start, end);
  }

  /** Remembers what wire bytes stand for. Only shared fields are remembered. `name` is null for whole HTTP/1 lines. */
  remember(coding: ByteCoding, name: string | null, bytes: Uint8Array, start: number, end: number, field: Field): void {
    if (field.id !== 0) this.cache.put(coding, name, bytes, start, end, field);
  }

  private accepts(field: Field): boolean {
    return field.fault === null && field.size <= this.maxFieldSize && field.shareable;
  }

  private sighted(field: Field): Field {
    if (!this.accepts(field)) return field;
    const mark = digest(field);
    const slot = (mark >>> 8) & (SIGHTINGS - 1);
    if (this.sightings[slot] === mark) return this.keep(field);
    this.sightings[slot] = mark;
    return field;
  }

  private renewed(name: string, value: string): Field | undefined {
    const values = this.old.get(name);
    const field = values?.get(value);
    if (field === undefined || values === undefined) return undefined;
    values.delete(value);
    return this.keep(field);
  }

  private keep(field: Field): Field {
    const bytes = field.size * 2 + FIELD_OBJECT_BYTES;
    if (this.youngCount >= this.halfCount || this.youngBytes + bytes > this.halfBytes) {
      this.old = this.young;
      this.young = new Map();
      this.youngCount = 0;
      this.youngBytes = 0;
    }
    if (field.id === 0) field.id = ++this.lastId;
    let values = this.young.get(field.name);
    if (values === undefined) {
      values = new Map();
      this.young.set(field.name, values);
    }
    values.set(field.value, field);
    this.youngCount++;
    this.youngBytes += bytes;
    return field;
  }
}

/** FNV-like digest of name and value, never 0. */
function digest(field: Field): number {
  let hash = 0x811c9dc5 | 0;
  const { name, value } = field;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ 0xff, 0x01000193);
  for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  return hash | 1;
}
