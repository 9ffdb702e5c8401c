// The dynamic table as a decoder needs it: a ring of fields, newest first. RFC 7541 §2.3.2 and §4.
import type { Field } from '../field/field.ts';

export class DynamicTable {
  /** Octets in use as RFC 7541 §4.1 counts them. */
  size = 0;
  count = 0;
  private ring: Field[] = [];
  /** Slot of the next insertion. */
  private next = 0;
  private limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The field at a position from 0, the newest; the caller checks `count`. */
  at(position: number): Field {
    return this.ring[(this.next - 1 - position) & (this.ring.length - 1)] as Field;
  }

  /** Puts an equal field in the place of one. */
  replace(position: number, field: Field): void {
    this.ring[(this.next - 1 - position) & (this.ring.length - 1)] = field;
  }

  /** Adds a field, evicting the oldest; one larger than the table empties it and is not kept. */
  insert(field: Field): void {
    this.evictTo(this.limit - field.size);
    if (field.size > this.limit) return;
    if (this.count === this.ring.length) this.grow(field);
    this.ring[this.next] = field;
    this.next = (this.next + 1) & (this.ring.length - 1);
    this.count++;
    this.size += field.size;
  }

  get maxSize(): number {
    return this.limit;
  }

  resize(limit: number): void {
    this.limit = limit;
    this.evictTo(limit);
  }

  private evictTo(size: number): void {
    while (this.count > 0 && this.size > size) {
      this.size -= this.at(this.count - 1).size;
      this.count--;
    }
  }

  /** Doubles the ring, which is full. `filler` only gives the new slots their type. */
  private grow(filler: Field): void {
    const grown: Field[] = [];
    for (let position = this.count - 1; position >= 0; position--) grown.push(this.at(position));
    const length = Math.max(8, this.count * 2);
    while (grown.length < length) grown.push(filler);
    this.next = this.count;
    this.ring = grown;
  }
}
