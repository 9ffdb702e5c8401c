// How server-side apply merges the lists and maps of a schema: `x-kubernetes-list-type`, `x-kubernetes-map-type`.
import type { JsonSchema } from '../../resources/custom-resource-definition.ts';
import { type MergeSchema, metadataSchema } from '../patch/merge-schema.ts';

export function mergeOfSchema(schema: JsonSchema): MergeSchema {
  const { fields, ...rest } = mergeOf(schema);
  return { ...rest, fields: { ...fields, metadata: metadataSchema } };
}

function mergeOf(schema: JsonSchema): MergeSchema {
  const { properties, items, additionalProperties, 'x-kubernetes-list-type': listType } = schema;
  if (schema['x-kubernetes-map-type'] === 'atomic') return { atomic: true };
  if (schema.type === 'array') {
    if (listType === 'set') return { set: true };
    if (listType !== 'map') return {};
    const mapKeys = schema['x-kubernetes-list-map-keys'] ?? [];
    const keyDefaults: Record<string, string> = {};
    for (const key of mapKeys) {
      const value = items?.properties?.[key]?.default;
      if (typeof value === 'string') keyDefaults[key] = value;
    }
    return { mapKeys, keyDefaults, item: items ? mergeOf(items) : {} };
  }
  const fields: Record<string, MergeSchema> = {};
  for (const [key, member] of Object.entries(properties ?? {})) fields[key] = mergeOf(member);
  // Members of a plain map are of one form; granular is what an empty schema means.
  return typeof additionalProperties === 'object' && !properties ? {} : { fields };
}
