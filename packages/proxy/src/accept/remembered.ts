// A bounded set whose members expire: what detection has learnt of its peers.
import type { Clock, Timer } from '@weft/core';

export interface RememberedOptions {
  /** Most members; the oldest goes for a new one. */
  readonly max: number;
  readonly lifetimeMs: number;
  readonly clock: Clock;
  /** Told of each member that comes or goes. */
  readonly onChange?: (member: string, known: boolean) => void;
}

export class Remembered {
  readonly #options: RememberedOptions;
  readonly #expiry = new Map<string, Timer>();

  constructor(options: RememberedOptions) {
    this.#options = options;
  }

  has(member: string): boolean {
    return this.#expiry.has(member);
  }

  /** For `lifetimeMs` from now. */
  add(member: string): void {
    const { max, lifetimeMs, clock, onChange } = this.#options;
    if (max <= 0) return;
    const known = this.#expiry.get(member);
    known?.cancel();
    this.#expiry.delete(member);
    for (const oldest of this.#expiry.keys()) {
      if (this.#expiry.size < max) break;
      this.#forget(oldest);
    }
    this.#expiry.set(
      member,
      clock.after(lifetimeMs, () => this.#forget(member)),
    );
    if (!known) onChange?.(member, true);
  }

  #forget(member: string): void {
    this.#expiry.get(member)?.cancel();
    this.#expiry.delete(member);
    this.#options.onChange?.(member, false);
  }
}
