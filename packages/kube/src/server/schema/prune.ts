// Dropping what a schema does not know, so that no unchecked field is stored. Kubernetes "Field pruning".
import type { JsonSchema } from '../../resources/custom-resource-definition.ts';
import { isObject, type Json, type JsonObject } from '../json/json.ts';

const TYPE_META = ['apiVersion', 'kind', 'metadata'];

/** Changes the object in place; answers the paths of what was dropped. */
export function prune(object: JsonObject, schema: JsonSchema): string[] {
  const dropped: string[] = [];
  // At the root these are checked as metadata is everywhere.
  pruneObject(object, schema, '', dropped, TYPE_META);
  return dropped;
}

function pruneValue(value: Json | undefined, schema: JsonSchema, path: string, dropped: string[]): void {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items) for (const [index, item] of value.entries()) pruneValue(item, items, `${path}[${index}]`, dropped);
  } else if (isObject(value)) pruneObject(value, schema, path, dropped, schema['x-kubernetes-embedded-resource'] ? TYPE_META : []);
}

function pruneObject(object: JsonObject, schema: JsonSchema, path: string, dropped: string[], kept: readonly string[]): void {
  const { properties = {}, additionalProperties } = schema;
  for (const [key, value] of Object.entries(object)) {
    const at = path === '' ? key : `${path}.${key}`;
    const own = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (kept.includes(key)) continue;
    if (own) pruneValue(value, own, at, dropped);
    else if (typeof additionalProperties === 'object') pruneValue(value, additionalProperties, at, dropped);
    else if (additionalProperties !== true && !schema['x-kubernetes-preserve-unknown-fields']) {
      delete object[key];
      dropped.push(at);
    }
  }
}
