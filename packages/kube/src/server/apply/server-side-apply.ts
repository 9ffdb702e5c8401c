// Server-side apply: a manager's whole intent merged into an object, with conflicts where another owns a field that would change,
// and removal of what the manager owned and no longer wants. Kubernetes "Server-Side Apply".
import { clone, deepEqual, isObject, type Json, type JsonObject, stringAt } from '../json/json.ts';
import type { MergeSchema } from '../patch/merge-schema.ts';
import { type Manager, type Ownership, readOwnerships, sameManager, writeOwnerships } from './field-managers.ts';
import { type FieldPath, type FieldSet, fieldsOf, keyElement, pathText, reaches, schemaAt, valueAt } from './field-set.ts';

export interface ApplyConflict {
  readonly manager: Manager;
  /** Such as `.spec.replicas`. */
  readonly field: string;
}

export type ApplyResult =
  | { readonly kind: 'applied'; readonly object: JsonObject }
  | { readonly kind: 'conflicts'; readonly conflicts: readonly ApplyConflict[] };

export interface ApplyOptions {
  /** The stored object; undefined when there is none yet. */
  readonly live: JsonObject | undefined;
  readonly config: JsonObject;
  readonly manager: Manager;
  /** Take over what others own. */
  readonly force: boolean;
  readonly schema: MergeSchema;
  /** RFC 3339. */
  readonly time: string;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function serverSideApply({ live, config, manager, force, schema, time }: ApplyOptions): ApplyResult {
  const wanted = fieldsOf(config, schema);
  if (!live) {
    const object = clone(config);
    writeOwnerships(object, [{ manager, fields: wanted, time }]);
    return { kind: 'applied', object };
  }
  const ownerships = ownershipsOf(live, manager, schema, time);
  const forgiven = manager.name === 'kubectl' ? lastApplied(live, schema) : new Map<string, FieldPath>();
  const conflicts: ApplyConflict[] = [];
  const others = ownerships
    .filter((ownership) => !sameManager(ownership.manager, manager))
    .map((ownership): Ownership => {
      const fields: FieldSet = new Map();
      for (const [id, path] of ownership.fields) {
        const differs = wanted.has(id) && !path.at(-1)?.startsWith('k:') && !deepEqual(valueAt(live, path, schema), valueAt(config, path, schema));
        if (!differs) fields.set(id, path);
        else if (!force && !forgiven.has(id)) conflicts.push({ manager: ownership.manager, field: pathText(path) });
      }
      return { ...ownership, fields };
    });
  if (conflicts.length > 0) return { kind: 'conflicts', conflicts };
  const object = mergeObject(clone(live), config, schema);
  const mine = ownerships.find((ownership) => sameManager(ownership.manager, manager));
  // Shortest first: a list element goes as a whole, while the members that name it are still there.
  for (const path of [...(mine?.fields.values() ?? [])].sort((a, b) => a.length - b.length)) {
    if (!reaches(wanted, path) && !others.some(({ fields }) => reaches(fields, path))) removeAt(object, path, schema);
  }
  writeOwnerships(object, [...others, { manager, fields: wanted, time }]);
  return { kind: 'applied', object };
}

/** An object never applied before belongs as a whole to whoever made it. */
function ownershipsOf(live: JsonObject, manager: Manager, schema: MergeSchema, time: string): Ownership[] {
  const known = readOwnerships(live);
  if (known.length > 0) return known;
  const annotated = stringAt(live, 'metadata', 'annotations', LAST_APPLIED) !== undefined;
  const name = annotated ? 'kubectl-client-side-apply' : 'before-first-apply';
  const { status: _status, ...rest } = live;
  return [{ manager: { ...manager, name, operation: 'Update', subresource: '' }, fields: fieldsOf(rest, schema), time }];
}

/** What kubectl applied from the client side before is its own to change. */
function lastApplied(live: JsonObject, schema: MergeSchema): FieldSet {
  const text = stringAt(live, 'metadata', 'annotations', LAST_APPLIED);
  try {
    const value = text === undefined ? undefined : (JSON.parse(text) as Json);
    return isObject(value) ? fieldsOf(value, schema) : new Map<string, FieldPath>();
  } catch {
    // An annotation that is not JSON claims nothing.
    return new Map<string, FieldPath>();
  }
}

function mergeObject(live: JsonObject, config: JsonObject, schema: MergeSchema): JsonObject {
  for (const [key, value] of Object.entries(config)) {
    if (value !== undefined) live[key] = mergeValue(live[key], value, schema.fields?.[key] ?? {});
  }
  return live;
}

function mergeValue(live: Json | undefined, config: Json, schema: MergeSchema): Json {
  if (schema.atomic) return clone(config);
  if (isObject(config)) return mergeObject(isObject(live) ? live : {}, config, schema);
  if (!Array.isArray(config)) return config;
  const present = Array.isArray(live) ? live : [];
  if (schema.set) return [...present, ...config.filter((value) => !present.some((item) => deepEqual(item, value)))];
  if (!schema.mapKeys) return clone(config);
  const result = [...present];
  for (const item of config) {
    if (!isObject(item)) continue;
    const key = keyElement(item, schema);
    const at = result.findIndex((other) => isObject(other) && keyElement(other, schema) === key);
    const target = result[at];
    if (isObject(target)) result[at] = mergeObject(target, item, schema.item ?? {});
    else result.push(clone(item));
  }
  return result;
}

/** Removes a field, and the containers that it leaves empty. */
function removeAt(object: JsonObject, path: FieldPath, schema: MergeSchema): void {
  const parentPath = path.slice(0, -1);
  const last = path.at(-1) ?? '';
  const parent = parentPath.length === 0 ? object : valueAt(object, parentPath, schema);
  if (last.startsWith('f:') && isObject(parent)) {
    delete parent[last.slice(2)];
    if (Object.keys(parent).length === 0 && parentPath.length > 1 && parentPath.at(-1)?.startsWith('f:') === true) removeAt(object, parentPath, schema);
    return;
  }
  if (!Array.isArray(parent)) return;
  const list = schemaAt(schema, parentPath);
  const index = parent.findIndex((item) => (last.startsWith('k:') ? isObject(item) && keyElement(item, list) === last : `v:${JSON.stringify(item)}` === last));
  if (index >= 0) parent.splice(index, 1);
  if (parent.length === 0) removeAt(object, parentPath, schema);
}
