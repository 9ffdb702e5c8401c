// What objects are kept and ordered by.
import { type JsonObject, stringAt } from '../json/json.ts';

/** `namespace/name`, or `/name` for cluster-scoped kinds. */
export function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

export function objectKey(object: JsonObject): string {
  return keyOf(stringAt(object, 'metadata', 'namespace'), stringAt(object, 'metadata', 'name') ?? '');
}
