// What belongs to every namespace, and the emptying of one that is being deleted. Kubernetes "Namespaces".

import type { Timer } from '@weft/core';
import { configMapKind, namespaceKind, serviceAccountKind } from '../../resources/cluster.ts';
import { apiVersionOf } from '../../resources/resource-kind.ts';
import { clone, ensureObject, type JsonObject, listAt, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { ApiState } from '../rest/api-state.ts';
import { finishIfReleased, REMOVE_NOW, removeObject } from '../rest/remove-object.ts';
import { isBeingDeleted } from '../rest/update-rules.ts';
import { createObject } from '../rest/write-object.ts';
import { keyOf } from '../storage/object-key.ts';
import { ADMIN } from '../tokens/authenticate.ts';
import { guarded } from './garbage-collector.ts';

const ROOT_CA = 'kube-root-ca.crt';

export interface NamespaceLifecycleOptions {
  /** PEM that pods are given to verify this server by; empty where it speaks plain HTTP. */
  readonly rootCa: string;
  /** How long a namespace stays as it is after its deletion began, so that one `kubectl delete -f` finds all that it names. */
  readonly emptyAfterMs: number;
}

/** Returns a function that stops it. */
export function startNamespaceLifecycle(state: ApiState, { rootCa, emptyAfterMs }: NamespaceLifecycleOptions): () => void {
  const { store, registry } = state;
  let scheduled: NodeJS.Immediate | undefined;
  const dirty = new Set<string>();
  /** Namespaces whose deletion began, by uid: those that still wait, and those to be emptied. */
  const waiting = new Map<string, Timer>();
  const due = new Set<string>();

  const visit = (name: string): void => {
    dirty.add(name);
    scheduled ??= setImmediate(() => {
      scheduled = undefined;
      const names = [...dirty];
      dirty.clear();
      for (const each of names) guarded(state.logger, () => tend(each));
    });
  };
  const tend = (name: string): void => {
    const namespace = store.collection(namespaceKind).get(keyOf(undefined, name));
    if (!namespace) return;
    if (!isBeingDeleted(namespace.object)) return furnish(name);
    const uid = stringAt(namespace.object, 'metadata', 'uid') ?? '';
    if (due.has(uid)) return empty(name, uid);
    if (waiting.has(uid)) return;
    waiting.set(
      uid,
      state.clock.after(emptyAfterMs, () => {
        waiting.delete(uid);
        due.add(uid);
        visit(name);
      }),
    );
  };
  const furnish = (name: string): void => {
    ensure(serviceAccountKind.plural, serviceAccountKind, name, { metadata: { name: 'default' } });
    ensure(configMapKind.plural, configMapKind, name, { metadata: { name: ROOT_CA }, data: { 'ca.crt': rootCa } });
  };
  const ensure = (plural: string, resource: typeof serviceAccountKind | typeof configMapKind, namespace: string, draft: JsonObject): void => {
    const kind = registry.byPlural(resource.group, resource.version, plural);
    const name = stringAt(draft, 'metadata', 'name') ?? '';
    if (!kind || store.collection(resource).get(keyOf(namespace, name))) return;
    const object: JsonObject = { apiVersion: apiVersionOf(resource), kind: resource.kind, ...draft };
    ensureObject(object, 'metadata').namespace = namespace;
    createObject(state, { kind, namespace, user: ADMIN, dryRun: false, warn: () => undefined, manager: 'api-server', fieldValidation: 'Ignore' }, object).catch(
      (error: unknown) => {
        // Someone else made it, or the namespace is going.
        state.logger.log('debug', 'could not furnish a namespace', { namespace, name, error: String(error) });
      },
    );
  };
  const empty = (name: string, uid: string): void => {
    let left = 0;
    for (const kind of registry.kinds) if (kind.resource.namespaced) left += emptyOf(kind, name);
    if (left > 0) return;
    due.delete(uid);
    const current = store.collection(namespaceKind).get(keyOf(undefined, name));
    const definition = registry.byPlural('', 'v1', 'namespaces');
    if (!current || !definition || listAt(current.object, 'spec', 'finalizers').length === 0) return;
    const next = clone(current.object);
    ensureObject(next, 'spec').finalizers = listAt(next, 'spec', 'finalizers').filter((item) => item !== 'kubernetes');
    const stored = store.replace(namespaceKind, next, current);
    if (stored !== 'stale') finishIfReleased(state, definition, stored);
  };
  const emptyOf = (kind: KindDefinition, namespace: string): number => {
    const objects = store.collection(kind.resource).list(namespace);
    for (const { object } of objects) {
      if (!isBeingDeleted(object))
        guarded(state.logger, () => void removeObject(state, kind, namespace, stringAt(object, 'metadata', 'name') ?? '', REMOVE_NOW));
    }
    return store.collection(kind.resource).list(namespace).length;
  };

  for (const { object } of store.collection(namespaceKind).list()) visit(stringAt(object, 'metadata', 'name') ?? '');
  const unlisten = store.listen((resource, change) => {
    if (resource.plural === namespaceKind.plural && resource.group === '') {
      if (change.type !== 'DELETED') visit(stringAt(change.now.object, 'metadata', 'name') ?? '');
      return;
    }
    const furniture = resource.plural === serviceAccountKind.plural || resource.plural === configMapKind.plural;
    const namespace = stringAt(change.now.object, 'metadata', 'namespace');
    if (change.type !== 'DELETED' || namespace === undefined) return;
    const around = store.collection(namespaceKind).get(keyOf(undefined, namespace))?.object;
    if (around && (furniture || isBeingDeleted(around))) visit(namespace);
  });
  return () => {
    unlisten();
    if (scheduled) clearImmediate(scheduled);
    for (const timer of waiting.values()) timer.cancel();
  };
}
