// Sets of fields, as server-side apply records who owns what: paths of members, list elements by key, and set values.
// Kubernetes "Server-Side Apply"; the stored form is FieldsV1 of meta/v1.
import { deepEqual, isObject, type Json, type JsonObject } from '../json/json.ts';
import type { MergeSchema } from '../patch/merge-schema.ts';

/** `f:member`, `k:{"name":"x"}`, `v:"value"`. */
export type FieldPath = readonly string[];

/** Paths by their JSON text. */
export type FieldSet = Map<string, FieldPath>;

const NONE: MergeSchema = {};
/** What names and types an object is nobody's field. */
const UNOWNED = new Set(['["f:apiVersion"]', '["f:kind"]']);
const UNOWNED_METADATA = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'selfLink',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
]);

export function fieldsOf(object: JsonObject, schema: MergeSchema): FieldSet {
  const set: FieldSet = new Map();
  collect(object, schema, [], set);
  for (const id of UNOWNED) set.delete(id);
  for (const [id, [first, second]] of set) if (first === 'f:metadata' && second !== undefined && UNOWNED_METADATA.has(second.slice(2))) set.delete(id);
  set.delete('["f:metadata"]');
  return set;
}

function collect(value: Json, schema: MergeSchema, path: FieldPath, into: FieldSet): void {
  if (Array.isArray(value) && !schema.atomic && schema.mapKeys) {
    for (const item of value) {
      if (!isObject(item)) continue;
      const at = [...path, keyElement(item, schema)];
      add(into, at);
      for (const [key, child] of Object.entries(item)) if (child !== undefined) collect(child, schema.item?.fields?.[key] ?? NONE, [...at, `f:${key}`], into);
    }
    return;
  }
  if (Array.isArray(value) && schema.set) {
    for (const item of value) add(into, [...path, `v:${JSON.stringify(item)}`]);
    return;
  }
  if (!isObject(value) || schema.atomic || Object.keys(value).length === 0) return add(into, path);
  for (const [key, child] of Object.entries(value)) if (child !== undefined) collect(child, schema.fields?.[key] ?? NONE, [...path, `f:${key}`], into);
}

function add(set: FieldSet, path: FieldPath): void {
  if (path.length > 0) set.set(JSON.stringify(path), path);
}

/** How a list element is told apart, with defaults for keys it leaves out. */
export function keyElement(item: JsonObject, { mapKeys = [], keyDefaults = {} }: MergeSchema): string {
  const keys: JsonObject = {};
  for (const key of [...mapKeys].sort()) {
    const value = item[key] ?? keyDefaults[key];
    if (value !== undefined) keys[key] = value;
  }
  return `k:${JSON.stringify(keys)}`;
}

/** The schema of what a path leads to. */
export function schemaAt(schema: MergeSchema, path: FieldPath): MergeSchema {
  let at = schema;
  for (const element of path) at = (element.startsWith('f:') ? at.fields?.[element.slice(2)] : at.item) ?? NONE;
  return at;
}

/** The value at a path; undefined where there is none. */
export function valueAt(object: JsonObject, path: FieldPath, schema: MergeSchema): Json | undefined {
  let value: Json | undefined = object;
  let at = schema;
  for (const element of path) {
    if (element.startsWith('f:')) {
      value = isObject(value) ? value[element.slice(2)] : undefined;
      at = at.fields?.[element.slice(2)] ?? NONE;
    } else {
      value = Array.isArray(value) ? value[elementIndex(value, element, at)] : undefined;
      at = at.item ?? NONE;
    }
  }
  return value;
}

/** Where a list has the element of a path; -1 where it has none. Lists are long at times, and have many paths: keys are compared, not written. */
export function elementIndex(list: readonly Json[], element: string, { mapKeys = [], keyDefaults = {} }: MergeSchema): number {
  const wanted = JSON.parse(element.slice(2)) as Json;
  if (!element.startsWith('k:') || !isObject(wanted)) return list.findIndex((item) => deepEqual(item, wanted));
  if (mapKeys.length === 0) return -1;
  return list.findIndex((item) => isObject(item) && mapKeys.every((key) => deepEqual(item[key] ?? keyDefaults[key], wanted[key])));
}

/** Every path of a set, and every place above one, as JSON texts. */
export function placesOf(set: FieldSet): ReadonlySet<string> {
  const places = new Set(set.keys());
  for (const path of set.values()) {
    for (let length = path.length - 1; length > 0; length--) {
      const above = JSON.stringify(path.slice(0, length));
      if (places.has(above)) break;
      places.add(above);
    }
  }
  return places;
}

export function encodeFields(set: FieldSet): JsonObject {
  const root: JsonObject = {};
  for (const path of set.values()) {
    let at = root;
    for (const element of path) {
      const next = at[element];
      at = isObject(next) ? next : (at[element] = {});
    }
    if (path.at(-1)?.startsWith('k:')) at['.'] = {};
  }
  return root;
}

export function decodeFields(fields: Json | undefined): FieldSet {
  const set: FieldSet = new Map();
  const walk = (node: JsonObject, path: FieldPath): void => {
    const children = Object.entries(node);
    if (children.length === 0) add(set, path);
    for (const [element, child] of children) {
      if (element === '.') {
        // A map's own mark says nothing that its members do not.
        if (path.at(-1)?.startsWith('k:') === true || children.length === 1) add(set, path);
      } else if (isObject(child)) walk(child, [...path, element]);
    }
  };
  if (isObject(fields)) walk(fields, []);
  return set;
}

/** `.spec.containers[name="web"].image`, as people read it. */
export function pathText(path: FieldPath): string {
  return path
    .map((element) => {
      const text = element.slice(2);
      if (element.startsWith('f:')) return `.${text}`;
      if (element.startsWith('v:')) return `[=${text}]`;
      const keys = Object.entries(JSON.parse(text) as JsonObject).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
      return `[${keys.join(',')}]`;
    })
    .join('');
}
