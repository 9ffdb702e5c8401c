// One request as one observer sees it: its events, numbered and timed. spec/proxy.md §9.5.
import type { Counter, TapEos, TapHeaders, TapHttpEvent, TapSides } from '@weft/core';
import type { TapCells } from './tap-cells.ts';
import type { TapPort, TapRequest } from './tap-port.ts';

export interface TappedStreamOptions {
  readonly request: TapRequest;
  readonly cells: TapCells;
  readonly stream: number;
  readonly sides: TapSides;
  readonly port: TapPort;
  /** When the request began, on the clock of the others. */
  readonly startedAt: number;
  readonly dropped: Counter;
}

export class TappedStream {
  readonly #options: TappedStreamOptions;
  #respondedAt: number | undefined;
  #over = false;

  constructor(options: TappedStreamOptions) {
    this.#options = options;
  }

  /** Whether its observer has asked for headers. */
  get headers(): boolean {
    return this.#options.request.headers;
  }

  /** False: the observer is too slow, and hears nothing of this request. */
  begin(init: Extract<TapHttpEvent, { readonly kind: 'request' }>): boolean {
    if (this.#tell(init)) return true;
    this.over();
    return false;
  }

  respond(now: number, status: number, headers: TapHeaders | undefined): void {
    this.#respondedAt = now;
    this.#tell({ kind: 'response', sinceRequestMs: now - this.#options.startedAt, status, headers });
  }

  end(now: number, bytes: number, eos: TapEos | undefined, trailers: TapHeaders | undefined): void {
    if (this.#over) return;
    const sinceResponseMs = this.#respondedAt === undefined ? undefined : now - this.#respondedAt;
    this.#tell({ kind: 'end', sinceRequestMs: now - this.#options.startedAt, sinceResponseMs, bytes, eos, trailers });
    this.over();
  }

  /** Nothing more comes of it. */
  over(): void {
    if (this.#over) return;
    this.#over = true;
    const { port, request } = this.#options;
    port.tell({ id: request.id, over: true });
  }

  #tell(http: TapHttpEvent): boolean {
    const { port, request, cells, stream, sides, dropped } = this.#options;
    if (cells.closed) return false;
    if (!cells.enter()) {
      dropped.inc();
      return false;
    }
    port.tell({ id: request.id, event: { stream, sides, http }, over: false });
    return true;
  }
}
