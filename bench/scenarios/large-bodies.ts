// Responses of one MiB, over both versions of HTTP: one scenario, whose figures are those of both loads together, and of each.
import { straight } from '../hop.ts';
import { type LoadFigures, round } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { measureUnderLoad } from './under-load.ts';

const NAME = 'body-1m';
const MIB = 2 ** 20;
/** Eight requests under way. */
const LOADS = { h1: { connections: 8, streams: 1 }, h2: { connections: 4, streams: 2 } } as const;

export const largeBodies: Scenario = {
  name: NAME,
  about: 'HTTP/1.1 and HTTP/2, answers of 1 MiB, eight under way',
  async run(context) {
    const byVersion = new Map<string, Record<string, LoadFigures>>();
    const skipped = new Set<string>();
    for (const version of ['h1', 'h2'] as const) {
      const measured = await measureUnderLoad({ name: NAME, path: straight(version), ...LOADS[version], bodyBytes: MIB }, context);
      for (const [proxy, figures] of Object.entries(measured.proxies)) byVersion.set(proxy, { ...byVersion.get(proxy), [version]: figures });
      for (const reason of measured.skipped) skipped.add(reason);
    }
    return { name: NAME, proxies: Object.fromEntries([...byVersion].map(([proxy, versions]) => [proxy, together(versions)])), skipped: [...skipped] };
  },
};

/** As of one load that sends as many requests in each version. */
export function together(versions: Readonly<Record<string, LoadFigures>>): LoadFigures {
  const all = Object.values(versions);
  const mean = (of: (figures: LoadFigures) => number, digits: number): number => round(all.reduce((sum, figures) => sum + of(figures), 0) / all.length, digits);
  const most = (of: (figures: LoadFigures) => number): number => Math.max(...all.map(of));
  const cpu = mean((figures) => figures.cpu_us_per_request, 2);
  return {
    cpu_us_per_request: cpu,
    rps: round(1 / mean((figures) => 1 / figures.rps, 12), 0),
    p50_ms: mean((figures) => figures.p50_ms, 3),
    p99_ms: most((figures) => figures.p99_ms),
    rss_mib: most((figures) => figures.rss_mib),
    errors: all.reduce((sum, { errors }) => sum + errors, 0),
    mib_per_cpu_second: round(1e6 / cpu, 0),
    by_version: versions,
  };
}
