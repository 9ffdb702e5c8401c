// What is under way, by number. A connection lives long and what it carries does not: with a reference from the one to the other the collector would have to
// remember a place in each of a thousand connections, and look at all of them.

/** No place. */
export const NOWHERE = -1;

export class Places<T> {
  private readonly list: (T | undefined)[] = [];
  /** Those of things that were taken: the one freed last, which is at hand, is used first. */
  private readonly free: number[] = [];

  /** How many places are taken. */
  get size(): number {
    return this.list.length - this.free.length;
  }

  put(one: T): number {
    const place = this.free.pop();
    if (place === undefined) return this.list.push(one) - 1;
    this.list[place] = one;
    return place;
  }

  /** Undefined at `NOWHERE`. */
  at(place: number): T | undefined {
    return place === NOWHERE ? undefined : this.list[place];
  }

  /** What is there no longer is. */
  take(place: number): T | undefined {
    if (place === NOWHERE) return undefined;
    const one = this.list[place];
    this.list[place] = undefined;
    this.free.push(place);
    return one;
  }
}
