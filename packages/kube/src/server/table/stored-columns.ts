// kubectl's columns for the built-in kinds that have no meaning of their own here.
import { type Json, type JsonObject, listAt, numberAt, objectAt, objectsAt, stringAt, stringMap } from '../json/json.ts';
import { age, ageColumn, type Column, column, humanDuration, nameColumn, wide } from './column.ts';
import { pairs, selectorText, some } from './columns.ts';

const int = (name: string, cell: Column['cell']): Column => column(name, cell, { type: 'integer' });
const status =
  (member: string): Column['cell'] =>
  (object) =>
    numberAt(object, 'status', member) ?? 0;

/** Containers, images and selector of a pod template at `path`. */
function templateColumns(path: readonly string[], selector: readonly string[]): Column[] {
  const texts = (object: JsonObject, member: string): string =>
    objectsAt(object, ...path, 'spec', 'containers')
      .map((container) => stringAt(container, member) ?? '')
      .join(',');
  return [
    wide('Containers', (object) => texts(object, 'name')),
    wide('Images', (object) => texts(object, 'image')),
    wide('Selector', (object) => selectorText(objectAt(object, ...selector)) || '<none>'),
  ];
}

const workload = templateColumns(['spec', 'template'], ['spec', 'selector']);

export const endpointsColumns: readonly Column[] = [
  nameColumn,
  column('Endpoints', (object) => {
    const addresses = objectsAt(object, 'subsets').flatMap((subset) =>
      objectsAt(subset, 'addresses').flatMap((address) => {
        const ip = stringAt(address, 'ip') ?? '';
        const ports = objectsAt(subset, 'ports');
        return ports.length === 0 ? [ip] : ports.map((port) => `${ip.includes(':') ? `[${ip}]` : ip}:${numberAt(port, 'port') ?? ''}`);
      }),
    );
    return addresses.length === 0 ? '<none>' : some(addresses, 3);
  }),
  ageColumn,
];

export const statefulSetColumns: readonly Column[] = [
  nameColumn,
  column('Ready', (object) => `${numberAt(object, 'status', 'readyReplicas') ?? 0}/${numberAt(object, 'spec', 'replicas') ?? 0}`),
  ageColumn,
  ...workload.slice(0, 2),
];

export const daemonSetColumns: readonly Column[] = [
  nameColumn,
  int('Desired', status('desiredNumberScheduled')),
  int('Current', status('currentNumberScheduled')),
  int('Ready', status('numberReady')),
  int('Up-to-date', status('updatedNumberScheduled')),
  int('Available', status('numberAvailable')),
  column('Node Selector', (object) => pairs(stringMap(objectAt(object, 'spec', 'template', 'spec', 'nodeSelector')))),
  ageColumn,
  ...workload,
];

function jobStatus(job: JsonObject): string {
  const is = (type: string): boolean => objectsAt(job, 'status', 'conditions').some((condition) => condition.type === type && condition.status === 'True');
  if (is('Complete')) return 'Complete';
  if (is('Failed')) return 'Failed';
  if (stringAt(job, 'metadata', 'deletionTimestamp') !== undefined) return 'Terminating';
  if (is('Suspended')) return 'Suspended';
  return is('FailureTarget') ? 'FailureTarget' : is('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running';
}

function jobCompletions(job: JsonObject): string {
  const succeeded = numberAt(job, 'status', 'succeeded') ?? 0;
  const wanted = numberAt(job, 'spec', 'completions');
  if (wanted !== undefined) return `${succeeded}/${wanted}`;
  const parallelism = numberAt(job, 'spec', 'parallelism') ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration(job: JsonObject, nowMs: number): string {
  const start = Date.parse(stringAt(job, 'status', 'startTime') ?? '');
  if (Number.isNaN(start)) return '';
  const end = Date.parse(stringAt(job, 'status', 'completionTime') ?? '');
  return humanDuration((Number.isNaN(end) ? nowMs : end) - start);
}

export const jobColumns: readonly Column[] = [
  nameColumn,
  column('Status', jobStatus),
  column('Completions', jobCompletions),
  column('Duration', jobDuration),
  ageColumn,
  ...workload,
];

export const cronJobColumns: readonly Column[] = [
  nameColumn,
  column('Schedule', (object) => stringAt(object, 'spec', 'schedule') ?? ''),
  column('Timezone', (object) => stringAt(object, 'spec', 'timeZone') ?? '<none>'),
  column('Suspend', (object) => (objectAt(object, 'spec')?.suspend === true ? 'True' : 'False')),
  int('Active', (object) => listAt(object, 'status', 'active').length),
  column('Last Schedule', (object, nowMs) => {
    const last = stringAt(object, 'status', 'lastScheduleTime');
    return last === undefined ? '<none>' : age(last, nowMs);
  }),
  ageColumn,
  ...templateColumns(['spec', 'jobTemplate', 'spec', 'template'], ['spec', 'jobTemplate', 'spec', 'selector']),
];

export const leaseColumns: readonly Column[] = [nameColumn, column('Holder', (object) => stringAt(object, 'spec', 'holderIdentity') ?? ''), ageColumn];

const share = (object: JsonObject, member: string): Json => {
  const value = objectAt(object, 'spec')?.[member];
  return value === undefined ? 'N/A' : String(value as string | number);
};

export const disruptionBudgetColumns: readonly Column[] = [
  nameColumn,
  column('Min Available', (object) => share(object, 'minAvailable')),
  column('Max Unavailable', (object) => share(object, 'maxUnavailable')),
  int('Allowed Disruptions', status('disruptionsAllowed')),
  ageColumn,
];

export const roleColumns: readonly Column[] = [nameColumn, column('Created At', (object) => stringAt(object, 'metadata', 'creationTimestamp') ?? '')];

const subjects = (kind: string): Column['cell'] => {
  const named = (subject: JsonObject): string =>
    (kind === 'ServiceAccount' ? `${stringAt(subject, 'namespace') ?? ''}/` : '') + (stringAt(subject, 'name') ?? '');
  return (object) =>
    objectsAt(object, 'subjects')
      .filter((subject) => subject.kind === kind)
      .map(named)
      .join(', ');
};

export const roleBindingColumns: readonly Column[] = [
  nameColumn,
  column('Role', (object) => `${stringAt(object, 'roleRef', 'kind') ?? ''}/${stringAt(object, 'roleRef', 'name') ?? ''}`),
  ageColumn,
  wide('Users', subjects('User')),
  wide('Groups', subjects('Group')),
  wide('ServiceAccounts', subjects('ServiceAccount')),
];
