// The members of a balancer that can take requests, so that choosing among a thousand costs what choosing among two does.

/** Where a member stands in the set; part of the member. */
export interface Placed {
  /** Its index among the ready ones, or -1. */
  place: number;
}

/** A set with constant-time add, delete and access by index. The order changes with every delete. */
export class ReadySet<M extends Placed> {
  readonly #members: M[] = [];

  get size(): number {
    return this.#members.length;
  }

  at(index: number): M | undefined {
    return this.#members[index];
  }

  add(member: M): void {
    if (member.place >= 0) return;
    member.place = this.#members.length;
    this.#members.push(member);
  }

  delete(member: M): void {
    const { place } = member;
    if (place < 0) return;
    const last = this.#members.pop();
    if (last && last !== member) {
      this.#members[place] = last;
      last.place = place;
    }
    member.place = -1;
  }
}
