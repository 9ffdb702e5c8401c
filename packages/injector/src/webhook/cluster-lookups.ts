// What the webhook asks of the cluster, answered from watched Namespaces and ReplicaSets. spec/injector-cli.md §1.4, §1.8.

import type { Logger } from '@weft/core';
import { type KubeClient, type KubeObject, metadataOf, namespaceKind, type Pod, replicaSetKind, resourceStore } from '@weft/kube';
import type { OwnerRef } from '../patch/build-patch.ts';
import type { AdmissionLookups } from './admission.ts';

export interface ClusterLookups extends Omit<AdmissionLookups, 'values'> {
  readonly synced: Promise<void>;
  close(): void;
}

const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Job']);

export function clusterLookups(client: KubeClient, logger: Logger): ClusterLookups {
  const [namespaceMetadata, replicaSetMetadata] = [metadataOf(namespaceKind), metadataOf(replicaSetKind)];
  const namespaces = resourceStore(client, namespaceMetadata, { logger });
  const replicaSets = resourceStore(client, replicaSetMetadata, { logger });
  const synced = Promise.all([namespaces.synced, replicaSets.synced]).then(() => undefined);
  synced.catch(() => undefined);

  const replicaSet = async (namespace: string, name: string): Promise<KubeObject | undefined> =>
    replicaSets.get(namespace, name) ?? (await client.get(replicaSetMetadata, { namespace, name }));

  return {
    synced,
    // A Namespace and its first pods often arrive together: the cache may not have it yet.
    namespaceAnnotations: async (name) => (namespaces.get(undefined, name) ?? (await client.get(namespaceMetadata, { name })))?.metadata.annotations ?? {},
    ownerOf: (pod, namespace) => ownerOf(pod, namespace, replicaSet),
    close() {
      namespaces.close();
      replicaSets.close();
    },
  };
}

/** No owner or several: none. A ReplicaSet stands for the one workload that owns it. */
async function ownerOf(
  pod: Pod,
  namespace: string,
  replicaSet: (namespace: string, name: string) => Promise<KubeObject | undefined>,
): Promise<OwnerRef | undefined> {
  const [owner, ...more] = pod.metadata.ownerReferences ?? [];
  if (!owner || more.length > 0) return undefined;
  const own = { kind: owner.kind.toLowerCase(), name: owner.name };
  if (owner.kind !== 'ReplicaSet') return own;
  const [parent, ...others] = (await replicaSet(namespace, owner.name))?.metadata.ownerReferences ?? [];
  return parent && others.length === 0 && WORKLOADS.has(parent.kind) ? { kind: parent.kind.toLowerCase(), name: parent.name } : own;
}
