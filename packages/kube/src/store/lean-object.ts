// Objects as stores keep them: without the book-keeping of field ownership, which is often half of an object.
import type { KubeObject } from '../resources/meta.ts';

interface FieldsEntry {
  readonly time?: string;
}

function managedFieldsOf(object: KubeObject): readonly FieldsEntry[] {
  const { managedFields } = object.metadata as { readonly managedFields?: unknown };
  return Array.isArray(managedFields) ? (managedFields as readonly FieldsEntry[]) : [];
}

export function withoutManagedFields<T extends KubeObject>(object: T): T {
  if (!('managedFields' in object.metadata)) return object;
  const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { readonly managedFields: unknown };
  return Object.freeze({ ...object, metadata });
}

/** When the object was last written, by its field ownership; in milliseconds since the epoch. */
export function lastWrittenAt(object: KubeObject): number | undefined {
  let latest = '';
  // RFC 3339 in UTC sorts as text.
  for (const { time } of managedFieldsOf(object)) if (typeof time === 'string' && time > latest) latest = time;
  const at = Date.parse(latest);
  return Number.isNaN(at) ? undefined : at;
}
