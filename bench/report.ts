// What a benchmark answers, as data and as a table.

/** Of one proxy in one scenario. */
export interface ProxyFigures {
  /** User and system time of the proxy process, from the operating system. The figure. */
  readonly cpu_us_per_request: number;
  readonly rps: number;
  /** Of the load as it was: connections that send the next request when the answer is there. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** After the load. */
  readonly rss_mib: number;
  /** Requests that did not succeed. */
  readonly errors: number;
}

/** Of one way to do one operation. */
export interface OperationFigures {
  readonly ns_per_operation: number;
  readonly operations_per_second: number;
}

export interface ScenarioReport {
  readonly name: string;
  readonly proxies?: Readonly<Record<string, ProxyFigures>>;
  readonly operations?: Readonly<Record<string, OperationFigures>>;
  /** What was left out, and why. */
  readonly skipped?: readonly string[];
}

export interface BenchReport {
  readonly machine: Readonly<Record<string, string | number>>;
  readonly scenarios: readonly ScenarioReport[];
}

export function renderScenario({ name, proxies = {}, operations = {}, skipped = [] }: ScenarioReport): string {
  const lines = [`\n${name}`];
  const best = Math.min(...Object.values(proxies).map((figures) => figures.cpu_us_per_request));
  if (Object.keys(proxies).length > 0) lines.push(row('proxy', 'µs CPU/req', 'ratio', 'req/s', 'p50 ms', 'p99 ms', 'RSS MiB', 'errors'));
  for (const [proxy, figures] of Object.entries(proxies)) {
    const { cpu_us_per_request: cpu, rps, p50_ms, p99_ms, rss_mib, errors } = figures;
    lines.push(row(proxy, cpu.toFixed(1), (cpu / best).toFixed(2), rps.toFixed(0), p50_ms.toFixed(2), p99_ms.toFixed(2), rss_mib.toFixed(0), String(errors)));
  }
  if (Object.keys(operations).length > 0) lines.push(row('operation', 'ns/op', 'op/s'));
  for (const [operation, figures] of Object.entries(operations)) {
    lines.push(row(operation, figures.ns_per_operation.toFixed(1), figures.operations_per_second.toFixed(0)));
  }
  return [...lines, ...skipped.map((reason) => `  left out: ${reason}`)].join('\n');
}

function row(first: string, ...cells: readonly string[]): string {
  return `  ${first.padEnd(30)}${cells.map((cell) => cell.padStart(12)).join('')}`;
}

export const round = (value: number, digits: number): number => Number(value.toFixed(digits));
