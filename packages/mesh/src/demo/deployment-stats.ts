// Success rate, requests per second and latency of each deployment between two scrapes. spec/viz.md §1.4, §1.8.
import type { Sample } from '@weft/core';
import type { ProxyMetrics } from './scrape.ts';

export interface DeploymentStats {
  /** 0 – 1; undefined without requests. */
  readonly success_rate: number | undefined;
  readonly rps: number;
  readonly p50_ms: number | undefined;
  readonly p95_ms: number | undefined;
  readonly p99_ms: number | undefined;
  readonly requests: number;
}

/** By deployment of one namespace, in order of name; those whose proxies answered nothing show no traffic. */
export function deploymentStats(before: readonly ProxyMetrics[], after: readonly ProxyMetrics[], seconds: number): Readonly<Record<string, DeploymentStats>> {
  const names = [...new Set(after.map(({ deployment }) => deployment))].sort();
  return Object.fromEntries(names.map((name) => [name, statsOf(increases(before, after, name), seconds)]));
}

interface Increase {
  readonly sample: Sample;
  readonly by: number;
}

/** How much each inbound series of a deployment's pods grew. A counter that fell began anew. The admin port is not traffic. */
function increases(before: readonly ProxyMetrics[], after: readonly ProxyMetrics[], deployment: string): readonly Increase[] {
  const earlier = new Map(before.flatMap(({ pod, samples }) => samples.map((sample) => [keyOf(pod, sample), sample.value] as const)));
  return after
    .filter((proxy) => proxy.deployment === deployment)
    .flatMap(({ pod, samples }) =>
      samples
        .filter(({ labels }) => labels['direction'] === 'inbound' && labels['target_port'] !== '4191')
        .map((sample) => {
          const was = earlier.get(keyOf(pod, sample)) ?? 0;
          return { sample, by: sample.value >= was ? sample.value - was : sample.value };
        }),
    );
}

function keyOf(pod: string, { name, labels }: Sample): string {
  return `${pod} ${name} ${JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
}

function statsOf(grown: readonly Increase[], seconds: number): DeploymentStats {
  const responses = (classification: string): number =>
    sum(grown.filter(({ sample }) => sample.name === 'response_total' && sample.labels['classification'] === classification));
  const success = responses('success');
  const requests = success + responses('failure');
  const buckets = new Map<number, number>();
  for (const { sample, by } of grown) {
    if (sample.name !== 'response_latency_ms_bucket') continue;
    const bound = sample.labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(sample.labels['le']);
    buckets.set(bound, (buckets.get(bound) ?? 0) + by);
  }
  const quantile = (q: number): number | undefined => histogramQuantile(q, buckets);
  return {
    success_rate: requests === 0 ? undefined : success / requests,
    rps: requests / seconds,
    p50_ms: quantile(0.5),
    p95_ms: quantile(0.95),
    p99_ms: quantile(0.99),
    requests,
  };
}

function sum(grown: readonly Increase[]): number {
  return grown.reduce((total, { by }) => total + by, 0);
}

/** Prometheus' histogram_quantile over cumulative buckets: linear within a bucket, the last finite bound beyond it. Undefined when empty. */
export function histogramQuantile(q: number, cumulative: ReadonlyMap<number, number>): number | undefined {
  const buckets = [...cumulative].sort(([a], [b]) => a - b);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return undefined;
  const rank = q * total;
  const index = buckets.findIndex(([, count]) => count >= rank);
  const [bound, count] = buckets[index] ?? [0, 0];
  const [lower, below] = buckets[index - 1] ?? [0, 0];
  if (bound === Number.POSITIVE_INFINITY) return lower;
  return count === below ? bound : lower + ((bound - lower) * (rank - below)) / (count - below);
}
