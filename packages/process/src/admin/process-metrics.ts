// What the operating system and Node know of this process. spec/proxy.md §9.4 (process_*).
import { readFileSync } from 'node:fs';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

let shared: Registry | undefined;

/** One per process, as what it measures: prom-client's collectors install observers that cannot be removed. Made when first asked for. */
export function processMetrics(): Registry {
  if (shared) return shared;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const uptime: Counter = new Counter({
    name: 'process_uptime_seconds_total',
    help: 'Seconds since the process started.',
    registers: [registry],
    collect: () => {
      uptime.reset();
      uptime.inc(process.uptime());
    },
  });
  const threads: Gauge = new Gauge({
    name: 'process_threads',
    help: 'Number of operating system threads.',
    registers: [registry],
    collect: () => threads.set(countThreads()),
  });
  shared = registry;
  return registry;
}

/** NaN where there is no /proc. */
function countThreads(): number {
  try {
    return Number(/^Threads:\s+(\d+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}
