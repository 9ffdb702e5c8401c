// The watch of one kind, and from when on can be served without it: a cluster may lack what the mesh brings. spec/control-plane.md §1.1.
import type { Clock, Logger, MetricRegistry } from '@weft/core';
import { type KubeClient, type KubeError, type KubeObject, type ResourceKind, type ResourceStore, resourceStore, type StoreEvent } from '@weft/kube';
import type { Check } from '@weft/kube/shape';
import type { OnSkipped } from './skipped-objects.ts';

export interface WatchedKind<T extends KubeObject> {
  readonly store: ResourceStore<T>;
  /** Resolves when the first list is in; of an optional kind also when the cluster has none such. */
  readonly ready: Promise<void>;
}

export interface WatchKindOptions<T extends KubeObject> {
  readonly logger: Logger;
  readonly onEvent: (event: StoreEvent<T>) => void;
  /** What is needed of an object; one that lacks it is skipped. */
  readonly check: Check;
  readonly onSkipped?: OnSkipped | undefined;
  /** May be missing in the cluster, or not be permitted: everything else is served, and it is taken up when it comes. */
  readonly optional?: boolean;
  readonly namespace?: string;
  /** Leaves out what is not read. */
  readonly trim?: (object: T) => T;
  readonly registry?: MetricRegistry | undefined;
  readonly clock?: Clock | undefined;
  /** Label of the metrics. */
  readonly cluster?: string;
  /** The cluster has no such kind, or does not let this be read. Called for each attempt. */
  readonly onRefused?: (error: KubeError) => void;
}

export function watchKind<T extends KubeObject>(client: KubeClient, kind: ResourceKind<T>, options: WatchKindOptions<T>): WatchedKind<T> {
  const { logger, optional = false, namespace, trim, registry, cluster, clock, check, onSkipped } = options;
  let refused = false;
  let resolveMissing: () => void = () => undefined;
  const missing = new Promise<void>((resolve) => (resolveMissing = resolve));
  const store = resourceStore(client, kind, {
    logger,
    check,
    ...(onSkipped && { onSkipped }),
    ...(clock && { clock }),
    ...(namespace !== undefined && { namespace }),
    ...(trim && { trim }),
    ...(registry && { registry }),
    ...(cluster !== undefined && { cluster }),
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
  store.subscribe(options.onEvent);
  return { store, ready: optional ? Promise.race([store.synced, missing]) : store.synced };
}
