import { createRegistry, parseExposition, systemClock } from '@weft/core';
import { expect, test } from 'vitest';
import { processMetrics } from './process-metrics.ts';

test('the process tells when it started and what it uses', () => {
  const registry = createRegistry();
  processMetrics(registry, systemClock());
  const read = (): Map<string, number> => new Map(parseExposition(registry.render()).map(({ name, value }) => [name, value]));
  const first = read();
  const second = read();
  expect(Math.abs((first.get('process_start_time_seconds') ?? 0) + process.uptime() - Date.now() / 1_000)).toBeLessThan(60);
  expect(first.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  expect(second.get('process_cpu_seconds_total')).toBeGreaterThanOrEqual(first.get('process_cpu_seconds_total') ?? Number.NaN);
  expect(second.get('process_uptime_seconds_total')).toBeGreaterThan(first.get('process_uptime_seconds_total') ?? Number.NaN);
  expect(first.get('proxy_build_info')).toBe(1);
});

test.runIf(process.platform === 'linux')('Linux tells more', () => {
  const registry = createRegistry();
  processMetrics(registry, systemClock());
  for (const name of ['process_virtual_memory_bytes', 'process_open_fds', 'process_max_fds', 'process_threads'])
    expect(registry.render()).toContain(`\n${name} `);
});
