// The watch of one kind: its store, when it can be served from, and what is measured of it. spec/control-plane.md §5.
import { type Logger, type MetricRegistry, systemClock } from '@weft/core';
import { type KubeClient, type KubeError, type KubeObject, type ResourceKind, type ResourceStore, resourceStore, type StoreEvent } from '@weft/kube';

export interface WatchedKind<T extends KubeObject> {
  readonly store: ResourceStore<T>;
  /** Resolves when the first list is in; of an optional kind also when the cluster has none such. */
  readonly ready: Promise<void>;
  close(): void;
}

export interface WatchKindOptions<T extends KubeObject> {
  readonly logger: Logger;
  readonly onEvent: (event: StoreEvent<T>) => void;
  /** May be missing in the cluster, or not be permitted: everything else is served, and it is taken up when it comes. */
  readonly optional?: boolean;
  readonly namespace?: string;
  /** Where the age of changes is observed, in seconds; and sizes by cluster. */
  readonly metrics?: { readonly registry: MetricRegistry; readonly cluster: string; readonly lag?: string } | undefined;
  /** The cluster has no such kind, or does not let this be read. Called for each attempt. */
  readonly onRefused?: (error: KubeError) => void;
}

const LAG_BUCKETS_S = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000];

export function watchKind<T extends KubeObject>(client: KubeClient, kind: ResourceKind<T>, options: WatchKindOptions<T>): WatchedKind<T> {
  const { logger, optional = false, metrics, namespace } = options;
  let refused = false;
  let resolveMissing: () => void = () => undefined;
  const missing = new Promise<void>((resolve) => (resolveMissing = resolve));
  const store = resourceStore(client, kind, {
    logger,
    ...(namespace !== undefined && { namespace }),
    onBreak(error) {
      if (error.code !== 'NOT_FOUND' && error.code !== 'FORBIDDEN') return;
      options.onRefused?.(error);
      if (!optional) return;
      if (!refused)
        logger.log('warn', 'a kind cannot be read, and is served without until it can', { kind: kind.kind, group: kind.group, error: error.message });
      refused = true;
      resolveMissing();
    },
  });
  store.subscribe(metrics?.lag === undefined ? options.onEvent : measured(options.onEvent, metrics.registry, metrics.lag));
  const size = metrics?.registry.gauge(`${kind.kind.toLowerCase()}_cache_size`, `Number of ${kind.kind} objects that are held`);
  const labels = { cluster: metrics?.cluster ?? '' };
  const forget = metrics?.registry.beforeRender(() => size?.with(labels).set(store.list().length));
  return {
    store,
    ready: optional ? Promise.race([store.synced, missing]) : store.synced,
    close() {
      store.close();
      forget?.();
      size?.remove(labels);
    },
  };
}

/** Observes how old a change is when it arrives: the newest time among those who wrote the object. */
function measured<T extends KubeObject>(onEvent: (event: StoreEvent<T>) => void, registry: MetricRegistry, name: string): (event: StoreEvent<T>) => void {
  const help = 'The time between the update of a resource and its arrival here';
  const lag = registry.histogram(`${name}_informer_lag_seconds`, help, LAG_BUCKETS_S).with();
  const clock = systemClock();
  return (event) => {
    if (event.kind === 'updated') {
      const { managedFields = [] } = event.object.metadata as { managedFields?: readonly { readonly time?: string }[] };
      const newest = Math.max(...managedFields.map(({ time }) => (time === undefined ? Number.NEGATIVE_INFINITY : Date.parse(time))));
      if (Number.isFinite(newest)) lag.observe(Math.max(0, clock.wall() - newest) / 1000);
    }
    onEvent(event);
  };
}
