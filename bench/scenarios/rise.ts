// By how much a request costs more in one setting than in another, from rounds beside each other.
import { percentile } from '../load/percentile.ts';
import { type LoadFigures, type RiseFigures, round } from '../report.ts';

/** Fewer rounds say nothing. */
const FEW_ROUNDS = 5;

/** From the rounds of `base` and those of `other` beside them. `calm`: the rounds that nobody disturbed. */
export function riseOf(base: readonly LoadFigures[], other: readonly LoadFigures[], calm: readonly boolean[]): RiseFigures {
  const percent = base.map(({ cpu_us_per_request: from }, n) => ((other[n]?.cpu_us_per_request ?? Number.NaN) / from - 1) * 100);
  const undisturbed = percent.filter((_, n) => calm[n]);
  return {
    rounds: percent.length,
    quarter_percent: quantile(percent, 0.25),
    median_percent: quantile(percent, 0.5),
    three_quarters_percent: quantile(percent, 0.75),
    undisturbed_rounds: undisturbed.length,
    undisturbed_percent: undisturbed.length < FEW_ROUNDS ? null : quantile(undisturbed, 0.5),
  };
}

function quantile(values: readonly number[], share: number): number {
  return round(
    percentile(
      [...values].sort((a, b) => a - b),
      share,
    ),
    1,
  );
}
