// What a benchmark answers, as data and as a table.

/** Of one proxy under load. */
export interface LoadFigures {
  /** User and system time of its processes, from the operating system. The figure. */
  readonly cpu_us_per_request: number;
  readonly rps: number;
  /** Of the load as it was: connections that send the next request when the answer is there. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** After the load. */
  readonly rss_mib: number;
  /** Requests that did not succeed. */
  readonly errors: number;
  /** Of response bodies, where they are large. */
  readonly mib_per_cpu_second?: number;
  /** Requests per second of the load that the next two belong to: half of what our proxy did at most, the same for every proxy. */
  readonly rate?: number;
  readonly p50_at_rate_ms?: number;
  readonly p99_at_rate_ms?: number;
  /** Where the figures above are of several versions of HTTP together. */
  readonly by_version?: Readonly<Record<string, LoadFigures>>;
}

/** By how much the CPU time of a request rises between two settings of a proxy. */
export interface RiseFigures {
  readonly rounds: number;
  /** From the lower quartile of the one to that of the other: the figure, because what else runs on the machine only ever adds time. */
  readonly quiet_percent: number;
  /** Of the ratios of rounds beside each other, in order. */
  readonly quarter_percent: number;
  readonly median_percent: number;
  readonly three_quarters_percent: number;
}

/** Of one proxy that holds idle connections. */
export interface IdleFigures {
  /** Before the first connection. */
  readonly idle_rss_mib: number;
  /** With all of them, the most of any kind. */
  readonly rss_mib: number;
  readonly connections: number;
  /** Growth of resident memory by one connection; by kind of connection. */
  readonly bytes_per_connection: Readonly<Record<string, number>>;
}

export type ProxyFigures = LoadFigures | IdleFigures;

/** Of one way to do one operation. */
export interface OperationFigures {
  readonly ns_per_operation: number;
  readonly operations_per_second: number;
}

/** Of one way to balance, in virtual time. */
export interface SimulatedFigures {
  readonly requests: number;
  /** Share of requests that got a good answer in time. */
  readonly goodput: number;
  /** Of the good answers. */
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly p999_ms: number;
  /** Share of requests that were sent to the slow server, and to the one that fails. */
  readonly to_slow: number;
  readonly to_failing: number;
}

/** Of a destination service with many streams. */
export interface DestinationFigures {
  readonly streams: number;
  readonly services: number;
  readonly endpoints: number;
  /** Before the first stream. */
  readonly idle_rss_mib: number;
  /** After everything. */
  readonly rss_mib: number;
  /** Until every stream had its endpoints. */
  readonly opened_ms: number;
  /** Streams that a single change concerns. */
  readonly affected_streams: number;
  /** From the write of an EndpointSlice to when the last of these streams was read. */
  readonly change_p50_ms: number;
  readonly change_max_ms: number;
  /** Changes that did not reach all of them in ten seconds. */
  readonly changes_missed: number;
  /** How long the change of every endpoint took. */
  readonly roll_s: number;
  readonly roll_messages: number;
  readonly roll_p50_ms: number;
  readonly roll_max_ms: number;
  /** After it: that did not have the final endpoints, that had ended, and how often a stream saw an empty set. */
  readonly streams_behind: number;
  readonly streams_ended: number;
  readonly emptied_sets: number;
}

export interface ScenarioReport {
  readonly name: string;
  readonly proxies?: Readonly<Record<string, ProxyFigures>>;
  readonly rises?: Readonly<Record<string, RiseFigures>>;
  readonly operations?: Readonly<Record<string, OperationFigures>>;
  readonly simulated?: Readonly<Record<string, SimulatedFigures>>;
  readonly destination?: Readonly<Record<string, DestinationFigures>>;
  /** What was left out, and why. */
  readonly skipped?: readonly string[];
}

export interface BenchReport {
  readonly machine: Readonly<Record<string, string | number>>;
  readonly scenarios: readonly ScenarioReport[];
}

export function renderScenario({ name, proxies = {}, rises = {}, operations = {}, simulated = {}, destination = {}, skipped = [] }: ScenarioReport): string {
  return [
    `\n${name}`,
    ...renderLoad(proxies),
    ...renderRises(rises),
    ...renderIdle(proxies),
    ...renderOperations(operations),
    ...renderSimulated(simulated),
    ...renderDestination(destination),
    ...skipped.map((reason) => `  left out: ${reason}`),
  ].join('\n');
}

const isLoad = (figures: ProxyFigures): figures is LoadFigures => 'rps' in figures;

