// Who owns which fields of an object: metadata.managedFields, read, changed and written back.
import { clone, deepEqual, ensureObject, type JsonObject, objectsAt, stringAt } from '../json/json.ts';
import type { MergeSchema } from '../patch/merge-schema.ts';
import { decodeFields, encodeFields, type FieldSet, fieldsOf, valueAt } from './field-set.ts';

export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
}

export interface Ownership {
  readonly manager: Manager;
  readonly fields: FieldSet;
  /** RFC 3339. */
  readonly time: string;
}

export function readOwnerships(object: JsonObject): Ownership[] {
  return objectsAt(object, 'metadata', 'managedFields').map((entry) => ({
    manager: {
      name: stringAt(entry, 'manager') ?? '',
      operation: stringAt(entry, 'operation') === 'Apply' ? 'Apply' : 'Update',
      apiVersion: stringAt(entry, 'apiVersion') ?? '',
      subresource: stringAt(entry, 'subresource') ?? '',
    },
    fields: decodeFields(entry.fieldsV1),
    time: stringAt(entry, 'time') ?? '',
  }));
}

/** Writes what is owned; a manager left with nothing is left out, one whose fields did not change keeps its time. */
export function writeOwnerships(object: JsonObject, ownerships: readonly Ownership[]): void {
  const before = objectsAt(object, 'metadata', 'managedFields');
  const entries = ownerships
    .filter(({ fields }) => fields.size > 0)
    .map(({ manager, fields, time }) => {
      const fieldsV1 = encodeFields(fields);
      const { name, operation, apiVersion, subresource } = manager;
      const same = before.find(
        (entry) =>
          entry.manager === name &&
          entry.operation === operation &&
          (stringAt(entry, 'subresource') ?? '') === subresource &&
          deepEqual(entry.fieldsV1, fieldsV1),
      );
      const written = stringAt(same, 'time') ?? time;
      return { manager: name, operation, apiVersion, time: written, fieldsType: 'FieldsV1', fieldsV1, ...(subresource === '' ? {} : { subresource }) };
    });
  const metadata = ensureObject(object, 'metadata');
  if (entries.length > 0) metadata.managedFields = entries;
  else delete metadata.managedFields;
}

export function sameManager(a: Manager, b: Manager): boolean {
  return a.name === b.name && a.operation === b.operation && a.subresource === b.subresource;
}

/**
 * After a write that was no apply: what it changed is its manager's alone, what it removed is nobody's.
 * Objects that were never applied server-side carry no ownership, so that ordinary writes cost nothing.
 */
export function trackUpdate(next: JsonObject, old: JsonObject, manager: Manager, schema: MergeSchema, time: string): void {
  const before = readOwnerships(old);
  if (before.length === 0) return;
  const present = fieldsOf(next, schema);
  const changed: FieldSet = new Map();
  for (const [id, path] of present) if (!deepEqual(valueAt(next, path, schema), valueAt(old, path, schema))) changed.set(id, path);
  // A list element is marked by its key; what changed inside it is named by its own paths.
  for (const [id, path] of changed) if (path.at(-1)?.startsWith('k:') === true && valueAt(old, path, schema) !== undefined) changed.delete(id);
  const ownerships = before.map((ownership): Ownership => {
    const own = sameManager(ownership.manager, manager);
    const fields: FieldSet = new Map([...ownership.fields].filter(([id]) => present.has(id) && (own || !changed.has(id))));
    return { ...ownership, fields };
  });
  const mine = ownerships.find((ownership) => sameManager(ownership.manager, manager));
  if (mine) for (const [id, path] of changed) mine.fields.set(id, path);
  else ownerships.push({ manager, fields: changed, time });
  ensureObject(next, 'metadata').managedFields = clone(objectsAt(old, 'metadata', 'managedFields'));
  writeOwnerships(next, ownerships);
}
