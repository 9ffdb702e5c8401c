// What a mesh finds of a former life in its journal: objects that say of processes that they run, of which none does. They are made to say what is so
// before anybody reads them.
import { deploymentKind, type KubeClient, KubeError, type KubeObject, type ObjectRef, type Pod, podKind, type ResourceKind, replicaSetKind } from '@weft/kube';

/** Null is what a merge patch takes away. */
const NO_REPLICAS = { replicas: 0, updatedReplicas: null, readyReplicas: 0, availableReplicas: 0, unavailableReplicas: null, conditions: null };
const NOT_STARTED = { phase: 'Pending', podIP: null, podIPs: null, startTime: null, containerStatuses: null, initContainerStatuses: null };

/**
 * Pods of a controller go, and are made anew by it; others wait to be started again, as after a restart of their node. Pods that have ended are left as they
 * are. Before controllers and kubelet start.
 */
export async function endFormerLife(client: KubeClient): Promise<void> {
  const [pods, replicaSets, deployments] = await Promise.all([client.list(podKind), client.list(replicaSetKind), client.list(deploymentKind)]);
  await Promise.all(pods.items.filter(hasNotEnded).map((pod) => endPod(client, pod)));
  await Promise.all(replicaSets.items.map((set) => say(client, replicaSetKind, set, NO_REPLICAS)));
  await Promise.all(deployments.items.map((deployment) => say(client, deploymentKind, deployment, NO_REPLICAS)));
}

async function endPod(client: KubeClient, pod: Pod): Promise<void> {
  const { ownerReferences = [], deletionTimestamp, uid } = pod.metadata;
  const isControlled = ownerReferences.some(({ controller }) => controller === true);
  if (isControlled || deletionTimestamp !== undefined) {
    await client.delete(podKind, refOf(pod), { gracePeriodSeconds: 0, ...(uid !== undefined && { uid }) });
    return;
  }
  const conditions = pod.status?.conditions?.filter(({ type }) => type === 'PodScheduled') ?? [];
  await say(client, podKind, pod, { ...NOT_STARTED, conditions });
}

async function say<T extends KubeObject>(client: KubeClient, kind: ResourceKind<T>, object: T, status: object): Promise<void> {
  try {
    await client.patch(kind, refOf(object), { kind: 'merge', value: { status } }, { subresource: 'status' });
  } catch (error) {
    // Collected meanwhile, with its owner.
    if (!(error instanceof KubeError) || error.code !== 'NOT_FOUND') throw error;
  }
}

function hasNotEnded({ status }: Pod): boolean {
  return status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
}

function refOf({ metadata: { namespace = '', name } }: KubeObject): ObjectRef {
  return { namespace, name };
}
