// Who observes, and what they are told: between the calls of Observe and the proxies of all threads. spec/proxy.md §9.5.
import { createWatch, type TapEvent, type TapMatch, type Unsubscribe, type WatchSource } from '@weft/core';
import { TapCells } from '../../tap/tap-cells.ts';
import type { TapMessage, TapPort, TapRequest } from '../../tap/tap-port.ts';

export interface Observation {
  readonly match: TapMatch;
  readonly limit: number;
  readonly headers: boolean;
}

/** Hears of one observation. */
export interface TapObserver {
  /** An event that `cells` has room for: they are to be left when it was sent. */
  event(event: TapEvent): void;
  /** All requests that were wanted are over. */
  done(): void;
}

export interface Observing {
  readonly id: number;
  readonly cells: TapCells;
  stop: Unsubscribe;
}

/** Observations at once: each is looked at for every request. */
export const MAX_OBSERVATIONS = 64;

interface Entry {
  readonly request: TapRequest;
  readonly cells: TapCells;
  readonly observer: TapObserver;
  /** Requests that were counted and are over. */
  over: number;
}

export class TapHub implements TapPort {
  readonly #source: WatchSource<readonly TapRequest[]> = createWatch<readonly TapRequest[]>();
  readonly #entries = new Map<number, Entry>();
  #last = 0;
  /** In `requests` now. */
  #wanting: readonly TapRequest[] = [];

  constructor() {
    this.#source.set([]);
  }

  get requests(): TapPort['requests'] {
    return this.#source.watch;
  }

  /** Undefined: there are too many. */
  observe({ match, limit, headers }: Observation, observer: TapObserver): Observing | undefined {
    if (this.#entries.size >= MAX_OBSERVATIONS) return undefined;
    const id = this.#last;
    this.#last = (this.#last + 1) % 2 ** 32;
    const cells = new TapCells();
    this.#entries.set(id, { request: { id, match, limit, headers, cells: cells.buffer }, cells, observer, over: 0 });
    this.#publish();
    return { id, cells, stop: () => this.#stop(id) };
  }

  tell({ id, event, over }: TapMessage): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    if (event) entry.observer.event(event);
    // Nobody looks at its condition any more.
    if (entry.cells.taken >= entry.request.limit) this.#publish();
    if (!over) return;
    entry.over += 1;
    if (entry.over < entry.request.limit) return;
    this.#stop(id);
    entry.observer.done();
  }

  #stop(id: number): void {
    this.#entries.get(id)?.cells.close();
    if (this.#entries.delete(id)) this.#publish();
  }

  #publish(): void {
    const wanting = [...this.#entries.values()].filter(({ cells, request }) => cells.taken < request.limit).map(({ request }) => request);
    const changed = wanting.length !== this.#wanting.length || wanting.some((request, index) => request !== this.#wanting[index]);
    if (!changed) return;
    this.#wanting = wanting;
    this.#source.set(wanting);
  }
}
