// The workload that a pod or an external workload belongs to. spec/control-plane.md §1.4.
import type { ExternalWorkload, Pod } from '@weft/kube';
import type { ClusterIndex } from '../cluster/cluster-index.ts';

/** Kind in lower case. */
export interface Owner {
  readonly kind: string;
  readonly name: string;
}

/** What a ReplicaSet or Job stands for, where it is owned by one of these. Others, such as a rollout of Argo, do not count. */
const PARENTS: Readonly<Record<'ReplicaSet' | 'Job', readonly string[]>> = { ReplicaSet: ['Deployment', 'StatefulSet', 'DaemonSet', 'Job'], Job: ['CronJob'] };

/** The pod itself where it has no owner, or several. */
export function ownerOf(pod: Pod, cluster: Pick<ClusterIndex, 'parents'>): Owner {
  const [owner, ...more] = pod.metadata.ownerReferences ?? [];
  if (!owner || more.length > 0) return { kind: 'pod', name: pod.metadata.name };
  if (owner.kind === 'ReplicaSet' || owner.kind === 'Job') {
    const [parent, ...others] = cluster.parents(owner.kind, pod.metadata.namespace ?? '', owner.name);
    if (parent && others.length === 0 && PARENTS[owner.kind].includes(parent.kind)) return { kind: parent.kind.toLowerCase(), name: parent.name };
  }
  return { kind: owner.kind.toLowerCase(), name: owner.name };
}

export function ownerOfExternal({ metadata }: ExternalWorkload): Owner | undefined {
  const [owner, ...more] = metadata.ownerReferences ?? [];
  return owner && more.length === 0 ? { kind: owner.kind.toLowerCase(), name: owner.name } : undefined;
}

/** As a metric label. Prometheus itself sets `job`. */
export function ownerLabel(owner: Owner | undefined): Readonly<Record<string, string>> {
  return owner ? { [owner.kind === 'job' ? 'k8s_job' : owner.kind]: owner.name } : {};
}
