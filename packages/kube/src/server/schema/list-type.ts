// Lists that are sets or maps have no element twice. Kubernetes `x-kubernetes-list-type`.
import type { JsonSchema } from '../../resources/custom-resource-definition.ts';
import { isObject, type Json } from '../json/json.ts';
import type { Field } from '../validate/field.ts';

export function checkListType(list: Field, schema: JsonSchema): void {
  const keys = schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : undefined;
  const seen = new Set<string>();
  for (const item of list.items()) {
    const identity = keys ? keyOf(item.value, keys, schema) : JSON.stringify(item.value ?? null);
    if (seen.has(identity)) item.duplicate();
    seen.add(identity);
  }
}

function keyOf(value: Json | undefined, keys: readonly string[], { items }: JsonSchema): string {
  const member = (key: string): unknown => (isObject(value) ? value[key] : undefined) ?? items?.properties?.[key]?.default ?? null;
  return JSON.stringify(keys.map(member));
}
