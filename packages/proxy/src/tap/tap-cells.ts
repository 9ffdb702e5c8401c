// What all threads count of one observation: its requests, and its events that wait to be sent. spec/proxy.md §9.5 (limit, flow).

const TAKEN = 0;
const WAITING = 1;
const CLOSED = 2;
const CELLS = 3;

/** Events of one observation that wait; more are dropped. */
export const MAX_WAITING_EVENTS = 400;

export class TapCells {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;

  /** Its own, or what another thread has made. */
  constructor(buffer = new SharedArrayBuffer(CELLS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#cells = new Int32Array(buffer);
  }

  /** A number for one more request; undefined where the observer has enough. */
  take(limit: number): number | undefined {
    if (Atomics.load(this.#cells, TAKEN) >= limit) return undefined;
    const number = Atomics.add(this.#cells, TAKEN, 1);
    if (number < limit) return number;
    Atomics.sub(this.#cells, TAKEN, 1);
    return undefined;
  }

  get taken(): number {
    return Atomics.load(this.#cells, TAKEN);
  }

  /** Room for one more event; false: it is to be dropped. */
  enter(): boolean {
    if (Atomics.add(this.#cells, WAITING, 1) < MAX_WAITING_EVENTS) return true;
    this.leave();
    return false;
  }

  /** Once for each `enter` that was true. */
  leave(): void {
    Atomics.sub(this.#cells, WAITING, 1);
  }

  /** The observer has left. */
  close(): void {
    Atomics.store(this.#cells, CLOSED, 1);
  }

  get closed(): boolean {
    return Atomics.load(this.#cells, CLOSED) !== 0;
  }
}
