// A server of the simulation: some requests at once, the others in the order in which they came.
import type { Clock, Millis, Random } from '@weft/core';

export interface ServerOptions {
  readonly name: string;
  readonly status: number;
  /** Mean of its service times, which are exponentially distributed. */
  readonly meanMs: Millis;
  readonly parallel: number;
}

export class Server {
  readonly name: string;
  readonly #options: ServerOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #waiting: ((status: number) => void)[] = [];
  #next = 0;
  #busy = 0;

  constructor(options: ServerOptions, clock: Clock, random: Random) {
    this.name = options.name;
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
  }

  serve(answer: (status: number) => void): void {
    if (this.#busy >= this.#options.parallel) return void this.#waiting.push(answer);
    this.#busy++;
    const { meanMs, status } = this.#options;
    this.#clock.after(-meanMs * Math.log(1 - this.#random.next()), () => {
      this.#busy--;
      const next = this.#waiting[this.#next];
      if (next) this.#next++;
      answer(status);
      if (next) this.serve(next);
    });
  }
}
