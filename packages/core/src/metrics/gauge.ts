// A number that goes up and down.
import { Series } from './family.ts';
import { formatValue } from './labels.ts';
import type { SeriesSnapshot } from './snapshot.ts';

export interface Gauge {
  set(value: number): void;
  /** Adds `n`, by default 1. */
  inc(n?: number): void;
  /** Subtracts `n`, by default 1. */
  dec(n?: number): void;
  readonly value: number;
}

export class GaugeSeries extends Series implements Gauge {
  value = 0;

  set(value: number): void {
    this.value = value;
    if (!this.used) this.touch();
  }

  inc(n = 1): void {
    this.set(this.value + n);
  }

  dec(n = 1): void {
    this.set(this.value - n);
  }

  /** Open connections and the like: nothing writes them while they stay open. */
  protected override busy(): boolean {
    return this.value !== 0;
  }

  render(name: string): string {
    const labels = this.labelText === '' ? '' : `{${this.labelText}}`;
    return `${name}${labels} ${formatValue(this.value)}\n`;
  }
  snapshot(): SeriesSnapshot {
    return { text: this.labelText, key: this.key, value: this.value };
  }
}
