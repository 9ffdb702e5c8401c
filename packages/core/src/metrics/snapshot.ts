// The metrics of several registries as one text: what worker threads count is plain data that is added up when it is asked for.
import type { MetricType } from './family.ts';
import { histogramLines } from './histogram.ts';
import { escapeHelp, formatValue } from './labels.ts';

/** How the values that several registries have for one series become one. */
export type MetricJoin = 'sum' | 'max';

export interface SeriesSnapshot {
  /** Labels as they are shown. */
  readonly text: string;
  /** Equal for equal labels. */
  readonly key: string;
  /** Of a histogram the sum. */
  readonly value: number;
  /** Of a histogram: how many values are in each bucket, those beyond the last bound at the end. */
  readonly counts?: readonly number[] | undefined;
}

export interface FamilySnapshot {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly join: MetricJoin;
  /** Of a histogram. */
  readonly bounds: readonly number[];
  readonly series: readonly SeriesSnapshot[];
}

/** Structured-cloneable. */
export type RegistrySnapshot = readonly FamilySnapshot[];

/** Prometheus text; a series that several snapshots have is shown once. Throws where they mean different things by one name. */
export function renderSnapshots(snapshots: readonly RegistrySnapshot[]): string {
  const families = new Map<string, { readonly first: FamilySnapshot; readonly series: Map<string, SeriesSnapshot> }>();
  for (const family of snapshots.flat()) {
    const known = families.get(family.name) ?? { first: family, series: new Map<string, SeriesSnapshot>() };
    if (shapeOf(known.first) !== shapeOf(family)) throw new TypeError(`metric ${family.name} is ${shapeOf(known.first)} here and ${shapeOf(family)} there`);
    families.set(family.name, known);
    for (const one of family.series) {
      const present = known.series.get(one.key);
      known.series.set(one.key, present ? joined(family.join, present, one) : one);
    }
  }
  let text = '';
  for (const { first, series } of families.values()) {
    if (series.size === 0) continue;
    text += `# HELP ${first.name} ${escapeHelp(first.help)}\n# TYPE ${first.name} ${first.type}\n`;
    for (const one of series.values()) text += lines(first, one);
  }
  return text;
}

function shapeOf({ type, bounds }: FamilySnapshot): string {
  return type === 'histogram' ? `histogram of ${bounds.join(',')}` : type;
}

function joined(how: MetricJoin, a: SeriesSnapshot, b: SeriesSnapshot): SeriesSnapshot {
  const value = how === 'sum' ? a.value + b.value : Math.max(a.value, b.value);
  return { ...a, value, counts: a.counts?.map((count, index) => count + (b.counts?.[index] ?? 0)) };
}

function lines(family: FamilySnapshot, { text, value, counts }: SeriesSnapshot): string {
  if (counts) return histogramLines(family.name, text, family.bounds, counts, value);
  return `${family.name}${text === '' ? '' : `{${text}}`} ${formatValue(value)}\n`;
}
