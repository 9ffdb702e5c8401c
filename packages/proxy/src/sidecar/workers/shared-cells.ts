// Numbers that all threads count together, and the bell by which the main thread wakes a worker that stands still.
import type { InFlightLimit } from '../../relay/in-flight-limit.ts';

const IN_FLIGHT = { inbound: 0, outbound: 1 } as const;
const LOCK = 2;
const FIRST_WORKER = 3;
const PER_WORKER = 2;
/** More connections than there can be. */
const RETIRED = 2 ** 30;
/** An eighth: among many connections, smaller differences are left alone. */
const TOLERANCE = 3;

export class SharedCells {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;

  /** Of so many workers, or what another thread has made. */
  constructor(from: number | SharedArrayBuffer) {
    this.buffer = typeof from === 'number' ? new SharedArrayBuffer((FIRST_WORKER + from * PER_WORKER) * Int32Array.BYTES_PER_ELEMENT) : from;
    this.#cells = new Int32Array(this.buffer);
  }

  get workers(): number {
    return (this.#cells.length - FIRST_WORKER) / PER_WORKER;
  }

  /** One limit for all threads. */
  limit(side: keyof typeof IN_FLIGHT, max: number): InFlightLimit {
    const cells = this.#cells;
    const cell = IN_FLIGHT[side];
    return {
      max,
      enter() {
        if (Atomics.add(cells, cell, 1) < max) return true;
        Atomics.sub(cells, cell, 1);
        return false;
      },
      release: () => void Atomics.sub(cells, cell, 1),
    };
  }

  /** Open connections of a worker, those on their way to it included. */
  connections(worker: number): number {
    return Atomics.load(this.#cells, connectionsOf(worker));
  }

  /**
   * Counts a connection that this worker has accepted where it should be: here, or with the worker that has the fewest. All threads
   * place one after the other, or two that accept at once would take it from the same counts.
   */
  place(accepted: number): number {
    // For a few dozen instructions; longer only where its holder is not running.
    while (Atomics.compareExchange(this.#cells, LOCK, 0, 1) !== 0);
    const worker = this.#lessBusy(accepted) ?? accepted;
    this.connected(worker);
    Atomics.store(this.#cells, LOCK, 0);
    return worker;
  }

  connected(worker: number): void {
    Atomics.add(this.#cells, connectionsOf(worker), 1);
  }

  disconnected(worker: number): void {
    Atomics.sub(this.#cells, connectionsOf(worker), 1);
  }

  /** It takes no more: nobody passes connections on to it. */
  retire(worker: number): void {
    Atomics.add(this.#cells, connectionsOf(worker), RETIRED);
  }

  ring(worker: number): void {
    Atomics.add(this.#cells, bellOf(worker), 1);
    Atomics.notify(this.#cells, bellOf(worker));
  }

  rings(worker: number): number {
    return Atomics.load(this.#cells, bellOf(worker));
  }

  /** Stands still until the bell has rung more often than `heard`. */
  waitForRing(worker: number, heard: number, limitMs: number): void {
    Atomics.wait(this.#cells, bellOf(worker), heard, limitMs);
  }

  #lessBusy(worker: number): number | undefined {
    const own = this.connections(worker);
    let least = own - Math.max(1, own >> TOLERANCE) + 1;
    let found: number | undefined;
    for (let other = 0; other < this.workers; other++) {
      const connections = this.connections(other);
      if (other === worker || connections >= least) continue;
      least = connections;
      found = other;
    }
    return found;
  }
}

const connectionsOf = (worker: number): number => FIRST_WORKER + worker * PER_WORKER;
const bellOf = (worker: number): number => connectionsOf(worker) + 1;
