// Filling in what the writer left out, by the schema's defaults. Kubernetes "Defaulting".
import type { JsonSchema } from '../../resources/custom-resource-definition.ts';
import { clone, isObject, type Json } from '../json/json.ts';

/** Changes the value in place. Giving it twice changes nothing more. */
export function applyDefaults(value: Json | undefined, schema: JsonSchema): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) applyDefaults(item, schema.items);
    return;
  }
  if (!isObject(value)) return;
  const { properties = {}, additionalProperties } = schema;
  for (const [key, member] of Object.entries(properties)) {
    const present = value[key];
    // A null that may not stand is as good as nothing where there is a default.
    if (member.default !== undefined && (present === undefined || (present === null && member.nullable !== true))) value[key] = clone(member.default as Json);
    applyDefaults(value[key], member);
  }
  if (typeof additionalProperties !== 'object') return;
  for (const [key, item] of Object.entries(value)) if (!Object.hasOwn(properties, key)) applyDefaults(item, additionalProperties);
}
