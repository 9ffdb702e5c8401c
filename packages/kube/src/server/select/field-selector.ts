// Field selectors: comparisons joined by commas, over the fields that Kubernetes lets select by. Kubernetes "Field Selectors".
import { badRequest } from '../errors/api-error.ts';
import { type Json, type JsonObject, objectAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';

export type ObjectTest = (object: JsonObject) => boolean;

const EVERY_KIND = ['metadata.name', 'metadata.namespace'];
const BY_KIND: Readonly<Record<string, readonly string[]>> = {
  Pod: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  Event: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  Secret: ['type'],
  Namespace: ['status.phase'],
  Node: ['spec.unschedulable'],
  Service: ['spec.clusterIP', 'spec.type'],
  ReplicaSet: ['status.replicas'],
  Job: ['status.successful'],
};

/** Selected by another name than they are stored by. */
const ALIASES: Readonly<Record<string, string>> = { source: 'source.component', 'status.successful': 'status.succeeded' };

/** Throws a 400 for a text that cannot be read or a field that cannot be selected by. */
export function parseFieldSelector(text: string, { resource: kind, selectableFields }: KindDefinition): ObjectTest {
  const tests: ObjectTest[] = [];
  const allowed = [
    ...EVERY_KIND,
    ...(kind.group === '' || kind.group === 'apps' || kind.group === 'batch' ? (BY_KIND[kind.kind] ?? []) : []),
    ...selectableFields,
  ];
  for (const part of text.split(',')) {
    if (part.trim() === '') continue;
    const match = /^\s*([^=!]+?)\s*(==|=|!=)(.*)$/.exec(part);
    if (!match) throw badRequest(`invalid field selector ${JSON.stringify(part)}`);
    const [, field = '', operator, value = ''] = match;
    if (!allowed.includes(field)) throw badRequest(`field label not supported: ${field}`);
    const path = (ALIASES[field] ?? field).split('.');
    tests.push((object) => (valueAt(object, path) === value.trim()) === (operator !== '!='));
  }
  return (object) => tests.every((test) => test(object));
}

/** The value as Kubernetes compares it: missing is the empty string, except for booleans. */
function valueAt(object: JsonObject, path: readonly string[]): string {
  const value: Json | undefined = objectAt(object, ...path.slice(0, -1))?.[path.at(-1) ?? ''];
  if (value === undefined || value === null) return path.at(-1) === 'hostNetwork' || path.at(-1) === 'unschedulable' ? 'false' : '';
  return typeof value === 'object' ? '' : String(value);
}
