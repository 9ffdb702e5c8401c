// By how much a request costs more in one setting than in another, from rounds beside each other.
import { percentile } from '../load/percentile.ts';
import { type LoadFigures, type RiseFigures, round } from '../report.ts';

/** From the rounds of `base` and those of `other` beside them. */
export function riseOf(base: readonly LoadFigures[], other: readonly LoadFigures[]): RiseFigures {
  const [from, to] = [base, other].map((rounds) => rounds.map(({ cpu_us_per_request: cpu }) => cpu)) as [number[], number[]];
  const ratios = from.map((cpu, n) => (to[n] ?? Number.NaN) / cpu);
  return {
    rounds: ratios.length,
    quiet_percent: percent(quantile(to, 0.25) / quantile(from, 0.25)),
    quarter_percent: percent(quantile(ratios, 0.25)),
    median_percent: percent(quantile(ratios, 0.5)),
    three_quarters_percent: percent(quantile(ratios, 0.75)),
  };
}

const percent = (ratio: number): number => round((ratio - 1) * 100, 1);

function quantile(values: readonly number[], share: number): number {
  return percentile(
    [...values].sort((a, b) => a - b),
    share,
  );
}
