// Server-side apply: a manager's whole intent merged into an object, with conflicts where another owns a field that would change,
// and removal of what the manager owned and no longer wants. Kubernetes "Server-Side Apply".
import { ApiError } from '../errors/api-error.ts';
import { decodeJson } from '../json/decode.ts';
import { clone, deepEqual, isObject, type Json, type JsonObject, stringAt } from '../json/json.ts';
import type { MergeSchema } from '../patch/merge-schema.ts';
import { type Manager, type Ownership, readOwnerships, sameManager, writeOwnerships } from './field-managers.ts';
import { elementIndex, type FieldPath, type FieldSet, fieldsOf, keyElement, pathText, placesOf, schemaAt, valueAt } from './field-set.ts';

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
  /** Fills in what the kind has as defaults. */
  readonly complete: (object: JsonObject) => void;
  /** RFC 3339. */
  readonly time: string;
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function serverSideApply(options: ApplyOptions): ApplyResult {
  const { live, config, manager, force, schema, time } = options;
  const wanted = fieldsOf(config, schema);
  if (!live) {
    const object = clone(config);
    writeOwnerships(object, [{ manager, fields: wanted, time }]);
    return { kind: 'applied', object };
  }
  const before = clientSideApplied(live, options);
  const ownerships = ownershipsOf(live, before, options);
  const forgiven: FieldSet = manager.name === 'kubectl' ? before : new Map();
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
  const held = [wanted, ...others.map(({ fields }) => fields)].map(placesOf);
  const left: FieldSet = new Map();
  // Shortest first: a list element goes as a whole, while the members that name it are still there.
  for (const [id, path] of [...(mine?.fields ?? [])].sort(([, a], [, b]) => a.length - b.length)) {
    if (held.some((places) => places.has(id))) continue;
    removeAt(object, path, schema);
    const above = path.slice(0, -1);
    left.set(JSON.stringify(above), above);
  }
  for (const path of left.values()) removeEmpty(object, path, schema);
  writeOwnerships(object, [...others, { manager, fields: wanted, time }]);
  return { kind: 'applied', object };
}

/** Of an object never applied before, kubectl owns what it applied from the client side, and whoever was there the rest. */
function ownershipsOf(live: JsonObject, before: FieldSet, { manager, schema, time }: ApplyOptions): Ownership[] {
  const known = readOwnerships(live);
  if (known.length > 0) return known;
  const { status: _status, ...rest } = live;
  const others: FieldSet = new Map([...fieldsOf(rest, schema)].filter(([id]) => !before.has(id)));
  const entry = (name: string, fields: FieldSet): Ownership => ({ manager: { ...manager, name, operation: 'Update', subresource: '' }, fields, time });
  return [entry('kubectl-client-side-apply', before), entry('before-first-apply', others)];
}

/** What kubectl applied from the client side, with the defaults that this brought, as far as nobody has changed it since. */
function clientSideApplied(live: JsonObject, { schema, complete }: ApplyOptions): FieldSet {
  const fields: FieldSet = new Map();
  const text = stringAt(live, 'metadata', 'annotations', LAST_APPLIED);
  if (text === undefined) return fields;
  const applied = parsed(text);
  // An annotation that is no object claims nothing.
  if (!isObject(applied)) return fields;
  complete(applied);
  for (const [id, path] of fieldsOf(applied, schema)) {
    const value = valueAt(live, path, schema);
    if (value !== undefined && (path.at(-1)?.startsWith('k:') === true || deepEqual(value, valueAt(applied, path, schema)))) fields.set(id, path);
  }
  const annotation: FieldPath = ['f:metadata', 'f:annotations', `f:${LAST_APPLIED}`];
  return fields.set(JSON.stringify(annotation), annotation);
}

function parsed(text: string): Json | undefined {
  try {
    return decodeJson(text);
  } catch (error) {
    // Whoever may write annotations may write anything.
    if (error instanceof ApiError) return undefined;
    throw error;
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

function removeAt(object: JsonObject, path: FieldPath, schema: MergeSchema): void {
  const parentPath = path.slice(0, -1);
  const last = path.at(-1) ?? '';
  const parent = valueAt(object, parentPath, schema);
  if (Array.isArray(parent)) {
    const index = elementIndex(parent, last, schemaAt(schema, parentPath));
    if (index >= 0) parent.splice(index, 1);
  } else if (isObject(parent) && last.startsWith('f:')) delete parent[last.slice(2)];
}

/** Removes a container that lost its last member, and what that leaves empty in turn. The parts of an object itself stay. */
function removeEmpty(object: JsonObject, path: FieldPath, schema: MergeSchema): void {
  if (path.length < 2 || path.at(-1)?.startsWith('f:') !== true) return;
  const value = valueAt(object, path, schema);
  if (typeof value !== 'object' || value === null || Object.keys(value).length > 0) return;
  removeAt(object, path, schema);
  removeEmpty(object, path.slice(0, -1), schema);
}
