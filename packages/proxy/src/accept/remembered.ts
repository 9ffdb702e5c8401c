// Targets whose servers spoke first: bounded, expiring, shown as a metric.
import type { Clock, Family, Gauge, Labels, Timer } from '@weft/core';

export interface RememberedOptions {
  /** Most targets kept; the oldest goes for a new one. */
  readonly max: number;
  readonly lifetimeMs: number;
  readonly clock: Clock;
  /** Set to 1 for each target that is remembered. */
  readonly gauge: Family<Gauge>;
  /** Added to `target_addr`. */
  readonly labels: Labels;
}

export class Remembered {
  readonly #options: RememberedOptions;
  readonly #expiry = new Map<string, Timer>();

  constructor(options: RememberedOptions) {
    this.#options = options;
  }

  has(target: string): boolean {
    return this.#expiry.has(target);
  }

  /** For `lifetimeMs` from now. */
  add(target: string): void {
    const { max, lifetimeMs, clock } = this.#options;
    if (max <= 0) return;
    this.#forget(target);
    for (const oldest of this.#expiry.keys()) {
      if (this.#expiry.size < max) break;
      this.#forget(oldest);
    }
    this.#expiry.set(
      target,
      clock.after(lifetimeMs, () => this.#forget(target)),
    );
    this.#options.gauge.with(this.#labels(target)).set(1);
  }

  #forget(target: string): void {
    const timer = this.#expiry.get(target);
    if (!timer) return;
    timer.cancel();
    this.#expiry.delete(target);
    this.#options.gauge.remove(this.#labels(target));
  }

  #labels(target: string): Labels {
    return { ...this.#options.labels, target_addr: target };
  }
}
