// The messages of built-in kinds as OpenAPI schemas: what `kubectl explain` prints, and by which `kubectl apply` computes its patches.
import type { Json, JsonObject } from '../json/json.ts';
import type { Member } from './message-table.ts';
import type { Messages } from './messages.ts';

const SCALARS: Readonly<Record<string, JsonObject>> = {
  string: { type: 'string' },
  bytes: { type: 'string', format: 'byte' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  bool: { type: 'boolean' },
  Quantity: { type: 'string' },
  IntOrString: { format: 'int-or-string', oneOf: [{ type: 'integer' }, { type: 'string' }] },
  Time: { type: 'string', format: 'date-time' },
  MicroTime: { type: 'string', format: 'date-time' },
  FieldsV1: { type: 'object' },
};

export function schemaRef(name: string): JsonObject {
  return { $ref: `#/components/schemas/${messageSchemaName(name)}` };
}

export function messageSchemaName(name: string): string {
  return `io.k8s.api.${name}`;
}

/** The schema of a message and of every message inside it, by their names. */
export function messageSchemas(messages: Messages, root: string, into: JsonObject = {}): JsonObject {
  const name = messageSchemaName(root);
  if (into[name] !== undefined || !messages.has(root)) return into;
  const properties: JsonObject = {};
  into[name] = { type: 'object', description: `${root}, as the embedded API server knows it.`, properties };
  addMembers(messages, root, properties, into);
  return into;
}

function addMembers(messages: Messages, name: string, properties: JsonObject, into: JsonObject): void {
  for (const member of messages.get(name)?.values() ?? []) {
    if (member.inline) addMembers(messages, member.type, properties, into);
    else {
      properties[member.name] = memberSchema(member);
      messageSchemas(messages, member.type, into);
    }
  }
}

function memberSchema(member: Member): JsonObject {
  const value = SCALARS[member.type] ?? { allOf: [schemaRef(member.type)], default: {} };
  const strategy = strategyOf(member);
  const merge: JsonObject = {
    ...(strategy === '' ? {} : { 'x-kubernetes-patch-strategy': strategy }),
    ...(member.mergeKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': member.mergeKey }),
  };
  if (member.form === 'map') return { type: 'object', additionalProperties: value as Json };
  return member.form === 'list' ? { type: 'array', items: value, ...merge } : { ...value, ...merge };
}

function strategyOf({ mergeKey, mergesAsSet, retainsKeys }: Member): string {
  const merges = mergeKey !== undefined || mergesAsSet ? ['merge'] : [];
  return [...merges, ...(retainsKeys ? ['retainKeys'] : [])].join();
}
