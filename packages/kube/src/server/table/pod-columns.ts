// kubectl's columns for pods: readiness, the status in one word, restarts.
import { type JsonObject, listAt, numberAt, objectAt, objectsAt, stringAt } from '../json/json.ts';
import { age, ageColumn, type Column, column, nameColumn, wide } from './column.ts';

export const podColumns: readonly Column[] = [
  nameColumn,
  column('Ready', readyCell, { description: 'The aggregate readiness state of this pod for accepting traffic.' }),
  column('Status', podStatusWord, { description: 'The aggregate status of the containers in this pod.' }),
  column('Restarts', restartsCell, {
    description: 'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
  }),
  ageColumn,
  wide('IP', (pod) => stringAt(pod, 'status', 'podIP') ?? '<none>'),
  wide('Node', (pod) => stringAt(pod, 'spec', 'nodeName') ?? '<none>'),
  wide('Nominated Node', (pod) => stringAt(pod, 'status', 'nominatedNodeName') ?? '<none>'),
  wide('Readiness Gates', (pod) => readinessGates(pod)),
];

/** Init containers that keep running beside the others count like them. */
function isSidecar(pod: JsonObject, name: string | undefined): boolean {
  return objectsAt(pod, 'spec', 'initContainers').some((container) => container.name === name && container.restartPolicy === 'Always');
}

function statusesThatCount(pod: JsonObject): JsonObject[] {
  const sidecars = objectsAt(pod, 'status', 'initContainerStatuses').filter((status) => isSidecar(pod, stringAt(status, 'name')));
  return [...sidecars, ...objectsAt(pod, 'status', 'containerStatuses')];
}

function readyCell(pod: JsonObject): string {
  const sidecars = objectsAt(pod, 'spec', 'initContainers').filter((container) => container.restartPolicy === 'Always').length;
  const total = objectsAt(pod, 'spec', 'containers').length + sidecars;
  return `${statusesThatCount(pod).filter((status) => status.ready === true).length}/${total}`;
}

function restartsCell(pod: JsonObject, nowMs: number): string {
  const statuses = [
    ...objectsAt(pod, 'status', 'initContainerStatuses').filter((status) => isSidecar(pod, stringAt(status, 'name'))),
    ...objectsAt(pod, 'status', 'containerStatuses'),
  ];
  const restarts = statuses.reduce((sum, status) => sum + (numberAt(status, 'restartCount') ?? 0), 0);
  const ends = statuses.map((status) => stringAt(status, 'lastState', 'terminated', 'finishedAt')).filter((end) => end !== undefined);
  const last = ends.sort().at(-1);
  return restarts > 0 && last !== undefined ? `${restarts} (${age(last, nowMs)} ago)` : String(restarts);
}

/** Phase, overruled by what the containers say. */
export function podStatusWord(pod: JsonObject): string {
  let word = stringAt(pod, 'status', 'reason') ?? stringAt(pod, 'status', 'phase') ?? 'Unknown';
  const init = initWord(pod);
  if (init !== undefined) word = init;
  else word = containersWord(pod, word);
  if (objectAt(pod, 'metadata')?.deletionTimestamp !== undefined) {
    return stringAt(pod, 'status', 'reason') === 'NodeLost' ? 'Unknown' : 'Terminating';
  }
  return word;
}

function initWord(pod: JsonObject): string | undefined {
  const total = objectsAt(pod, 'spec', 'initContainers').length;
  for (const [index, status] of objectsAt(pod, 'status', 'initContainerStatuses').entries()) {
    const terminated = objectAt(status, 'state', 'terminated');
    if (terminated && terminated.exitCode === 0) continue;
    if (isSidecar(pod, stringAt(status, 'name')) && status.started === true) continue;
    if (terminated) return `Init:${endWord(terminated)}`;
    const waiting = stringAt(status, 'state', 'waiting', 'reason');
    if (waiting !== undefined && waiting !== 'PodInitializing') return `Init:${waiting}`;
    return `Init:${index}/${total}`;
  }
  return undefined;
}

function containersWord(pod: JsonObject, phase: string): string {
  let word = phase;
  let running = false;
  for (const status of objectsAt(pod, 'status', 'containerStatuses').reverse()) {
    const waiting = stringAt(status, 'state', 'waiting', 'reason');
    const terminated = objectAt(status, 'state', 'terminated');
    if (waiting !== undefined && waiting !== '') word = waiting;
    else if (terminated) word = endWord(terminated);
    else if (status.ready === true && objectAt(status, 'state', 'running')) running = true;
  }
  if (word === 'Completed' && running) {
    const ready = objectsAt(pod, 'status', 'conditions').some((condition) => condition.type === 'Ready' && condition.status === 'True');
    return ready ? 'Running' : 'NotReady';
  }
  return word;
}

function endWord(terminated: JsonObject): string {
  const reason = stringAt(terminated, 'reason');
  if (reason !== undefined && reason !== '') return reason;
  const signal = numberAt(terminated, 'signal') ?? 0;
  return signal !== 0 ? `Signal:${signal}` : `ExitCode:${numberAt(terminated, 'exitCode') ?? 0}`;
}

function readinessGates(pod: JsonObject): string {
  const gates = listAt(pod, 'spec', 'readinessGates').length;
  return gates === 0 ? '<none>' : `0/${gates}`;
}
