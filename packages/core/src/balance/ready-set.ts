// The members of a balancer that can take requests, so that choosing among a thousand costs what choosing among two does.

/** Where a member stands in the set; part of the member. */
export interface Placed<E> {
  readonly endpoint: E;
  /** Its index among the ready ones, or -1. */
  place: number;
  /** Of its load. */
  readonly row: number;
}

/** A set with constant-time add, delete and access by index. The order changes with every delete. */
export class ReadySet<E, M extends Placed<E>> {
  readonly #members: M[] = [];
  /** Their rows and endpoints, so that loads are compared and one is chosen without a look at the members. */
  readonly #rows: number[] = [];
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
    member.place = this.#members.length;
    this.#members.push(member);
    this.#rows.push(member.row);
    this.#endpoints.push(member.endpoint);
  }

  delete(member: M): void {
    const { place } = member;
    if (place < 0) return;
    const last = this.#members.pop();
    this.#rows.pop();
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
