import { expect, test } from 'vitest';
import type { LoadFigures } from '../report.ts';
import { together } from './large-bodies.ts';
import { riseOf } from './rise.ts';
import { medianOf } from './under-load.ts';

const figures = (cpu: number, rps: number, errors = 0): LoadFigures => ({ cpu_us_per_request: cpu, rps, p50_ms: cpu / 10, p99_ms: cpu, rss_mib: 50, errors });

test('the round with the median CPU time counts, with the errors of all', () => {
  expect(medianOf([figures(9, 1, 1), figures(3, 2), figures(5, 3, 2)])).toEqual(figures(5, 3, 3));
});

test('two versions together are as one load with as many requests of each', () => {
  const versions = { h1: figures(500, 1000, 1), h2: figures(1500, 3000) };
  const all = { cpu_us_per_request: 1000, rps: 1500, p50_ms: 100, p99_ms: 1500, rss_mib: 50, errors: 1, mib_per_cpu_second: 1000, by_version: versions };
  expect(together(versions)).toEqual(all);
});

test('a rise is from lower quartile to lower quartile; the ratios of rounds beside each other say how far they agree', () => {
  const base = [20, 20, 30, 20, 40].map((cpu) => figures(cpu, 1));
  const other = [24, 23, 36, 30, 44].map((cpu) => figures(cpu, 1));
  expect(riseOf(base, other)).toEqual({ rounds: 5, quiet_percent: 20, quarter_percent: 15, median_percent: 20, three_quarters_percent: 20 });
});

test('rounds that something else on the machine made dearer do not move it while a quarter is left alone', () => {
  const base = Array.from({ length: 12 }, (_, n) => figures(n % 3 === 0 ? 20 : 30, 1));
  const other = base.map((_, n) => figures(n % 3 === 1 ? 22 : 50, 1));
  expect(riseOf(base, other).quiet_percent).toBe(10);
});
