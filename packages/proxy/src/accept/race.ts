// Detection that does not stall: while a client says nothing, its target is connected to, and may turn out to speak first.
// Not Linkerd's behaviour; see docs/compatibility.md.
import type { Socket } from 'node:net';
import type { Clock, Timer } from '@weft/core';
import { peek } from './peek.ts';
import { judgeServerWords } from './server-words.ts';

export interface RaceOptions {
  /** How long the client has the word to itself. */
  readonly headStartMs: number;
  readonly clock: Clock;
  /** Connects as the relay of an opaque connection would. The signal is aborted when the connection is not wanted any more. */
  readonly dial: (signal: AbortSignal) => Promise<Socket>;
  /** Of the client's connection: its end ends the race. */
  readonly signal: AbortSignal;
}

/** One connection to a target that may or may not be needed. Ends by `take` or `drop`. */
export class Race {
  readonly #options: RaceOptions;
  readonly #timer: Timer;
  readonly #dialing = new AbortController();
  readonly #listening = new AbortController();
  readonly #spoke = new AbortController();
  #upstream: Promise<Socket> | undefined;
  #socket: Socket | undefined;
  #taken = false;

  constructor(options: RaceOptions) {
    this.#options = options;
    this.#timer = options.clock.after(options.headStartMs, () => this.#start());
    options.signal.addEventListener('abort', () => this.drop(), { once: true });
  }

  /** Aborted when the server has spoken, in a protocol where servers do. */
  get serverSpoke(): AbortSignal {
    return this.#spoke.signal;
  }

  /** The connection made so far, with everything that the server said; undefined where there is none. Its owner is the caller from here on. */
  take(): Promise<Socket> | undefined {
    this.#taken = true;
    this.#timer.cancel();
    this.#listening.abort();
    return this.#upstream;
  }

  /** Gives the connection up. */
  drop(): void {
    this.#timer.cancel();
    this.#dialing.abort();
    this.#listening.abort();
    if (!this.#taken) this.#socket?.destroy();
  }

  #start(): void {
    const upstream = this.#options.dial(this.#dialing.signal);
    this.#upstream = upstream;
    upstream.then(
      (socket) => {
        if (!this.#taken) void this.#listen(socket);
      },
      // Whoever relays makes an attempt of its own, and tells why it failed.
      () => {
        this.#upstream = undefined;
      },
    );
  }

  async #listen(socket: Socket): Promise<void> {
    this.#socket = socket;
    if (this.#dialing.signal.aborted) return void socket.destroy();
    const { signal } = this.#listening;
    const seen = await peek(socket, { clock: this.#options.clock, signal, more: (bytes) => judgeServerWords(bytes) === 'undecided' });
    if (seen.kind === 'interrupted') return;
    if (seen.kind === 'bytes' && judgeServerWords(seen.bytes) === 'server-first') return this.#spoke.abort();
    // It ended, or it is HTTP and waits for a request on a connection of its own.
    this.#upstream = undefined;
    socket.destroy();
  }
}
