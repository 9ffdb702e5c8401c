// One metric name with all its series. A series is bound once and then written without allocation; unused ones can be evicted.
import type { Millis } from '../time/clock.ts';
import { escapeHelp, type Labels, type LabelText, labelText } from './labels.ts';
import type { FamilySnapshot, MetricJoin, SeriesSnapshot } from './snapshot.ts';

export type MetricType = 'counter' | 'gauge' | 'histogram';

/** All series of one metric. */
export interface Family<C> {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** The series with these labels: the same object for equal labels, whatever their order. Bind once, outside hot paths. */
  with(labels?: Labels): C;
  /** Forgets a series; false when there was none. */
  remove(labels: Labels): boolean;
  /** Number of series. */
  readonly size: number;
}

export interface FamilyOptions {
  /** Let `registry.evictIdle` drop series that are no longer written (gauges only at zero). Default false. */
  readonly evictable?: boolean;
  /** How values of several worker threads become one. Default `sum`. */
  readonly join?: MetricJoin;
}

/** What the instruments share: the label text, and whether they were written since the last sweep. */
export abstract class Series {
  readonly #labels: LabelText;
  /** Written since the last sweep. */
  protected used = true;
  #lastUse: Millis = 0;
  readonly #attach: (series: Series) => void;

  constructor(labels: LabelText, attach: (series: Series) => void) {
    this.#labels = labels;
    this.#attach = attach;
  }

  get labelText(): string {
    return this.#labels.text;
  }

  get key(): string {
    return this.#labels.key;
  }

  /** After the first write since a sweep. A series that was evicted while someone still held it joins its family again. */
  protected touch(): void {
    this.used = true;
    this.#attach(this);
  }

  /** True when the last write was at least `olderThanMs` ago; writes since the last sweep count as made now. */
  sweep(now: Millis, olderThanMs: Millis): boolean {
    if (this.used || this.busy()) {
      this.used = false;
      this.#lastUse = now;
      return false;
    }
    return now - this.#lastUse >= olderThanMs;
  }

  /** Holds a state that must stay visible although nothing writes it. */
  protected busy(): boolean {
    return false;
  }

  /** Appends the sample lines. */
  abstract render(name: string): string;

  abstract snapshot(): SeriesSnapshot;
}

export class SeriesFamily<C extends Series> implements Family<C> {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly evictable: boolean;
  readonly #join: MetricJoin;
  readonly #bounds: readonly number[];
  readonly #create: (labels: LabelText, attach: (series: Series) => void) => C;
  readonly #series = new Map<string, C>();
  /** Evicted, but perhaps still held by somebody who will write it again. */
  readonly #evicted = new Map<string, WeakRef<C>>();

  constructor(options: {
    readonly name: string;
    readonly type: MetricType;
    readonly help: string;
    readonly evictable: boolean;
    readonly join: MetricJoin;
    readonly bounds: readonly number[];
    readonly create: (labels: LabelText, attach: (series: Series) => void) => C;
  }) {
    this.name = options.name;
    this.type = options.type;
    this.help = options.help;
    this.evictable = options.evictable;
    this.#join = options.join;
    this.#bounds = options.bounds;
    this.#create = options.create;
  }

  get size(): number {
    return this.#series.size;
  }

  with(labels: Labels = {}): C {
    const text = labelText(labels);
    const known = this.#series.get(text.key);
    if (known) return known;
    const series = this.#evicted.get(text.key)?.deref() ?? this.#create(text, this.#attach);
    this.#evicted.delete(text.key);
    this.#series.set(text.key, series);
    return series;
  }

  remove(labels: Labels): boolean {
    const { key } = labelText(labels);
    this.#evicted.delete(key);
    return this.#series.delete(key);
  }

  evictIdle(now: Millis, olderThanMs: Millis): number {
    let count = 0;
    for (const [key, series] of this.#series) {
      if (!series.sweep(now, olderThanMs)) continue;
      this.#series.delete(key);
      this.#evicted.set(key, new WeakRef(series));
      count++;
    }
    for (const [key, ref] of this.#evicted) if (!ref.deref()) this.#evicted.delete(key);
    return count;
  }

  render(): string {
    if (this.#series.size === 0) return '';
    let text = `# HELP ${this.name} ${escapeHelp(this.help)}\n# TYPE ${this.name} ${this.type}\n`;
    for (const series of this.#series.values()) text += series.render(this.name);
    return text;
  }

  snapshot(): FamilySnapshot {
    const series = [...this.#series.values()].map((one) => one.snapshot());
    return { name: this.name, type: this.type, help: this.help, join: this.#join, bounds: this.#bounds, series };
  }

  readonly #attach = (series: Series): void => {
    const held = this.#evicted.get(series.key)?.deref();
    if (held !== series) return;
    this.#evicted.delete(series.key);
    this.#series.set(series.key, held);
  };
}
