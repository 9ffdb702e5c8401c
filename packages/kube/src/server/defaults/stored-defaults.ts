// What the API server fills into workloads that nothing here runs. Kubernetes API reference, apps/v1 and batch/v1.
import { defaultTo, ensureObject, type JsonObject, objectAt, objectsAt, stringAt } from '../json/json.ts';
import { completeTemplate } from './other-defaults.ts';

export function completeStatefulSet(object: JsonObject): void {
  const spec = ensureObject(object, 'spec');
  defaultTo(spec, 'replicas', 1);
  defaultTo(spec, 'podManagementPolicy', 'OrderedReady');
  defaultTo(spec, 'revisionHistoryLimit', 10);
  const strategy = ensureObject(spec, 'updateStrategy');
  defaultTo(strategy, 'type', 'RollingUpdate');
  if (strategy.type === 'RollingUpdate') defaultTo(ensureObject(strategy, 'rollingUpdate'), 'partition', 0);
  completeTemplate(spec);
}

export function completeDaemonSet(object: JsonObject): void {
  const spec = ensureObject(object, 'spec');
  defaultTo(spec, 'revisionHistoryLimit', 10);
  const strategy = ensureObject(spec, 'updateStrategy');
  defaultTo(strategy, 'type', 'RollingUpdate');
  if (strategy.type === 'RollingUpdate') {
    const rolling = ensureObject(strategy, 'rollingUpdate');
    defaultTo(rolling, 'maxUnavailable', 1);
    defaultTo(rolling, 'maxSurge', 0);
  }
  completeTemplate(spec);
}

/** A Job selects its pods by its own uid, unless it says that it does otherwise. */
export function completeJob(job: JsonObject): void {
  const spec = ensureObject(job, 'spec');
  completeJobSpec(spec);
  const uid = stringAt(job, 'metadata', 'uid');
  if (spec.manualSelector === true || uid === undefined || spec.selector !== undefined) return;
  spec.selector = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
  const template = objectAt(spec, 'template');
  if (!template) return;
  const labels = ensureObject(ensureObject(template, 'metadata'), 'labels');
  const name = stringAt(job, 'metadata', 'name') ?? '';
  for (const [key, value] of Object.entries({ 'controller-uid': uid, 'job-name': name })) {
    labels[key] = value;
    labels[`batch.kubernetes.io/${key}`] = value;
  }
}

export function completeCronJob(object: JsonObject): void {
  const spec = ensureObject(object, 'spec');
  defaultTo(spec, 'concurrencyPolicy', 'Allow');
  defaultTo(spec, 'suspend', false);
  defaultTo(spec, 'successfulJobsHistoryLimit', 3);
  defaultTo(spec, 'failedJobsHistoryLimit', 1);
  const job = objectAt(spec, 'jobTemplate', 'spec');
  if (job) completeTemplate(job);
}

function completeJobSpec(spec: JsonObject): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  defaultTo(spec, 'parallelism', 1);
  defaultTo(spec, 'backoffLimit', 6);
  defaultTo(spec, 'completionMode', 'NonIndexed');
  defaultTo(spec, 'suspend', false);
  defaultTo(spec, 'podReplacementPolicy', 'TerminatingOrFailed');
  completeTemplate(spec);
}

export function completeEndpoints(endpoints: JsonObject): void {
  for (const subset of objectsAt(endpoints, 'subsets')) for (const port of objectsAt(subset, 'ports')) defaultTo(port, 'protocol', 'TCP');
}
