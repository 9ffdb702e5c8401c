// What an update may and may not touch: identity stays, status and spec are written through their own doors, generation counts.
import { clone, deepEqual, ensureObject, type JsonObject, objectAt, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';

/** Members of metadata that only the server writes. */
const SERVER_OWNED = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'generation',
  'generateName',
  'resourceVersion',
  'selfLink',
];

/** A new object: `wanted` as far as the door it came through lets it. Called before and after admission. */
export function applyUpdateRules(
  kind: KindDefinition,
  wanted: JsonObject,
  old: JsonObject,
  subresource: string | undefined,
  keepsManagedFields = false,
): JsonObject {
  const next =
    subresource === 'status' ? { ...clone(old), status: wanted.status } : subresource === 'finalize' ? { ...clone(old), spec: wanted.spec } : clone(wanted);
  if (next.status === undefined) delete next.status;
  if (subresource !== 'status' && kind.hasStatus) {
    if (old.status === undefined) delete next.status;
    else next.status = clone(old.status);
  }
  next.apiVersion = old.apiVersion;
  next.kind = old.kind;
  const metadata = ensureObject(next, 'metadata');
  const before = objectAt(old, 'metadata') ?? {};
  const managed = keepsManagedFields ? objectAt(wanted, 'metadata')?.managedFields : before.managedFields;
  if (managed === undefined) delete metadata.managedFields;
  else metadata.managedFields = clone(managed);
  for (const key of SERVER_OWNED) {
    if (before[key] === undefined) delete metadata[key];
    else metadata[key] = before[key];
  }
  if (kind.hasGeneration && !deepEqual(wantedPart(kind, next), wantedPart(kind, old))) metadata.generation = Number(before.generation ?? 0) + 1;
  return next;
}

/** Everything that says what is wanted. A status without a door of its own counts as that. */
function wantedPart({ hasStatus }: KindDefinition, object: JsonObject): JsonObject {
  const { metadata: _metadata, status, ...rest } = object;
  return hasStatus ? rest : { ...rest, status };
}

export function isBeingDeleted(object: JsonObject): boolean {
  return stringAt(object, 'metadata', 'deletionTimestamp') !== undefined;
}
