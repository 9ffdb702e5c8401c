// The built-in kinds with all that this project uses of them.

import { configMapKind, eventKind, namespaceKind, nodeKind, secretKind, serviceAccountKind } from '../../resources/cluster.ts';
import { endpointSliceKind } from '../../resources/endpoint-slice.ts';
import { podKind } from '../../resources/pod.ts';
import { serviceKind } from '../../resources/service.ts';
import { mutatingWebhookConfigurationKind, validatingWebhookConfigurationKind } from '../../resources/webhook.ts';
import { deploymentKind, replicaSetKind } from '../../resources/workload.ts';
import { definitionKind } from '../custom/definition-kind.ts';
import {
  completeDeployment,
  completeEndpointSlice,
  completeNamespace,
  completeReplicaSet,
  completeSecret,
  completeService,
  completeWebhooks,
} from '../defaults/other-defaults.ts';
import { completePod, qosClass } from '../defaults/pod-defaults.ts';
import { namespaceSchema, nodeSchema, podSchema, serviceAccountSchema, serviceSchema, webhooksSchema, workloadSchema } from '../patch/merge-schema.ts';
import {
  configMapColumns,
  deploymentColumns,
  endpointSliceColumns,
  eventColumns,
  namespaceColumns,
  nodeColumns,
  replicaSetColumns,
  secretColumns,
  serviceAccountColumns,
  serviceColumns,
  webhookColumns,
} from '../table/columns.ts';
import { podColumns } from '../table/pod-columns.ts';
import { checkConfigMap, checkEvent, checkSecret, checkWebhooks } from '../validate/other-validation.ts';
import { checkPod } from '../validate/pod-validation.ts';
import { checkEndpointSlice, checkService } from '../validate/service-validation.ts';
import { checkWorkload } from '../validate/workload-validation.ts';
import { defineKind, type KindDefinition, WORKLOAD_SCALE } from './kind-definition.ts';

const all = ['all'];

export const builtinKinds: readonly KindDefinition[] = [
  defineKind({
    resource: namespaceKind,
    shortNames: ['ns'],
    nameRule: 'label',
    hasStatus: true,
    merge: namespaceSchema,
    columns: namespaceColumns,
    complete: completeNamespace,
    initialStatus: () => ({ phase: 'Active' }),
  }),
  defineKind({
    resource: podKind,
    shortNames: ['po'],
    categories: all,
    hasStatus: true,
    hasGeneration: true,
    merge: podSchema,
    columns: podColumns,
    complete: completePod,
    check: checkPod,
    initialStatus: (pod) => ({ phase: 'Pending', qosClass: qosClass(pod) }),
  }),
  defineKind({
    resource: serviceKind,
    shortNames: ['svc'],
    categories: all,
    nameRule: 'label1035',
    hasStatus: true,
    merge: serviceSchema,
    columns: serviceColumns,
    complete: completeService,
    check: checkService,
    initialStatus: () => ({ loadBalancer: {} }),
  }),
  defineKind({ resource: serviceAccountKind, shortNames: ['sa'], merge: serviceAccountSchema, columns: serviceAccountColumns }),
  defineKind({ resource: configMapKind, shortNames: ['cm'], columns: configMapColumns, check: checkConfigMap }),
  defineKind({ resource: secretKind, columns: secretColumns, complete: completeSecret, check: checkSecret }),
  defineKind({ resource: nodeKind, shortNames: ['no'], hasStatus: true, merge: nodeSchema, columns: nodeColumns }),
  defineKind({ resource: eventKind, shortNames: ['ev'], columns: eventColumns, check: checkEvent }),
  defineKind({ resource: endpointSliceKind, columns: endpointSliceColumns, complete: completeEndpointSlice, check: checkEndpointSlice }),
  defineKind({
    resource: deploymentKind,
    shortNames: ['deploy'],
    categories: all,
    hasStatus: true,
    scale: WORKLOAD_SCALE,
    hasGeneration: true,
    merge: workloadSchema,
    columns: deploymentColumns,
    complete: completeDeployment,
    check: checkWorkload,
    initialStatus: () => ({}),
  }),
  defineKind({
    resource: replicaSetKind,
    shortNames: ['rs'],
    categories: all,
    hasStatus: true,
    scale: WORKLOAD_SCALE,
    hasGeneration: true,
    merge: workloadSchema,
    columns: replicaSetColumns,
    complete: completeReplicaSet,
    check: checkWorkload,
    initialStatus: () => ({ replicas: 0 }),
  }),
  defineKind({
    resource: mutatingWebhookConfigurationKind,
    hasGeneration: true,
    merge: webhooksSchema,
    columns: webhookColumns,
    complete: (object) => completeWebhooks(object, true),
    check: checkWebhooks,
  }),
  defineKind({
    resource: validatingWebhookConfigurationKind,
    hasGeneration: true,
    merge: webhooksSchema,
    columns: webhookColumns,
    complete: (object) => completeWebhooks(object, false),
    check: checkWebhooks,
  }),
  definitionKind,
];
