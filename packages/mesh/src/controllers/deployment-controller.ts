// Deployment → ReplicaSet: one set per version of the template, rolled over by the plan, and the Deployment's status.
import { type Deployment, deploymentKind, type KubeClient, type ReplicaSet, type ResourceStore, replicaSetKind } from '@weft/kube';
import { controllerReference, isControlledBy, keyOf, splitKey } from './owner.ts';
import { type Reconciler, type ReconcilerOptions, reconciler } from './reconciler.ts';
import { planRollout, type ReplicaSetScale } from './rollout.ts';
import { templateHash } from './template-hash.ts';

export interface DeploymentControllerOptions extends Pick<ReconcilerOptions, 'clock' | 'logger'> {
  readonly client: KubeClient;
  readonly deployments: ResourceStore<Deployment>;
  readonly replicaSets: ResourceStore<ReplicaSet>;
}

const HASH_LABEL = 'pod-template-hash';
const REVISION = 'deployment.kubernetes.io/revision';

export function deploymentController(options: DeploymentControllerOptions): Reconciler {
  const { client, deployments, replicaSets, clock } = options;

  const reconcile = async (key: string): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const deployment = deployments.get(namespace, name);
    if (!deployment || deployment.metadata.deletionTimestamp !== undefined) return;
    const owned = replicaSets.list(namespace).filter((set) => isControlledBy(set, deployment));
    const hash = templateHash(deployment.spec.template);
    const newest = owned.find((set) => set.metadata.labels?.[HASH_LABEL] === hash);
    if (!newest) {
      if (!deployment.spec.paused) await createReplicaSet(client, deployment, hash, owned);
      return;
    }
    const older = owned.filter((set) => set !== newest);
    if (!deployment.spec.paused || older.length === 0) {
      const { strategy } = deployment.spec;
      const plan = planRollout(
        deployment.spec.replicas ?? 1,
        { type: strategy?.type ?? 'RollingUpdate', ...strategy?.rollingUpdate },
        scaleOf(newest),
        older.map(scaleOf),
      );
      for (const [set, replicas] of plan) await client.patch(replicaSetKind, { namespace, name: set }, { kind: 'merge', value: { spec: { replicas } } });
      if (plan.size === 0) await pruneHistory(client, deployment, older);
    }
    await writeStatus(deployment, newest, owned);
  };

  const writeStatus = async (deployment: Deployment, newest: ReplicaSet, owned: readonly ReplicaSet[]): Promise<void> => {
    const sum = (read: (set: ReplicaSet) => number | undefined): number => owned.reduce((total, set) => total + (read(set) ?? 0), 0);
    const replicas = deployment.spec.replicas ?? 1;
    const available = sum((set) => set.status?.availableReplicas);
    const updated = newest.status?.replicas ?? 0;
    const isAvailable = available >= replicas;
    const isComplete = isAvailable && updated === replicas && sum((set) => set.status?.replicas) === replicas;
    const since = (type: string, status: 'True' | 'False'): string => {
      const before = deployment.status?.conditions?.find((condition) => condition.type === type);
      return before?.status === status && before.lastTransitionTime !== undefined ? before.lastTransitionTime : timestamp(clock.wall());
    };
    const availability = isAvailable ? 'True' : 'False';
    const status = {
      observedGeneration: deployment.metadata.generation ?? 1,
      replicas: sum((set) => set.status?.replicas),
      updatedReplicas: updated,
      readyReplicas: sum((set) => set.status?.readyReplicas),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, replicas - available),
      conditions: [
        {
          type: 'Available',
          status: availability,
          reason: isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
          lastTransitionTime: since('Available', availability),
        },
        {
          type: 'Progressing',
          status: 'True',
          reason: isComplete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
          lastTransitionTime: since('Progressing', 'True'),
        },
      ],
    };
    if (JSON.stringify(status) === JSON.stringify(deployment.status)) return;
    const { namespace = '', name } = deployment.metadata;
    await client.patch(deploymentKind, { namespace, name }, { kind: 'merge', value: { status } }, { subresource: 'status' });
  };

  const queue = reconciler({ ...options, name: 'deployment', reconcile });
  const stops = [
    deployments.subscribe((event) => event.kind !== 'deleted' && queue.enqueue(keyOf(event.object))),
    replicaSets.subscribe((event) => {
      const set = event.kind === 'deleted' ? event.old : event.object;
      const owner = set.metadata.ownerReferences?.find((reference) => reference.kind === 'Deployment');
      if (owner) queue.enqueue(`${set.metadata.namespace ?? ''}/${owner.name}`);
    }),
  ];
  return {
    enqueue: queue.enqueue,
    async close() {
      for (const stop of stops) stop();
      await queue.close();
    },
  };
}

async function createReplicaSet(client: KubeClient, deployment: Deployment, hash: string, owned: readonly ReplicaSet[]): Promise<void> {
  const { namespace = '', name } = deployment.metadata;
  const { template, selector } = deployment.spec;
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  const revision = 1 + Math.max(0, ...owned.map((set) => Number(set.metadata.annotations?.[REVISION] ?? 0)));
  await client.create(replicaSetKind, {
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations: { [REVISION]: String(revision) },
      ownerReferences: [controllerReference(deploymentKind, deployment)],
    },
    spec: {
      replicas: 0,
      ...(deployment.spec.minReadySeconds === undefined ? {} : { minReadySeconds: deployment.spec.minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  });
  if (deployment.metadata.annotations?.[REVISION] === String(revision)) return;
  await client.patch(deploymentKind, { namespace, name }, { kind: 'merge', value: { metadata: { annotations: { [REVISION]: String(revision) } } } });
}

/** Empty old sets beyond the history that the Deployment keeps. */
async function pruneHistory(client: KubeClient, deployment: Deployment, older: readonly ReplicaSet[]): Promise<void> {
  const empty = older.filter((set) => (set.spec.replicas ?? 0) === 0 && (set.status?.replicas ?? 0) === 0);
  const surplus = empty.length - (deployment.spec.revisionHistoryLimit ?? 10);
  if (surplus <= 0) return;
  const revision = (set: ReplicaSet): number => Number(set.metadata.annotations?.[REVISION] ?? 0);
  for (const set of empty.toSorted((a, b) => revision(a) - revision(b)).slice(0, surplus)) {
    await client.delete(replicaSetKind, { namespace: set.metadata.namespace ?? '', name: set.metadata.name });
  }
}

function scaleOf(set: ReplicaSet): ReplicaSetScale {
  return { name: set.metadata.name, desired: set.spec.replicas ?? 1, present: set.status?.replicas ?? 0, available: set.status?.availableReplicas ?? 0 };
}

/** RFC 3339 with whole seconds, as Kubernetes writes time. */
export function timestamp(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19)}Z`;
}
