// `weft demo --check`: traffic for a bounded time, everything measured from the proxies' own metrics, and a verdict.
import {
  certificatesIssued,
  connectionCounts,
  type DeploymentStats,
  deploymentStats,
  type Mesh,
  type ProxyMetrics,
  residentMemory,
  scrapeProxies,
} from '@weft/mesh';
import { NAMESPACE } from './start-demo.ts';

export interface Report {
  readonly runtime: string;
  readonly seconds: number;
  readonly requests: number;
  readonly deployments: Readonly<Record<string, Omit<DeploymentStats, 'requests'>>>;
  readonly meshed_connections: number;
  readonly mtls_connections: number;
  readonly certificates_issued: number;
  /** Resident memory by namespace, pod and container, where the system tells it. */
  readonly rss_mib: Readonly<Record<string, number>>;
}

export interface Verdict {
  readonly report: Report;
  /** One sentence for each thing that does not hold; empty when all is well. */
  readonly problems: readonly string[];
}

/** What the application does by design: one vote in seven is lost, and each vote is one of two requests to web. */
const EXPECTED: Readonly<Record<string, number>> = { web: 1 - 0.158 / 2, voting: 1 - 0.158, emoji: 1 };
/** Fewer requests than this prove nothing. */
const MIN_REQUESTS = 200;
/** Times the wanted duration. */
const LONGEST = 3;

export async function checkDemo(mesh: Mesh, seconds: number, wait: (ms: number) => Promise<void>): Promise<Verdict> {
  const before = await scrapeProxies(mesh);
  const started = performance.now();
  let after = before;
  let elapsed = 0;
  let served: Readonly<Record<string, DeploymentStats>> = {};
  // A slow machine gets more time, up to a bound, before there are too few requests to tell.
  for (let left = seconds; elapsed < seconds * LONGEST && tooFew(served).length > 0; left = seconds / 2) {
    await wait(left * 1000);
    after = await scrapeProxies(mesh);
    elapsed = (performance.now() - started) / 1000;
    const all = deploymentStats(inNamespace(before), inNamespace(after), elapsed);
    served = Object.fromEntries(Object.entries(all).filter(([name]) => name in EXPECTED));
  }
  const connections = connectionCounts(inNamespace(after));
  const requests = Object.values(served).reduce((total, stats) => total + stats.requests, 0);
  const certificates = certificatesIssued(after);
  const problems = [
    ...Object.entries(EXPECTED).flatMap(([name, expected]) => rateProblems(name, served[name], expected)),
    ...connections.plaintext,
    ...(connections.meshed === 0 ? ['no proxy opened a connection to another pod'] : []),
    ...(certificates < after.length ? [`${after.length} proxies, but only ${certificates} certificates were issued`] : []),
    ...missing(mesh, after),
  ];
  return {
    problems,
    report: {
      runtime: mesh.runtime,
      seconds: round(elapsed, 2),
      requests,
      deployments: Object.fromEntries(Object.entries(served).map(([name, stats]) => [name, rounded(stats)])),
      meshed_connections: connections.meshed,
      mtls_connections: connections.mtls,
      certificates_issued: certificates,
      rss_mib: await residentMemory(mesh),
    },
  };
}

/** Deployments of which too little was seen for a verdict. */
function tooFew(served: Readonly<Record<string, DeploymentStats>>): readonly string[] {
  return Object.keys(EXPECTED).filter((name) => (served[name]?.requests ?? 0) < MIN_REQUESTS);
}

function inNamespace(proxies: readonly ProxyMetrics[]): readonly ProxyMetrics[] {
  return proxies.filter(({ namespace }) => namespace === NAMESPACE);
}

/** Within five standard deviations of what the application does by design, and never more than five points off. */
function rateProblems(name: string, stats: DeploymentStats | undefined, expected: number): readonly string[] {
  if (!stats || stats.success_rate === undefined || stats.requests < MIN_REQUESTS) {
    return [`${name}: ${stats?.requests ?? 0} requests, at least ${MIN_REQUESTS} are needed for a verdict`];
  }
  const allowed = Math.min(0.05, 5 * Math.sqrt((expected * (1 - expected)) / stats.requests));
  const off = Math.abs(stats.success_rate - expected);
  return off <= allowed ? [] : [`${name}: success rate ${percent(stats.success_rate)}, expected ${percent(expected)} ± ${percent(allowed)}`];
}

/** Meshed pods whose proxy was not heard of. */
function missing(mesh: Mesh, heard: readonly ProxyMetrics[]): readonly string[] {
  const pods = new Set(heard.map(({ namespace, pod }) => `${namespace}/${pod}`));
  return mesh
    .pods()
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
    .filter((name) => !pods.has(name))
    .map((name) => `the proxy of pod ${name} does not answer`);
}

function rounded({ success_rate, rps, p50_ms, p95_ms, p99_ms }: DeploymentStats): Omit<DeploymentStats, 'requests'> {
  const ms = (value: number | undefined): number | undefined => (value === undefined ? undefined : round(value, 1));
  return {
    success_rate: success_rate === undefined ? undefined : round(success_rate, 4),
    rps: round(rps, 1),
    p50_ms: ms(p50_ms),
    p95_ms: ms(p95_ms),
    p99_ms: ms(p99_ms),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
