// A number that only grows.
import { Series } from './family.ts';
import { formatValue } from './labels.ts';
import type { SeriesSnapshot } from './snapshot.ts';

export interface Counter {
  /** Adds `n`, by default 1. Throws on a negative or NaN amount. */
  inc(n?: number): void;
  readonly value: number;
}

export class CounterSeries extends Series implements Counter {
  value = 0;

  inc(n = 1): void {
    if (!(n >= 0)) throw new RangeError(`a counter cannot be increased by ${n}`);
    this.value += n;
    if (!this.used) this.touch();
  }

  render(name: string): string {
    const labels = this.labelText === '' ? '' : `{${this.labelText}}`;
    return `${name}${labels} ${formatValue(this.value)}\n`;
  }
  snapshot(): SeriesSnapshot {
    return { text: this.labelText, key: this.key, value: this.value };
  }
}
