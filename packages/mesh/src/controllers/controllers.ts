// The few controllers that a laptop needs, over one set of caches. They speak to the API server by HTTP like anybody else;
// deleting what has lost its owner, and ServiceAccounts of new namespaces, are the embedded API server's own.
import type { Clock, Logger } from '@weft/core';
import {
  type Deployment,
  deploymentKind,
  type EndpointSlice,
  endpointSliceKind,
  type KubeClient,
  type Pod,
  podKind,
  type ReplicaSet,
  type ResourceStore,
  replicaSetKind,
  resourceStore,
  type Service,
  serviceKind,
} from '@weft/kube';
import { deploymentController } from './deployment-controller.ts';
import { endpointSliceController } from './endpoint-slice-controller.ts';
import type { Reconciler } from './reconciler.ts';
import { replicaSetController } from './replica-set-controller.ts';
import { scheduler } from './scheduler.ts';

export interface ControllersOptions {
  readonly client: KubeClient;
  /** Where pods are put. */
  readonly nodeName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Controllers {
  readonly deployments: ResourceStore<Deployment>;
  readonly replicaSets: ResourceStore<ReplicaSet>;
  readonly pods: ResourceStore<Pod>;
  readonly services: ResourceStore<Service>;
  readonly slices: ResourceStore<EndpointSlice>;
  /** Resolves when every cache has its first list. */
  readonly synced: Promise<void>;
  /** Stops reconciling; the caches go on. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export function startControllers(options: ControllersOptions): Controllers {
  const { client, clock, logger } = options;
  const storeOptions = { clock, logger };
  const deployments = resourceStore(client, deploymentKind, storeOptions);
  const replicaSets = resourceStore(client, replicaSetKind, storeOptions);
  const pods = resourceStore(client, podKind, storeOptions);
  const services = resourceStore(client, serviceKind, storeOptions);
  const slices = resourceStore(client, endpointSliceKind, storeOptions);
  const stores = [deployments, replicaSets, pods, services, slices];
  const synced = Promise.all(stores.map((store) => store.synced)).then(() => undefined);
  let parts: readonly Reconciler[] = [];
  let stopped = false;
  const started = synced.then(() => {
    if (stopped) return;
    const common = { client, clock, logger };
    parts = [
      deploymentController({ ...common, deployments, replicaSets }),
      replicaSetController({ ...common, replicaSets, pods }),
      endpointSliceController({ ...common, services, pods, slices }),
      scheduler({ ...common, pods, nodeName: options.nodeName }),
    ];
  });
  const stop = async (): Promise<void> => {
    stopped = true;
    await Promise.all(parts.map((part) => part.close()));
  };
  return {
    deployments,
    replicaSets,
    pods,
    services,
    slices,
    synced: started,
    stop,
    async close() {
      await stop();
      for (const store of stores) store.close();
    },
  };
}
