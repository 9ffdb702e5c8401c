// The members of a balancer that can take requests, so that choosing among a thousand costs what choosing among two does.

/** Where a member stands in the set; part of the member. */
export interface Placed<E> {
  readonly endpoint: E;
  /** Its index among the ready ones, or -1. */
  place: number;
  /** Of its load. */
  readonly row: number;
}

const FIRST_PLACES = 16;

/** A set with constant-time add, delete and access by index. The order changes with every delete. */
export class ReadySet<E, M extends Placed<E>> {
  readonly #members: M[] = [];
  /** Their rows and endpoints, so that loads are compared and one is chosen without a look at the members. */
  #rows = new Int32Array(FIRST_PLACES);
  readonly #endpoints: E[] = [];

  get size(): number {
    return this.#members.length;
  }

  /** `index` is less than `size`. */
  at(index: number): M {
    return this.#members[index] as M;
  }

  row(index: number): number {
    return this.#rows[index] as number;
  }

  endpoint(index: number): E {
    return this.#endpoints[index] as E;
  }

  add(member: M): void {
    if (member.place >= 0) return;
    const place = this.#members.push(member) - 1;
    member.place = place;
    if (place === this.#rows.length) this.#rows = twice(this.#rows);
    this.#rows[place] = member.row;
    this.#endpoints.push(member.endpoint);
  }

  delete(member: M): void {
    const { place } = member;
    if (place < 0) return;
    const last = this.#members.pop();
    this.#endpoints.pop();
    if (last && last !== member) {
      this.#members[place] = last;
      this.#rows[place] = last.row;
      this.#endpoints[place] = last.endpoint;
      last.place = place;
    }
    member.place = -1;
  }
}

function twice(rows: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const more = new Int32Array(2 * rows.length);
  more.set(rows);
  return more;
}