function renderLoad(proxies: Readonly<Record<string, ProxyFigures>>): string[] {
  const rows = Object.entries(proxies).flatMap(([proxy, figures]): [string, LoadFigures][] =>
    isLoad(figures)
      ? [[proxy, figures], ...Object.entries(figures.by_version ?? {}).map(([version, own]): [string, LoadFigures] => [`  ${version}`, own])]
      : [],
  );
  if (rows.length === 0) return [];
  const best = Math.min(...Object.values(proxies).map((figures) => (isLoad(figures) ? figures.cpu_us_per_request : Number.POSITIVE_INFINITY)));
  const cell = (value: number | undefined, digits: number): string => value?.toFixed(digits) ?? '-';
  return [
    row('proxy', 'µs CPU/req', 'ratio', 'req/s', 'p50 ms', 'p99 ms', 'at rate', 'p50 ms', 'p99 ms', 'MiB/CPU s', 'RSS MiB', 'errors'),
    ...rows.map(([proxy, one]) =>
      row(
        proxy,
        cell(one.cpu_us_per_request, 1),
        cell(one.cpu_us_per_request / best, 2),
        cell(one.rps, 0),
        cell(one.p50_ms, 2),
        cell(one.p99_ms, 2),
        cell(one.rate, 0),
        cell(one.p50_at_rate_ms, 2),
        cell(one.p99_at_rate_ms, 2),
        cell(one.mib_per_cpu_second, 0),
        cell(one.rss_mib, 0),
        String(one.errors),
      ),
    ),
  ];
}

function renderRises(rises: Readonly<Record<string, RiseFigures>>): string[] {
  const rows = Object.entries(rises).map(([what, one]) => {
    const percents = [one.quiet_percent, one.quarter_percent, one.median_percent, one.three_quarters_percent];
    return row(what, ...percents.map((percent) => percent.toFixed(1)), String(one.rounds));
  });
  return rows.length === 0 ? [] : [row('CPU/req rises by %', 'quiet', 'ratios: 1/4', 'median', '3/4', 'rounds'), ...rows];
}

function renderIdle(proxies: Readonly<Record<string, ProxyFigures>>): string[] {
  const rows = Object.entries(proxies).flatMap(([proxy, figures]): [string, IdleFigures][] => (isLoad(figures) ? [] : [[proxy, figures]]));
  if (rows.length === 0) return [];
  const kinds = [...new Set(rows.flatMap(([, figures]) => Object.keys(figures.bytes_per_connection)))];
  return [
    row('proxy', 'idle MiB', 'most MiB', 'connections', ...kinds.map((kind) => `${kind} KiB`)),
    ...rows.map(([proxy, { idle_rss_mib, rss_mib, connections, bytes_per_connection: bytes }]) => {
      const each = kinds.map((kind) => (bytes[kind] === undefined ? '-' : (bytes[kind] / 1024).toFixed(1)));
      return row(proxy, idle_rss_mib.toFixed(0), rss_mib.toFixed(0), String(connections), ...each);
    }),
  ];
}

function renderOperations(operations: Readonly<Record<string, OperationFigures>>): string[] {
  const rows = Object.entries(operations).map(([name, figures]) => row(name, figures.ns_per_operation.toFixed(1), figures.operations_per_second.toFixed(0)));
  return rows.length === 0 ? [] : [row('operation', 'ns/op', 'op/s'), ...rows];
}

function renderSimulated(simulated: Readonly<Record<string, SimulatedFigures>>): string[] {
  const percent = (share: number): string => (share * 100).toFixed(2);
  const rows = Object.entries(simulated).map(([name, { goodput, p50_ms, p99_ms, p999_ms, to_slow, to_failing }]) =>
    row(name, percent(goodput), p50_ms.toFixed(1), p99_ms.toFixed(1), p999_ms.toFixed(1), percent(to_slow), percent(to_failing)),
  );
  return rows.length === 0 ? [] : [row('balancer', 'goodput %', 'p50 ms', 'p99 ms', 'p99.9 ms', 'slow %', 'failing %'), ...rows];
}

function renderDestination(destination: Readonly<Record<string, DestinationFigures>>): string[] {
  const [first] = Object.values(destination);
  if (!first) return [];
  const figures = Object.keys(first) as (keyof DestinationFigures)[];
  return [
    row('destination', ...Object.keys(destination)),
    ...figures.map((figure) => row(figure, ...Object.values(destination).map((one) => String(one[figure])))),
  ];
}

function row(first: string, ...cells: readonly string[]): string {
  return `  ${first.padEnd(30)}${cells.map((cell) => cell.padStart(11)).join('')}`;
}

export const round = (value: number, digits: number): number => Number(value.toFixed(digits));
