// Ownership: dependents go when the last of their owners has gone. Kubernetes "Garbage Collection".

import type { Logger } from '@weft/core';
import { apiVersionOf } from '../../resources/resource-kind.ts';
import { ApiError } from '../errors/api-error.ts';
import { clone, ensureObject, type JsonObject, listAt, objectsAt, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { ApiState } from '../rest/api-state.ts';
import { FOREGROUND, finishIfReleased, ORPHAN, REMOVE_NOW, removeObject } from '../rest/remove-object.ts';
import { isBeingDeleted } from '../rest/update-rules.ts';
import type { Collection } from '../storage/collection.ts';
import { keyOf, objectKey } from '../storage/object-key.ts';

interface Dependent {
  readonly kind: KindDefinition;
  readonly key: string;
}

/** Works behind the writes, in turns of the event loop. Returns a function that stops it. */
export function startGarbageCollector(state: ApiState): () => void {
  const { store, registry } = state;
  /** Owner's uid → those that name it. */
  const dependents = new Map<string, Map<string, Dependent>>();
  const alive = new Set<string>();
  const queue = new Map<string, () => void>();
  let scheduled: NodeJS.Immediate | undefined;

  const later = (id: string, work: () => void): void => {
    queue.set(id, work);
    scheduled ??= setImmediate(() => {
      scheduled = undefined;
      const works = [...queue.values()];
      queue.clear();
      for (const each of works) guarded(state.logger, each);
    });
  };
  const objectOf = ({ kind, key }: Dependent): JsonObject | undefined => store.collection(kind.resource).get(key)?.object;

  /** One object that names owners: decide whether any of them is left. */
  const examine = (dependent: Dependent): void => {
    const object = objectOf(dependent);
    const owners = objectsAt(object, 'metadata', 'ownerReferences');
    if (!object || owners.length === 0 || isBeingDeleted(object)) return;
    const there = owners.filter((owner) => isOwnerThere(object, owner));
    if (there.length === owners.length) return;
    if (there.length === 0) {
      removeObject(state, dependent.kind, stringAt(object, 'metadata', 'namespace'), stringAt(object, 'metadata', 'name') ?? '', REMOVE_NOW);
      return;
    }
    rewriteOwners(dependent, there);
  };
  const isOwnerThere = (object: JsonObject, owner: JsonObject): boolean => {
    const uid = stringAt(owner, 'uid') ?? '';
    if (!alive.has(uid)) return false;
    const kind = registry.byKind(stringAt(owner, 'apiVersion') ?? '', stringAt(owner, 'kind') ?? '');
    if (!kind) return true;
    const namespace = kind.resource.namespaced ? stringAt(object, 'metadata', 'namespace') : undefined;
    return stringAt(store.collection(kind.resource).get(keyOf(namespace, stringAt(owner, 'name') ?? ''))?.object, 'metadata', 'uid') === uid;
  };
  const rewriteOwners = ({ kind, key }: Dependent, owners: readonly JsonObject[]): void => {
    const current = store.collection(kind.resource).get(key);
    if (!current) return;
    const next = clone(current.object);
    const metadata = ensureObject(next, 'metadata');
    if (owners.length > 0) metadata.ownerReferences = clone([...owners]);
    else delete metadata.ownerReferences;
    store.replace(kind.resource, next, current);
  };
  /** An owner that waits for its dependents: to go (foreground) or to be let go of (orphan). */
  const settle = (owner: Dependent): void => {
    const current = store.collection(owner.kind.resource).get(owner.key);
    const finalizers = listAt(current?.object, 'metadata', 'finalizers');
    const uid = stringAt(current?.object, 'metadata', 'uid') ?? '';
    if (!current || !isBeingDeleted(current.object)) return;
    const own = [...(dependents.get(uid)?.values() ?? [])];
    if (finalizers.includes(ORPHAN)) {
      for (const each of own)
        rewriteOwners(
          each,
          objectsAt(objectOf(each), 'metadata', 'ownerReferences').filter((reference) => reference.uid !== uid),
        );
    } else if (finalizers.includes(FOREGROUND)) {
      for (const each of own) {
        const object = objectOf(each);
        if (object && !isBeingDeleted(object))
          removeObject(state, each.kind, stringAt(object, 'metadata', 'namespace'), stringAt(object, 'metadata', 'name') ?? '', REMOVE_NOW);
      }
      const blocking = own.filter((each) =>
        objectsAt(objectOf(each), 'metadata', 'ownerReferences').some((reference) => reference.uid === uid && reference.blockOwnerDeletion === true),
      );
      if (blocking.length > 0) return;
    } else return;
    const latest = store.collection(owner.kind.resource).get(owner.key);
    if (!latest) return;
    const next = clone(latest.object);
    ensureObject(next, 'metadata').finalizers = finalizers.filter((item) => item !== ORPHAN && item !== FOREGROUND);
    const stored = store.replace(owner.kind.resource, next, latest);
    if (stored !== 'stale') finishIfReleased(state, owner.kind, stored);
  };
  const link = (dependent: Dependent, object: JsonObject, linked: boolean): void => {
    const id = `${apiVersionOf(dependent.kind.resource)} ${dependent.kind.resource.kind} ${dependent.key}`;
    for (const reference of objectsAt(object, 'metadata', 'ownerReferences')) {
      const uid = stringAt(reference, 'uid') ?? '';
      const known = dependents.get(uid) ?? new Map<string, Dependent>();
      if (linked) {
        dependents.set(uid, known.set(id, dependent));
        later(`examine ${id}`, () => examine(dependent));
      } else {
        known.delete(id);
        if (known.size === 0) dependents.delete(uid);
        const owner = ownerOf(object, reference);
        if (owner) later(`settle ${uid}`, () => settle(owner));
      }
    }
  };
  const observe = (self: Dependent, object: JsonObject): void => {
    const uid = stringAt(object, 'metadata', 'uid') ?? '';
    alive.add(uid);
    link(self, object, true);
    if (isBeingDeleted(object)) later(`settle ${uid}`, () => settle(self));
  };
  const ownerOf = (object: JsonObject, reference: JsonObject): Dependent | undefined => {
    const kind = registry.byKind(stringAt(reference, 'apiVersion') ?? '', stringAt(reference, 'kind') ?? '');
    if (!kind) return undefined;
    const namespace = kind.resource.namespaced ? stringAt(object, 'metadata', 'namespace') : undefined;
    return { kind, key: keyOf(namespace, stringAt(reference, 'name') ?? '') };
  };

  const seen = new Set<Collection>();
  for (const kind of registry.kinds) {
    const objects = store.collection(kind.resource);
    if (seen.has(objects)) continue;
    seen.add(objects);
    for (const { object } of objects.list()) observe({ kind, key: objectKey(object) }, object);
  }
  const unlisten = store.listen((resource, change) => {
    const kind = registry.byPlural(resource.group, resource.version, resource.plural);
    if (!kind) return;
    const self: Dependent = { kind, key: objectKey(change.now.object) };
    const uid = stringAt(change.now.object, 'metadata', 'uid') ?? '';
    if (change.type !== 'ADDED') link(self, change.before.object, false);
    if (change.type !== 'DELETED') return observe(self, change.now.object);
    alive.delete(uid);
    for (const [id, dependent] of dependents.get(uid) ?? []) later(`examine ${id}`, () => examine(dependent));
  });
  return () => {
    unlisten();
    if (scheduled) clearImmediate(scheduled);
  };
}

/** What another write has already done is no failure. */
export function guarded(logger: Logger, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError && (error.status.code === 404 || error.status.code === 409)) return;
    logger.log('error', 'background work of the API server failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
