// kubectl's columns for the other built-in kinds.
import { parseLabelSelector } from '../../select/label-selector.ts';
import { type JsonObject, listAt, numberAt, objectAt, objectsAt, stringAt, stringMap, stringsAt } from '../json/json.ts';
import { age, ageColumn, type Column, column, nameColumn, wide } from './column.ts';

/** `a=b,c=d`, or `<none>`. */
export function pairs(map: Record<string, string>): string {
  const text = Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return text === '' ? '<none>' : text;
}

/** A structured label selector in its text form. */
export function selectorText(selector: JsonObject | undefined): string {
  const parts = Object.entries(stringMap(selector?.matchLabels)).map(([key, value]) => `${key}=${value}`);
  for (const expression of objectsAt(selector, 'matchExpressions')) {
    const key = stringAt(expression, 'key') ?? '';
    const values = stringsAt(expression, 'values').join(',');
    const forms: Record<string, string> = { In: `${key} in (${values})`, NotIn: `${key} notin (${values})`, Exists: key, DoesNotExist: `!${key}` };
    parts.push(forms[stringAt(expression, 'operator') ?? ''] ?? key);
  }
  const text = parts.sort().join(',');
  return parseLabelSelector(text) ? text : '';
}

const int = (name: string, cell: Column['cell']): Column => column(name, cell, { type: 'integer' });
const templateContainers = (object: JsonObject): JsonObject[] => objectsAt(object, 'spec', 'template', 'spec', 'containers');
const containers = wide('Containers', (object) =>
  templateContainers(object)
    .map((container) => stringAt(container, 'name') ?? '')
    .join(','),
);
const images = wide('Images', (object) =>
  templateContainers(object)
    .map((container) => stringAt(container, 'image') ?? '')
    .join(','),
);
const selector = wide('Selector', (object) => selectorText(objectAt(object, 'spec', 'selector')) || '<none>');
const members = (object: JsonObject, ...keys: string[]): number => keys.reduce((sum, key) => sum + Object.keys(objectAt(object, key) ?? {}).length, 0);

export const namespaceColumns: readonly Column[] = [nameColumn, column('Status', (object) => stringAt(object, 'status', 'phase') ?? ''), ageColumn];

export const serviceColumns: readonly Column[] = [
  nameColumn,
  column('Type', (object) => stringAt(object, 'spec', 'type') ?? ''),
  column('Cluster-IP', (object) => stringAt(object, 'spec', 'clusterIP') ?? '<none>'),
  column('External-IP', externalAddress),
  column('Port(s)', (object) => objectsAt(object, 'spec', 'ports').map(portText).join(',') || '<none>'),
  ageColumn,
  wide('Selector', (object) => pairs(stringMap(objectAt(object, 'spec', 'selector')))),
];

function externalAddress(service: JsonObject): string {
  if (stringAt(service, 'spec', 'type') === 'ExternalName') return stringAt(service, 'spec', 'externalName') ?? '<none>';
  const ingress = objectsAt(service, 'status', 'loadBalancer', 'ingress').map((item) => stringAt(item, 'ip') ?? stringAt(item, 'hostname') ?? '');
  const addresses = [...ingress, ...stringsAt(service, 'spec', 'externalIPs')];
  if (addresses.length > 0) return addresses.join(',');
  return stringAt(service, 'spec', 'type') === 'LoadBalancer' ? '<pending>' : '<none>';
}

function portText(port: JsonObject): string {
  const node = numberAt(port, 'nodePort');
  return `${numberAt(port, 'port') ?? ''}${node === undefined ? '' : `:${node}`}/${stringAt(port, 'protocol') ?? 'TCP'}`;
}

export const deploymentColumns: readonly Column[] = [
  nameColumn,
  column('Ready', (object) => `${numberAt(object, 'status', 'readyReplicas') ?? 0}/${numberAt(object, 'spec', 'replicas') ?? 0}`),
  int('Up-to-date', (object) => numberAt(object, 'status', 'updatedReplicas') ?? 0),
  int('Available', (object) => numberAt(object, 'status', 'availableReplicas') ?? 0),
  ageColumn,
  containers,
  images,
  selector,
];

export const replicaSetColumns: readonly Column[] = [
  nameColumn,
  int('Desired', (object) => numberAt(object, 'spec', 'replicas') ?? 0),
  int('Current', (object) => numberAt(object, 'status', 'replicas') ?? 0),
  int('Ready', (object) => numberAt(object, 'status', 'readyReplicas') ?? 0),
  ageColumn,
  containers,
  images,
  selector,
];

