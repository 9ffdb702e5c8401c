// What happened on the far side, for a test that waits for it: `mark` on one side, `marked` on the other, in either order; it gives the name.

export class Marks {
  readonly #set = new Set<string>();
  readonly #waiting = new Map<string, ((name: string) => void)[]>();

  mark(name: string): void {
    this.#set.add(name);
    for (const resolve of this.#waiting.get(name) ?? []) resolve(name);
    this.#waiting.delete(name);
  }

  marked(name: string): Promise<string> {
    if (this.#set.has(name)) return Promise.resolve(name);
    return new Promise((resolve) => this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), resolve]));
  }
}
