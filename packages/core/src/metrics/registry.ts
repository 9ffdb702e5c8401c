// All metrics of a process. Instruments are found by name, so that two parts that count the same thing share it.
import { type Clock, type Millis, systemClock } from '../time/clock.ts';
import { type Counter, CounterSeries } from './counter.ts';
import { type Family, type FamilyOptions, type MetricType, type Series, SeriesFamily } from './family.ts';
import { type Gauge, GaugeSeries } from './gauge.ts';
import { checkBuckets, type Histogram, HistogramSeries } from './histogram.ts';
import type { LabelText } from './labels.ts';
import type { RegistrySnapshot } from './snapshot.ts';

/** Names are given in full, `_total` and units included. Asking again for a name gives the same family; another type or other buckets throw. */
export interface MetricRegistry {
  counter(name: string, help: string, options?: FamilyOptions): Family<Counter>;
  gauge(name: string, help: string, options?: FamilyOptions): Family<Gauge>;
  histogram(name: string, help: string, buckets: readonly number[], options?: FamilyOptions): Family<Histogram>;
  /** Called before each rendering, to set what is read on demand. Returns its removal. */
  beforeRender(fn: () => void): () => void;
  /** Prometheus text, families in the order of their registration; families without series are left out. */
  render(): string;
  /** The same as plain data, for `renderSnapshots`. */
  snapshot(): RegistrySnapshot;
  /** Drops series of evictable families that were not written for so long, and returns how many. Call it regularly: a write counts as made at the next call. */
  evictIdle(olderThanMs: Millis): number;
}

export interface RegistryOptions {
  /** For idle eviction. Default: the system's. */
  readonly clock?: Clock;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

interface Registered {
  readonly family: SeriesFamily<Series>;
  readonly shape: string;
}

export function createRegistry(options: RegistryOptions = {}): MetricRegistry {
  const clock = options.clock ?? systemClock();
  const families = new Map<string, Registered>();
  const hooks = new Set<() => void>();

  /** `shape` says what must agree between two registrations of a name; it stands for the series type. */
  function family<C extends Series>(
    name: string,
    help: string,
    type: MetricType,
    shape: string,
    familyOptions: FamilyOptions | undefined,
    create: (labels: LabelText, attach: (series: Series) => void) => C,
    bounds: readonly number[] = [],
  ): SeriesFamily<C> {
    const known = families.get(name);
    if (known) {
      if (known.shape !== shape) throw new TypeError(`metric ${name} is registered as ${known.shape}, not ${shape}`);
      return known.family as SeriesFamily<C>;
    }
    if (!NAME.test(name)) throw new TypeError(`not a metric name: ${JSON.stringify(name)}`);
    const made = new SeriesFamily<C>({ name, help, type, evictable: familyOptions?.evictable ?? false, join: familyOptions?.join ?? 'sum', bounds, create });
    families.set(name, { family: made as unknown as SeriesFamily<Series>, shape });
    return made;
  }

  return {
    counter: (name, help, o) => family(name, help, 'counter', 'counter', o, (labels, attach) => new CounterSeries(labels, attach)),
    gauge: (name, help, o) => family(name, help, 'gauge', 'gauge', o, (labels, attach) => new GaugeSeries(labels, attach)),
    histogram(name, help, buckets, o) {
      const bounds = checkBuckets(buckets);
      return family(name, help, 'histogram', `histogram of ${bounds.join(',')}`, o, (labels, attach) => new HistogramSeries(bounds, labels, attach), bounds);
    },
    beforeRender(fn) {
      const hook = (): void => fn();
      hooks.add(hook);
      return () => void hooks.delete(hook);
    },
    render() {
      for (const hook of hooks) hook();
      let text = '';
      for (const { family: one } of families.values()) text += one.render();
      return text;
    },
    snapshot() {
      for (const hook of hooks) hook();
      return [...families.values()].map(({ family: one }) => one.snapshot());
    },
    evictIdle(olderThanMs) {
      const now = clock.now();
      let count = 0;
      for (const { family: one } of families.values()) if (one.evictable) count += one.evictIdle(now, olderThanMs);
      return count;
    },
  };
}
