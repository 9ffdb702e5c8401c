// One proxy process under one load.
import { loadGenerator } from '../load/generator.ts';
import type { LoadOptions } from '../load/load.ts';
import { cpuTimeUs, residentMib } from '../processes/usage.ts';
import { type LoadFigures, round } from '../report.ts';

export async function figuresOf(pid: number, load: LoadOptions): Promise<LoadFigures> {
  const before = cpuTimeUs(pid);
  const { requests, errors, seconds, p50Ms, p99Ms } = await loadGenerator(load).run(load);
  const used = cpuTimeUs(pid) - before;
  return {
    cpu_us_per_request: round(used / requests, 2),
    rps: round(requests / seconds, 0),
    p50_ms: round(p50Ms, 3),
    p99_ms: round(p99Ms, 3),
    rss_mib: round(residentMib(pid), 1),
    errors,
  };
}
