// Workloads that nothing here runs, checked as far as their users would miss it.
import type { JsonObject } from '../json/json.ts';
import { type Field, oneOf } from './field.ts';
import { checkTemplate } from './pod-validation.ts';
import { atLeast } from './port.ts';
import { checkWorkload } from './workload-validation.ts';

/** StatefulSet and DaemonSet: a selector, and a template that it selects. */
export function checkSet(set: Field, old: JsonObject | undefined): void {
  checkWorkload(set, old);
  oneOf(set.at('spec', 'updateStrategy', 'type'), ['RollingUpdate', 'OnDelete']);
}

export function checkJob(job: Field): void {
  checkJobSpec(job.at('spec'));
}

export function checkCronJob(job: Field): void {
  const spec = job.at('spec');
  const schedule = spec.at('schedule');
  if (!schedule.present || schedule.value === '') schedule.required();
  else if (!/^(@\w+( \S+)?|(\S+\s+){4}\S+)$/.test(schedule.text() ?? '@daily')) schedule.invalid('must be a cron schedule of five fields');
  oneOf(spec.at('concurrencyPolicy'), ['Allow', 'Forbid', 'Replace']);
  checkJobSpec(spec.at('jobTemplate', 'spec'));
}

function checkJobSpec(spec: Field): void {
  for (const key of ['parallelism', 'completions', 'backoffLimit', 'activeDeadlineSeconds', 'ttlSecondsAfterFinished']) atLeast(spec.at(key), 0);
  const template = spec.at('template');
  if (!template.present) return template.required();
  checkTemplate(template, ['OnFailure', 'Never']);
}

/** Leases are written by every leader election, so that a wrong one is worth a message. */
export function checkLease(lease: Field): void {
  const spec = lease.at('spec');
  const duration = spec.at('leaseDurationSeconds');
  const seconds = duration.integer();
  if (seconds !== undefined && seconds <= 0) duration.invalid('must be greater than 0');
  atLeast(spec.at('leaseTransitions'), 0);
}

export function checkEndpoints(endpoints: Field): void {
  for (const subset of endpoints.at('subsets').items()) {
    for (const list of ['addresses', 'notReadyAddresses'])
      for (const address of subset.at(list).items()) if (!address.at('ip').present) address.at('ip').required();
    for (const port of subset.at('ports').items()) {
      const number = port.at('port').integer();
      if (number === undefined || number < 1 || number > 65_535) port.at('port').invalid('must be between 1 and 65535, inclusive');
      oneOf(port.at('protocol'), ['TCP', 'UDP', 'SCTP']);
    }
  }
}
