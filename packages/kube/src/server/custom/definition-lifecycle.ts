// From stored CustomResourceDefinitions to served kinds, and back: names are accepted, kinds are served in the same turn as Established is
// written, and a deleted definition stays until its objects are gone. Kubernetes "Extend the Kubernetes API with CustomResourceDefinitions".

import { type CustomResourceDefinition, customResourceDefinitionKind } from '../../resources/custom-resource-definition.ts';
import type { Condition } from '../../resources/meta.ts';
import { resourceKind } from '../../resources/resource-kind.ts';
import { clone, deepEqual, ensureObject, type Json, type JsonObject, listAt, stringAt, stringsAt } from '../json/json.ts';
import { defineKind, type KindDefinition } from '../kinds/kind-definition.ts';
import { guarded } from '../lifecycle/garbage-collector.ts';
import { type ApiState, timestamp } from '../rest/api-state.ts';
import { finishIfReleased, REMOVE_NOW, removeObject } from '../rest/remove-object.ts';
import { isBeingDeleted } from '../rest/update-rules.ts';
import { keyOf } from '../storage/object-key.ts';
import { customKinds } from './custom-kinds.ts';
import { CLEANUP_FINALIZER, definitionKind, definitionOf } from './definition-kind.ts';
import { type NameConflict, nameConflict } from './name-conflicts.ts';

interface Life {
  readonly spec: CustomResourceDefinition['spec'];
  readonly ended: AbortController;
}

/** Returns a function that stops it. */
export function startDefinitionLifecycle(state: ApiState): () => void {
  const { store, registry } = state;
  const lives = new Map<string, Life>();
  const terminating = new Set<string>();
  const scheduled = new Map<string, NodeJS.Immediate>();
  const definitions = store.collection(customResourceDefinitionKind);

  const withdraw = (name: string): void => {
    lives.get(name)?.ended.abort();
    lives.delete(name);
    registry.publish(name, []);
  };
  const serve = (name: string, definition: CustomResourceDefinition): void => {
    if (deepEqual(lives.get(name)?.spec as Json | undefined, definition.spec as unknown as Json)) return;
    withdraw(name);
    const ended = new AbortController();
    lives.set(name, { spec: definition.spec, ended });
    registry.publish(name, customKinds(definition, { signal: ended.signal, isTerminating: () => terminating.has(name) }));
  };
  const tend = (object: JsonObject): void => {
    const name = stringAt(object, 'metadata', 'name') ?? '';
    const definition = definitionOf(object);
    const conflict = nameConflict(definition, registry.kindsOfOthers(name));
    if (isBeingDeleted(object)) terminating.add(name);
    if (!conflict) serve(name, definition);
    writeStatus(state, name, conflict, lives.has(name));
    if (isBeingDeleted(object)) later(name);
  };
  /** Behind the answer to the request that began it. */
  const later = (name: string): void => {
    if (scheduled.has(name)) return;
    const turn = setImmediate(() => {
      scheduled.delete(name);
      guarded(state.logger, () => cleanUp(state, name));
    });
    scheduled.set(name, turn);
  };
  const gone = (name: string): void => {
    terminating.delete(name);
    withdraw(name);
    // Names that were taken may be free now.
    for (const { object } of definitions.list()) tend(object);
  };

  for (const { object } of definitions.list()) tend(object);
  const unlisten = store.listen((resource, change) => {
    const name = stringAt(change.now.object, 'metadata', 'name') ?? '';
    if (resource === customResourceDefinitionKind) guarded(state.logger, () => (change.type === 'DELETED' ? gone(name) : tend(change.now.object)));
    else if (change.type === 'DELETED' && terminating.has(`${resource.plural}.${resource.group}`)) later(`${resource.plural}.${resource.group}`);
  });
  return () => {
    unlisten();
    for (const turn of scheduled.values()) clearImmediate(turn);
  };
}

/** Removes the objects of a definition, and lets go of it when none is left. */
function cleanUp(state: ApiState, name: string): void {
  const current = state.store.collection(customResourceDefinitionKind).get(keyOf(undefined, name));
  if (!current || !isBeingDeleted(current.object)) return;
  const kind = storedKind(definitionOf(current.object));
  const objects = state.store.collection(kind.resource);
  for (const { object } of objects.list()) {
    if (!isBeingDeleted(object)) removeObject(state, kind, stringAt(object, 'metadata', 'namespace'), stringAt(object, 'metadata', 'name') ?? '', REMOVE_NOW);
  }
  const latest = state.store.collection(customResourceDefinitionKind).get(keyOf(undefined, name));
  if (objects.size > 0 || !latest) return;
  const next = clone(latest.object);
  ensureObject(next, 'metadata').finalizers = listAt(next, 'metadata', 'finalizers').filter((item) => item !== CLEANUP_FINALIZER);
  const stored = state.store.replace(customResourceDefinitionKind, next, latest);
  if (stored !== 'stale') finishIfReleased(state, definitionKind, stored);
}

function storedKind({ spec }: CustomResourceDefinition): KindDefinition {
  const version = spec.versions.find(({ storage }) => storage)?.name ?? '';
  const { group, scope, names } = spec;
  return defineKind({ resource: resourceKind({ group, version, kind: names.kind, plural: names.plural, namespaced: scope === 'Namespaced' }) });
}

function writeStatus(state: ApiState, name: string, conflict: NameConflict | undefined, isServed: boolean): void {
  const current = state.store.collection(customResourceDefinitionKind).get(keyOf(undefined, name));
  if (!current) return;
  const definition = definitionOf(current.object);
  const next = clone(current.object);
  const status = ensureObject(next, 'status');
  const now = timestamp(state.clock.wall());
  const conditions = (definition.status?.conditions ?? []).filter(({ type }) => !['NamesAccepted', 'Established', 'Terminating'].includes(type));
  for (const condition of conditionsOf(conflict, isServed, isBeingDeleted(current.object))) {
    const before = definition.status?.conditions?.find(({ type }) => type === condition.type);
    const since = before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
    conditions.push({ ...condition, lastTransitionTime: since });
  }
  status.conditions = clone(conditions as unknown as Json[]);
  status.acceptedNames = conflict ? (status.acceptedNames ?? { plural: '', kind: '' }) : clone(definition.spec.names as unknown as JsonObject);
  const storage = definition.spec.versions.find((version) => version.storage)?.name ?? '';
  status.storedVersions = [...new Set([...stringsAt(status, 'storedVersions'), storage])];
  if (!deepEqual(next, current.object)) state.store.replace(customResourceDefinitionKind, next, current);
}

function conditionsOf(conflict: NameConflict | undefined, isServed: boolean, isTerminating: boolean): Condition[] {
  const names: Condition = conflict
    ? { type: 'NamesAccepted', status: 'False', ...conflict }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
  const established: Condition = isServed
    ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
    : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  if (!isTerminating) return [names, established];
  return [names, established, { type: 'Terminating', status: 'True', reason: 'InstanceDeletionInProgress', message: 'objects of this kind are being deleted' }];
}
