// A distribution over fixed buckets. spec/proxy.md §9.2 names the latency buckets.
import { Series } from './family.ts';
import { formatValue, type LabelText } from './labels.ts';
import type { SeriesSnapshot } from './snapshot.ts';

/** Linkerd's latency buckets in milliseconds; `+Inf` is implied. */
export const LATENCY_BUCKETS_MS: readonly number[] = [
  1, 2, 3, 4, 5, 10, 20, 30, 40, 50, 100, 200, 300, 400, 500, 1000, 2000, 3000, 4000, 5000, 10_000, 20_000, 30_000, 40_000, 50_000,
];

export interface Histogram {
  /** Counts one value in the first bucket whose bound is not below it. Throws on NaN. */
  observe(value: number): void;
  /** Adds what was counted elsewhere: a number for each bucket and one for what is above them, and the sum of the values. */
  merge(counts: ArrayLike<number>, sum: number): void;
  readonly count: number;
  readonly sum: number;
}

/** Bounds must be finite and ascend; a trailing Infinity is implied and dropped. */
export function checkBuckets(bounds: readonly number[]): readonly number[] {
  const finite = bounds.at(-1) === Number.POSITIVE_INFINITY ? bounds.slice(0, -1) : [...bounds];
  if (finite.some((bound, index) => !Number.isFinite(bound) || bound <= (finite[index - 1] ?? Number.NEGATIVE_INFINITY))) {
    throw new RangeError(`histogram buckets must ascend: ${bounds.join(', ')}`);
  }
  return finite;
}

export class HistogramSeries extends Series implements Histogram {
  count = 0;
  sum = 0;
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;

  constructor(bounds: readonly number[], labels: LabelText, attach: (series: Series) => void) {
    super(labels, attach);
    if (/(^|,)le="/.test(labels.key)) throw new RangeError('a histogram cannot have a label "le"');
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    if (Number.isNaN(value)) throw new RangeError('a histogram cannot observe NaN');
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > (bounds[index] as number)) index++;
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.count += 1;
    this.sum += value;
    if (!this.used) this.touch();
  }

  merge(counts: ArrayLike<number>, sum: number): void {
    let added = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      const count = counts[index] ?? 0;
      this.#counts[index] = (this.#counts[index] as number) + count;
      added += count;
    }
    if (added === 0) return;
    this.count += added;
    this.sum += sum;
    if (!this.used) this.touch();
  }

  render(name: string): string {
    return histogramLines(name, this.labelText, this.#bounds, this.#counts, this.sum);
  }

  snapshot(): SeriesSnapshot {
    return { text: this.labelText, key: this.key, value: this.sum, counts: [...this.#counts] };
  }
}

/** The sample lines; `counts` has one number more than there are bounds. */
export function histogramLines(name: string, labelText: string, bounds: readonly number[], counts: ArrayLike<number>, sum: number): string {
  const prefix = labelText === '' ? `${name}_bucket{le="` : `${name}_bucket{${labelText},le="`;
  const labels = labelText === '' ? '' : `{${labelText}}`;
  let text = '';
  let total = 0;
  for (let index = 0; index < bounds.length; index++) {
    total += counts[index] as number;
    text += `${prefix}${bounds[index]}"} ${total}\n`;
  }
  total += counts[bounds.length] as number;
  return `${text}${prefix}+Inf"} ${total}\n${name}_sum${labels} ${formatValue(sum)}\n${name}_count${labels} ${total}\n`;
}
