// Built-in kinds that manifests for this project carry: completed, checked and shown as usual, and without any meaning of their own here.

import { resourceKind } from '../../resources/resource-kind.ts';
import { completeCronJob, completeDaemonSet, completeEndpoints, completeJob, completeStatefulSet } from '../defaults/stored-defaults.ts';
import { cronJobSchema, disruptionBudgetSchema, workloadSchema } from '../patch/merge-schema.ts';
import {
  cronJobColumns,
  daemonSetColumns,
  disruptionBudgetColumns,
  endpointsColumns,
  jobColumns,
  leaseColumns,
  roleBindingColumns,
  roleColumns,
  statefulSetColumns,
} from '../table/stored-columns.ts';
import { checkCronJob, checkEndpoints, checkJob, checkLease, checkSet } from '../validate/stored-validation.ts';
import { defineKind, type KindDefinition, type KindSpec, WORKLOAD_SCALE } from './kind-definition.ts';

function stored(group: string, version: string, kind: string, plural: string, namespaced: boolean, more: Partial<KindSpec> = {}): KindDefinition {
  return defineKind({
    resource: resourceKind({ group, version, kind, plural, namespaced }),
    hasGeneration: group !== '' && !group.startsWith('rbac'),
    ...more,
  });
}

const workload: Partial<KindSpec> = { categories: ['all'], hasStatus: true, initialStatus: () => ({}), merge: workloadSchema };
const rbac = 'rbac.authorization.k8s.io';
const role: Partial<KindSpec> = { nameRule: 'path', columns: roleColumns };
const roleBinding: Partial<KindSpec> = { nameRule: 'path', columns: roleBindingColumns };

export const storedKinds: readonly KindDefinition[] = [
  stored('', 'v1', 'Endpoints', 'endpoints', true, { shortNames: ['ep'], columns: endpointsColumns, complete: completeEndpoints, check: checkEndpoints }),
  stored('apps', 'v1', 'StatefulSet', 'statefulsets', true, {
    ...workload,
    shortNames: ['sts'],
    scale: WORKLOAD_SCALE,
    columns: statefulSetColumns,
    complete: completeStatefulSet,
    check: checkSet,
  }),
  stored('apps', 'v1', 'DaemonSet', 'daemonsets', true, {
    ...workload,
    shortNames: ['ds'],
    columns: daemonSetColumns,
    complete: completeDaemonSet,
    check: checkSet,
  }),
  stored('batch', 'v1', 'Job', 'jobs', true, { ...workload, columns: jobColumns, complete: completeJob, check: checkJob }),
  stored('batch', 'v1', 'CronJob', 'cronjobs', true, {
    ...workload,
    shortNames: ['cj'],
    merge: cronJobSchema,
    columns: cronJobColumns,
    complete: completeCronJob,
    check: checkCronJob,
  }),
  stored('coordination.k8s.io', 'v1', 'Lease', 'leases', true, { columns: leaseColumns, check: checkLease }),
  stored('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets', true, {
    shortNames: ['pdb'],
    hasStatus: true,
    merge: disruptionBudgetSchema,
    columns: disruptionBudgetColumns,
  }),
  stored(rbac, 'v1', 'ClusterRole', 'clusterroles', false, role),
  stored(rbac, 'v1', 'ClusterRoleBinding', 'clusterrolebindings', false, roleBinding),
  stored(rbac, 'v1', 'Role', 'roles', true, role),
  stored(rbac, 'v1', 'RoleBinding', 'rolebindings', true, roleBinding),
];
