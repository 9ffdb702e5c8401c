// What the process tells about itself. spec/proxy.md §9.4 (process_*, proxy_build_info).
import { readdirSync, readFileSync } from 'node:fs';
import type { Clock, MetricRegistry } from '@weft/core';
import { VERSION } from './version.ts';

/** Values are read when the metrics are rendered; those that only Linux tells are left out elsewhere. */
export function processMetrics(registry: MetricRegistry, clock: Clock): void {
  const gauge = (name: string, help: string) => registry.gauge(name, help);
  gauge('proxy_build_info', 'What this proxy is, as labels').with({ vendor: 'weft', version: VERSION, profile: 'release' }).set(1);
  const started = clock.wall() / 1_000 - process.uptime();
  gauge('process_start_time_seconds', 'When the process started, in seconds since the epoch').with({}).set(started);
  const resident = gauge('process_resident_memory_bytes', 'Resident memory').with({});
  const uptime = growing(registry, 'process_uptime_seconds_total', 'Time since the process started');
  const cpu = growing(registry, 'process_cpu_seconds_total', 'Processor time, user and system');
  const linux = [
    [gauge('process_virtual_memory_bytes', 'Virtual memory'), virtualMemory],
    [gauge('process_open_fds', 'Open file descriptors'), () => readdirSync('/proc/self/fd').length],
    [gauge('process_max_fds', 'Most file descriptors that may be open'), maxDescriptors],
    [gauge('process_threads', 'Threads'), () => Number(/^Threads:\s+([0-9]+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1])],
  ] as const;
  registry.beforeRender(() => {
    const { user, system } = process.cpuUsage();
    resident.set(process.memoryUsage.rss());
    uptime(process.uptime());
    cpu((user + system) / 1e6);
    for (const [family, read] of linux) {
      const value = onLinux(read);
      if (value !== undefined) family.with({}).set(value);
    }
  });
}

/** A counter of which the total is known, not the steps. */
function growing(registry: MetricRegistry, name: string, help: string): (total: number) => void {
  const counter = registry.counter(name, help).with({});
  let last = 0;
  return (total) => {
    counter.inc(Math.max(0, total - last));
    last = Math.max(last, total);
  };
}

function virtualMemory(): number {
  return Number(/^VmSize:\s+([0-9]+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}

function maxDescriptors(): number {
  return Number(/^Max open files\s+([0-9]+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
}

function onLinux(read: () => number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const value = read();
    return Number.isFinite(value) ? value : undefined;
  } catch {
    return undefined; // /proc is not mounted here: the metric is left out.
  }
}
