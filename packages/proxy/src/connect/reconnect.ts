// The pause before the next attempt to reach an endpoint. spec/proxy.md §5.3.
import { type Backoff, type Clock, type ExponentialBackoff, exponentialBackoff, type Random, type Timer } from '@weft/core';

/** Counts failures in a row and runs one timer at a time. */
export class Reconnect {
  readonly #rules: ExponentialBackoff;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Undefined after a success. */
  #backoff: Backoff | undefined;
  #timer: Timer | undefined;

  constructor(backoff: ExponentialBackoff, clock: Clock, random: Random) {
    this.#rules = backoff;
    this.#clock = clock;
    this.#random = random;
  }

  succeeded(): void {
    this.#backoff = undefined;
  }

  /** Calls `retry` after the pause that belongs to this failure; a pause already running goes on. */
  failed(retry: () => void): void {
    if (this.#timer !== undefined) return;
    this.#backoff ??= exponentialBackoff({ ...this.#rules, random: this.#random });
    this.#timer = this.#clock.after(this.#backoff.next(), () => {
      this.#timer = undefined;
      retry();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
