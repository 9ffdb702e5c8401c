// The dynamic table as an encoder needs it: from a field to its index in constant time. Slots are found by the field's number and
// compared by identity; evicted entries are recognised by age and never removed from their chains. RFC 7541 §2.3.2 and §4.
import type { Field } from '../field/field.ts';

/** Slots at first: most connections send a dozen different fields. */
const FIRST_SLOTS = 16;

export class EncoderTable {
  private size = 0;
  /** Number of the last insertion, from 1, and of the last one evicted. */
  private last = 0;
  private evicted = 0;
  private limit: number;
  private mask = -1;
  private ring: Field[] = [];
  /** For a field's number modulo the slots: the last insertion of that chain; then, per slot, the insertion before it in its chain. */
  private heads: number[] = NONE;
  private older: number[] = NONE;
  /** The last insertion with a name. */
  private names: Map<string, number> | null = null;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Position of an interned field from 0, the newest; -1 if it is not there. */
  position(field: Field): number {
    if (this.size === 0) return -1;
    const { ring, older, mask, evicted } = this;
    let number = this.heads[field.id & mask] as number;
    while (number > evicted) {
      const slot = number & mask;
      if (ring[slot] === field) return this.last - number;
      number = older[slot] as number;
    }
    return -1;
  }

  /** Position of an entry with this name, or -1. */
  namePosition(name: string): number {
    const number = this.names?.get(name);
    return number === undefined ? -1 : this.last - number;
  }

  /** Whether a field is worth its place: one that would displace most others is not. */
  fits(field: Field): boolean {
    return field.size <= this.limit >> 1;
  }

  /** Adds an interned field that fits. */
  insert(field: Field): void {
    this.evictTo(this.limit - field.size);
    if (this.last - this.evicted > this.mask) this.grow(field);
    this.place(++this.last, field);
    this.names ??= new Map();
    this.names.set(field.name, this.last);
    this.size += field.size;
  }

  resize(limit: number): void {
    this.limit = limit;
    this.evictTo(limit);
  }

  private evictTo(size: number): void {
    while (this.size > size) {
      const number = ++this.evicted;
      const field = this.ring[number & this.mask] as Field;
      this.size -= field.size;
      if (this.names?.get(field.name) === number) this.names.delete(field.name);
    }
  }

  private place(number: number, field: Field): void {
    const slot = number & this.mask;
    const chain = field.id & this.mask;
    this.ring[slot] = field;
    this.older[slot] = this.heads[chain] as number;
    this.heads[chain] = number;
  }

  /** Doubles the slots, all of which are taken. Connections that never compress take no memory for it. `filler` only gives slots their type. */
  private grow(filler: Field): void {
    const { ring, mask } = this;
    const slots = Math.max(FIRST_SLOTS, ring.length * 2);
    this.mask = slots - 1;
    this.ring = Array.from({ length: slots }, () => filler);
    this.heads = zeros(slots);
    this.older = zeros(slots);
    for (let number = this.evicted + 1; number <= this.last; number++) this.place(number, ring[number & mask] as Field);
  }
}

/** No typed arrays: of a few numbers they take more memory than they hold. */
function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}

const NONE: number[] = [];
