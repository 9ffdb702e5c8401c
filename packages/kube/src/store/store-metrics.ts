// What stores tell of themselves: sizes and lag under Linkerd's names, the rest under our own. spec/control-plane.md §5.
import type { MetricRegistry } from '@weft/core';
import type { ResourceKind } from '../resources/resource-kind.ts';
import type { RestartCause } from './reflector.ts';

export interface StoreMetrics {
  /** By how many objects the store grew or shrank. */
  resized(by: number): void;
  /** Seconds between a change and its arrival. */
  lag(seconds: number): void;
  /** Changes that a list brought and no event. */
  missed(count: number): void;
  skipped(): void;
  restarted(cause: RestartCause): void;
  stale(by: 1 | -1): void;
}

/** Linkerd's, in seconds. */
const LAG_BUCKETS: readonly number[] = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000];

/** Several stores of one kind in one process add up. */
export function storeMetrics(registry: MetricRegistry, resource: Pick<ResourceKind, 'kind' | 'plural'>, cluster: string): StoreMetrics {
  const kind = resource.kind.toLowerCase();
  // Linkerd's only name in the singular.
  const plural = resource.plural === 'externalworkloads' ? 'externalworkload' : resource.plural;
  const labels = { kind, cluster };
  const size = registry.gauge(`${kind}_cache_size`, 'Objects of the kind that are held in memory').with({ cluster });
  const lag = registry.histogram(`${plural}_informer_lag_seconds`, 'Time between a change of an object and its arrival, in seconds', LAG_BUCKETS).with();
  const missed = registry
    .counter('weft_kube_missed_events_total', 'Changes that were found by listing again, and that no watch event had brought')
    .with(labels);
  const skipped = registry.counter('weft_kube_skipped_objects_total', 'Events and objects that could not be read').with(labels);
  const restarts = registry.counter('weft_kube_watch_restarts_total', 'Watches that ended and were begun again, by cause');
  const stale = registry.gauge('weft_kube_stale_stores', 'Stores whose watch is broken: what they hold may be old').with(labels);
  return {
    resized: (by) => size.inc(by),
    lag: (seconds) => lag.observe(seconds),
    missed: (count) => missed.inc(count),
    skipped: () => skipped.inc(),
    restarted: (cause) => restarts.with({ ...labels, cause }).inc(),
    stale: (by) => stale.inc(by),
  };
}