export const serviceAccountColumns: readonly Column[] = [nameColumn, int('Secrets', (object) => listAt(object, 'secrets').length), ageColumn];
export const configMapColumns: readonly Column[] = [nameColumn, int('Data', (object) => members(object, 'data', 'binaryData')), ageColumn];
export const secretColumns: readonly Column[] = [
  nameColumn,
  column('Type', (object) => stringAt(object, 'type') ?? ''),
  int('Data', (object) => members(object, 'data')),
  ageColumn,
];
export const webhookColumns: readonly Column[] = [nameColumn, int('Webhooks', (object) => listAt(object, 'webhooks').length), ageColumn];

export const nodeColumns: readonly Column[] = [
  nameColumn,
  column('Status', nodeStatus),
  column('Roles', nodeRoles),
  ageColumn,
  column('Version', (object) => stringAt(object, 'status', 'nodeInfo', 'kubeletVersion') ?? ''),
  wide('Internal-IP', (object) => nodeAddress(object, 'InternalIP')),
  wide('External-IP', (object) => nodeAddress(object, 'ExternalIP')),
  wide('OS-Image', (object) => stringAt(object, 'status', 'nodeInfo', 'osImage') ?? '<unknown>'),
  wide('Kernel-Version', (object) => stringAt(object, 'status', 'nodeInfo', 'kernelVersion') ?? '<unknown>'),
  wide('Container-Runtime', (object) => stringAt(object, 'status', 'nodeInfo', 'containerRuntimeVersion') ?? '<unknown>'),
];

function nodeStatus(node: JsonObject): string {
  const ready = objectsAt(node, 'status', 'conditions').find((condition) => condition.type === 'Ready');
  const words = [ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady'];
  if (objectAt(node, 'spec')?.unschedulable === true) words.push('SchedulingDisabled');
  return words.join(',');
}

function nodeRoles(node: JsonObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.keys(objectAt(node, 'metadata', 'labels') ?? {}).filter((key) => key.startsWith(prefix));
  return roles.length === 0
    ? '<none>'
    : roles
        .map((key) => key.slice(prefix.length))
        .sort()
        .join(',');
}

function nodeAddress(node: JsonObject, type: string): string {
  return (
    stringAt(
      objectsAt(node, 'status', 'addresses').find((address) => address.type === type),
      'address',
    ) ?? '<none>'
  );
}

export const eventColumns: readonly Column[] = [
  column('Last Seen', (event, nowMs) =>
    age(stringAt(event, 'lastTimestamp') ?? stringAt(event, 'eventTime') ?? stringAt(event, 'metadata', 'creationTimestamp'), nowMs),
  ),
  column('Type', (event) => stringAt(event, 'type') ?? ''),
  column('Reason', (event) => stringAt(event, 'reason') ?? ''),
  column('Object', (event) => `${(stringAt(event, 'involvedObject', 'kind') ?? '').toLowerCase()}/${stringAt(event, 'involvedObject', 'name') ?? ''}`),
  wide('Subobject', (event) => stringAt(event, 'involvedObject', 'fieldPath') ?? ''),
  wide('Source', (event) => stringAt(event, 'source', 'component') ?? stringAt(event, 'reportingComponent') ?? ''),
  column('Message', (event) => (stringAt(event, 'message') ?? '').trim()),
  wide('First Seen', (event, nowMs) => age(stringAt(event, 'firstTimestamp') ?? stringAt(event, 'metadata', 'creationTimestamp'), nowMs)),
  wide('Count', (event) => String(numberAt(event, 'count') ?? 1)),
  { ...nameColumn, priority: 1 },
];

export const endpointSliceColumns: readonly Column[] = [
  nameColumn,
  column('AddressType', (slice) => stringAt(slice, 'addressType') ?? ''),
  column('Ports', (slice) =>
    some(
      objectsAt(slice, 'ports').map((port) => String(numberAt(port, 'port') ?? '<unset>')),
      3,
    ),
  ),
  column('Endpoints', (slice) =>
    some(
      objectsAt(slice, 'endpoints').flatMap((endpoint) => stringsAt(endpoint, 'addresses')),
      3,
    ),
  ),
  ageColumn,
];

/** The first few of a list, and how many more there are. */
export function some(values: readonly string[], limit: number): string {
  if (values.length === 0) return '<unset>';
  const shown = values.slice(0, limit).join(',');
  return values.length > limit ? `${shown} + ${values.length - limit} more...` : shown;
}
