// Changing stored objects. Kubernetes API conventions, "Concurrency control and consistency".

import { apiVersionOf } from '../../resources/resource-kind.ts';
import { serviceKind } from '../../resources/service.ts';
import { trackUpdate } from '../apply/field-managers.ts';
import { conflict, modified, notFound } from '../errors/api-error.ts';
import { clone, deepEqual, ensureObject, type JsonObject, objectAt, stringAt } from '../json/json.ts';
import { inVersion } from '../kinds/in-version.ts';
import type { Revision } from '../storage/collection.ts';
import { keyOf } from '../storage/object-key.ts';
import { admissionTarget } from './admission-target.ts';
import { type ApiState, timestamp } from './api-state.ts';
import { assignAddresses, check, provisional } from './final-checks.ts';
import { finishIfReleased } from './remove-object.ts';
import { applyUpdateRules } from './update-rules.ts';
import type { WriteContext } from './write-object.ts';

export interface UpdateRequest {
  readonly name: string;
  readonly subresource: 'status' | 'scale' | 'finalize' | undefined;
  /** Makes the wanted object from a copy of the present one. Called again when another write came in between. */
  readonly change: (current: JsonObject) => JsonObject;
}

const MAX_ATTEMPTS = 8;

/** Without a resourceVersion in the wanted object a concurrent write is merged over; with one it is a conflict. */
export async function updateObject(state: ApiState, context: WriteContext, request: UpdateRequest): Promise<Revision> {
  const { resource } = context.kind;
  const { name, subresource } = request;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const current = state.store.collection(resource).get(keyOf(context.namespace, name));
    if (!current) throw notFound(resource, name);
    const old = inVersion(context.kind, current.object);
    const wanted = wantedObject(context, request, current);
    const prepared = prepare(state, context, wanted, old, subresource);
    // Only webhooks take time. Where none is concerned no turn is given away, so no other write can come in between.
    const next = prepared instanceof Promise ? await prepared : prepared;
    if (deepEqual(withoutVersion(next), withoutVersion(old))) return current;
    if (context.dryRun) return provisional(next, current.version);
    const stored = state.store.replace(resource, next, current);
    if (stored !== 'stale') return finishIfReleased(state, context.kind, stored);
  }
  throw modified(resource, name);
}

function wantedObject({ kind }: WriteContext, { name, change }: UpdateRequest, current: Revision): JsonObject {
  const wanted = change(clone(inVersion(kind, current.object)));
  const { resourceVersion, uid } = ensureObject(wanted, 'metadata');
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== String(current.version)) throw modified(kind.resource, name);
  if (uid !== undefined && uid !== stringAt(current.object, 'metadata', 'uid')) {
    throw conflict(kind.resource, name, 'the UID in the object does not match the stored one');
  }
  return wanted;
}

function prepare(
  state: ApiState,
  context: WriteContext,
  wanted: JsonObject,
  old: JsonObject,
  subresource: UpdateRequest['subresource'],
): JsonObject | Promise<JsonObject> {
  const { kind, user, dryRun, warn } = context;
  const next = applyUpdateRules(kind, wanted, old, subresource, context.ownership !== undefined);
  if (subresource === undefined || subresource === 'scale' || kind.isCustom) {
    kind.complete(next);
    if (kind.resource === serviceKind) assignAddresses(state, kind, next, old);
  }
  if (deepEqual(withoutVersion(next), withoutVersion(old))) return next;
  const target = admissionTarget(state, { ...context, object: next, old, subresource });
  if (!state.webhooks.concerns(target)) return finish(state, context, next, old, subresource);
  return (async () => {
    const admitted = await state.webhooks.mutate({ target, user, dryRun }, kind.complete, warn);
    const final = finish(state, context, admitted ? clone(admitted) : next, old, subresource);
    await state.webhooks.validate({ target: { ...target, object: final }, user, dryRun }, warn);
    return final;
  })();
}

function finish(state: ApiState, context: WriteContext, admitted: JsonObject, old: JsonObject, subresource: UpdateRequest['subresource']): JsonObject {
  const { kind, ownership } = context;
  const final = applyUpdateRules(kind, admitted, old, subresource, ownership !== undefined);
  if (ownership === undefined || (ownership === 'patched' && ownershipKept(final, old))) {
    const manager = { name: context.manager, operation: 'Update', apiVersion: apiVersionOf(kind.resource), subresource: subresource ?? '' } as const;
    trackUpdate(final, old, manager, kind.merge, timestamp(state.clock.wall()));
  }
  check(kind, final, old);
  return final;
}

function withoutVersion(object: JsonObject): JsonObject {
  const { resourceVersion: _version, ...metadata } = objectAt(object, 'metadata') ?? {};
  return { ...object, metadata };
}

function ownershipKept(next: JsonObject, old: JsonObject): boolean {
  return deepEqual(objectAt(next, 'metadata')?.managedFields, objectAt(old, 'metadata')?.managedFields);
}
