// JSON trees as the server handles them: read without trust, written only while they are a draft.

export type Json = null | boolean | number | string | Json[] | JsonObject;

/** Mutable while a request prepares it; frozen as soon as it is stored. */
export interface JsonObject {
  [key: string]: Json | undefined;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under a path of keys, or undefined where anything on the way is missing or of another type. */
export function objectAt(value: Json | undefined, ...path: readonly string[]): JsonObject | undefined {
  let at: Json | undefined = value;
  for (const key of path) at = isObject(at) ? at[key] : undefined;
  return isObject(at) ? at : undefined;
}

/** The list under a path of keys; empty where it is missing or of another type. */
export function listAt(value: Json | undefined, ...path: readonly string[]): Json[] {
  const at = objectAt(value, ...path.slice(0, -1))?.[path.at(-1) ?? ''];
  return Array.isArray(at) ? at : [];
}

/** The objects of a list, leaving out what is not one. */
export function objectsAt(value: Json | undefined, ...path: readonly string[]): JsonObject[] {
  return listAt(value, ...path).filter(isObject);
}

/** The texts of a list, leaving out what is not one. */
export function stringsAt(value: Json | undefined, ...path: readonly string[]): string[] {
  return listAt(value, ...path).filter((item) => typeof item === 'string');
}

export function stringAt(value: Json | undefined, ...path: readonly string[]): string | undefined {
  const at = objectAt(value, ...path.slice(0, -1))?.[path.at(-1) ?? ''];
  return typeof at === 'string' ? at : undefined;
}

export function numberAt(value: Json | undefined, ...path: readonly string[]): number | undefined {
  const at = objectAt(value, ...path.slice(0, -1))?.[path.at(-1) ?? ''];
  return typeof at === 'number' ? at : undefined;
}

/** The object under a key, created where missing. A value of another type is left for validation to report; a spare object is answered. */
export function ensureObject(parent: JsonObject, key: string): JsonObject {
  const present = parent[key];
  if (isObject(present)) return present;
  const made: JsonObject = {};
  if (present === undefined || present === null) parent[key] = made;
  return made;
}

/** Sets a member that is missing, null or the empty string, as Kubernetes' defaulting does. */
export function defaultTo(object: JsonObject, key: string, value: Json): void {
  const present = object[key];
  if (present === undefined || present === null || present === '') object[key] = value;
}

export function clone<T extends Json>(value: T): T {
  return structuredClone(value);
}

export function deepFreeze<T extends Json | undefined>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) deepFreeze(item);
  }
  return value;
}

/** Equality of trees; members that are undefined count as absent. */
export function deepEqual(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, index) => deepEqual(item, b[index]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) if (!deepEqual(a[key], b[key])) return false;
  return true;
}

/** A string-to-string map such as labels; members of another type are left out. */
export function stringMap(value: Json | undefined): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [key, item] of Object.entries(isObject(value) ? value : {})) if (typeof item === 'string') result[key] = item;
  return result;
}
