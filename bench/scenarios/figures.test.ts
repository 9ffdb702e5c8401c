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

test('a rise is what rounds beside each other say, whatever both cost in common', () => {
  const base = [20, 20, 30, 20, 40].map((cpu) => figures(cpu, 1));
  const other = [24, 23, 36, 30, 44].map((cpu) => figures(cpu, 1));
  const all = { rounds: 5, quarter_percent: 15, median_percent: 20, three_quarters_percent: 20 };
  expect(riseOf(base, other, [true, false, false, true, true])).toEqual({ ...all, undisturbed_rounds: 3, undisturbed_percent: null });
});

test('rounds that others disturbed do not count where there are enough without', () => {
  const base = Array.from({ length: 13 }, () => figures(20, 1));
  const other = base.map((_, n) => figures(n % 2 === 0 ? 22 : 30, 1));
  const calm = base.map((_, n) => n % 2 === 0 && n < 12);
  expect(riseOf(base, other, calm)).toMatchObject({ median_percent: 10, three_quarters_percent: 50, undisturbed_rounds: 6, undisturbed_percent: 10 });
});
