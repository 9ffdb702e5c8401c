// Writes EndpointSlices for Services that select external workloads, while it leads by its Lease. spec/control-plane.md §1.9.
import type { Logger, MetricRegistry } from '@weft/core';
import {
  type EndpointSlice,
  type ExternalWorkload,
  endpointSliceKind,
  type KubeClient,
  leaderElection,
  type ResourceStore,
  type Service,
  versionsOf,
} from '@weft/kube';
import { keyOf, serviceKeysOf } from '../cluster/keys.ts';
import { desiredEndpoints, selects, selectsWorkloads } from './desired-endpoints.ts';
import { MANAGED_BY_LABEL, MANAGER, planSlices } from './slice-plan.ts';
import { workQueue } from './work-queue.ts';
import { writtenSlices } from './written-slices.ts';

export interface SliceControllerOptions {
  readonly client: KubeClient;
  readonly services: ResourceStore<Service>;
  readonly workloads: ResourceStore<ExternalWorkload>;
  readonly slices: ResourceStore<EndpointSlice>;
  /** Where the Lease is. */
  readonly namespace: string;
  /** Of this process among those that stand for election. */
  readonly identity: string;
  readonly registry: MetricRegistry;
  readonly logger: Logger;
}

export interface SliceController {
  /** Stops, and gives the Lease back. */
  close(): Promise<void>;
}

const LEASE = 'linkerd-destination-endpoint-write';

export function sliceController(options: SliceControllerOptions): SliceController {
  const { client, namespace, identity, registry, logger } = options;
  const lead = (signal: AbortSignal): void => writeWhile(signal, options);
  const labels = { 'linkerd.io/control-plane-component': 'destination', 'linkerd.io/control-plane-ns': namespace };
  return leaderElection({ client, lease: { namespace, name: LEASE }, identity, lead, metadata: { labels }, registry, logger });
}

function writeWhile(signal: AbortSignal, { client, services, workloads, slices, registry, logger }: SliceControllerOptions): void {
  const written = writtenSlices();
  const managed = slices.by((slice) => (isManaged(slice) ? serviceKeysOf(slice) : []));
  const call = { signal };

  const work = async (key: string): Promise<void> => {
    const [serviceNamespace = '', name = ''] = key.split('/');
    const service = services.get(serviceNamespace, name);
    // The slices of a Service that is gone go with their owner.
    if (signal.aborted || !service || service.metadata.deletionTimestamp !== undefined || !selectsWorkloads(service)) return;
    const known = workloads.list(serviceNamespace).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const existing = written.over(managed.get(key), key).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const { create, update, remove } = planSlices(service, desiredEndpoints(service, known), existing);
    for (const draft of create) written.wrote(key, await client.create(endpointSliceKind, draft, call));
    for (const slice of update) written.wrote(key, await client.update(endpointSliceKind, slice, call));
    for (const slice of remove) {
      await client.delete(endpointSliceKind, { namespace: serviceNamespace, name: slice.metadata.name }, call);
      written.removed(key, slice);
    }
    if (create.length + update.length + remove.length > 0) {
      logger.log('debug', 'wrote slices for external workloads', { service: key, created: create.length, updated: update.length, deleted: remove.length });
    }
  };
  const queue = workQueue({ name: 'endpoints_controller_workqueue', work, registry, logger });
  const addSelecting = (workload: ExternalWorkload): void => {
    for (const service of services.list(workload.metadata.namespace)) if (selectsWorkloads(service) && selects(service, workload)) queue.add(keyOf(service));
  };

  const start = (): void => {
    if (signal.aborted) return;
    const stops = [
      services.subscribe((event) => event.kind !== 'deleted' && selectsWorkloads(event.object) && queue.add(keyOf(event.object))),
      slices.subscribe((event) => {
        written.seen(event);
        // Of others who change what is managed here; what was written here comes back as well, and changes nothing.
        if (event.kind !== 'added') for (const slice of versionsOf(event)) if (isManaged(slice)) for (const key of serviceKeysOf(slice)) queue.add(key);
      }),
      workloads.subscribe((event) => {
        for (const workload of versionsOf(event)) addSelecting(workload);
      }),
    ];
    signal.addEventListener('abort', () => {
      for (const stop of stops) stop();
    });
  };
  signal.addEventListener('abort', () => {
    queue.close();
    managed.close();
  });
  // Before all kinds are known, what is missing would be taken for gone.
  Promise.all([services.synced, workloads.synced, slices.synced]).then(start, () => undefined);
}

function isManaged({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MANAGER;
}
