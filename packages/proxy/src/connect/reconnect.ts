// The pause before the next attempt to reach an endpoint. spec/proxy.md §5.3.
import { type Backoff, type Clock, type ExponentialBackoff, exponentialBackoff, type Random, type Timer } from '@weft/core';

/** Counts failures in a row and runs one timer at a time. */
export class Reconnect {
  readonly #backoff: Backoff;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(backoff: ExponentialBackoff, clock: Clock, random: Random) {
    this.#backoff = exponentialBackoff({ ...backoff, random });
    this.#clock = clock;
  }

  succeeded(): void {
    this.#backoff.reset();
  }

  /** Calls `retry` after the pause that belongs to this failure; a pause already running goes on. */
  failed(retry: () => void): void {
    this.#timer ??= this.#clock.after(this.#backoff.next(), () => {
      this.#timer = undefined;
      retry();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
