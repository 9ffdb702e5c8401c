// Built-in kinds that manifests for this project carry, and that are stored and served here without any meaning of their own.
import { resourceKind } from '../../resources/resource-kind.ts';
import { cronJobSchema, workloadSchema } from '../patch/merge-schema.ts';
import { defineKind, type KindDefinition, type KindSpec, WORKLOAD_SCALE } from './kind-definition.ts';

function stored(group: string, version: string, kind: string, plural: string, namespaced: boolean, more: Partial<KindSpec> = {}): KindDefinition {
  return defineKind({
    resource: resourceKind({ group, version, kind, plural, namespaced }),
    hasGeneration: group !== '' && !group.startsWith('rbac'),
    ...more,
  });
}

const workload: Partial<KindSpec> = { categories: ['all'], hasStatus: true, merge: workloadSchema };
const rbac = 'rbac.authorization.k8s.io';

export const storedKinds: readonly KindDefinition[] = [
  stored('', 'v1', 'Endpoints', 'endpoints', true, { shortNames: ['ep'] }),
  stored('apps', 'v1', 'StatefulSet', 'statefulsets', true, { ...workload, shortNames: ['sts'], scale: WORKLOAD_SCALE }),
  stored('apps', 'v1', 'DaemonSet', 'daemonsets', true, { ...workload, shortNames: ['ds'] }),
  stored('batch', 'v1', 'Job', 'jobs', true, workload),
  stored('batch', 'v1', 'CronJob', 'cronjobs', true, { ...workload, shortNames: ['cj'], merge: cronJobSchema }),
  stored('coordination.k8s.io', 'v1', 'Lease', 'leases', true),
  stored('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets', true, { shortNames: ['pdb'], hasStatus: true }),
  stored(rbac, 'v1', 'ClusterRole', 'clusterroles', false, { nameRule: 'path' }),
  stored(rbac, 'v1', 'ClusterRoleBinding', 'clusterrolebindings', false, { nameRule: 'path' }),
  stored(rbac, 'v1', 'Role', 'roles', true, { nameRule: 'path' }),
  stored(rbac, 'v1', 'RoleBinding', 'rolebindings', true, { nameRule: 'path' }),
];
