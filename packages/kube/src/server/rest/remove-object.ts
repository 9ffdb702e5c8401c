// Deleting: at once, gracefully for pods, or when the finalizers let go. Kubernetes "Finalizers", "Pod termination", "Owners and dependents".

import { namespaceKind } from '../../resources/cluster.ts';
import { podKind } from '../../resources/pod.ts';
import { badRequest, conflict, notFound } from '../errors/api-error.ts';
import { clone, ensureObject, isObject, type Json, type JsonObject, listAt, numberAt, objectAt, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { Revision } from '../storage/collection.ts';
import { keyOf, objectKey } from '../storage/object-key.ts';
import { type ApiState, timestamp } from './api-state.ts';
import { isBeingDeleted } from './update-rules.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

export interface RemoveOptions {
  readonly gracePeriodSeconds: number | undefined;
  readonly propagation: 'Background' | 'Foreground' | 'Orphan';
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly dryRun: boolean;
}

export const REMOVE_NOW: RemoveOptions = {
  gracePeriodSeconds: undefined,
  propagation: 'Background',
  uid: undefined,
  resourceVersion: undefined,
  dryRun: false,
};

/** From DeleteOptions in the body, or the query. */
export function removeOptionsOf(body: Json | undefined, query: URLSearchParams): RemoveOptions {
  const options = isObject(body) ? body : {};
  const text = stringAt(options, 'propagationPolicy') ?? query.get('propagationPolicy') ?? '';
  const propagation = text === '' ? (options.orphanDependents === true ? 'Orphan' : 'Background') : text;
  if (propagation !== 'Background' && propagation !== 'Foreground' && propagation !== 'Orphan')
    throw badRequest(`invalid propagationPolicy ${JSON.stringify(text)}`);
  const fromQuery = query.get('gracePeriodSeconds');
  const grace = numberAt(options, 'gracePeriodSeconds') ?? (fromQuery === null ? undefined : Number(fromQuery));
  if (grace !== undefined && (!Number.isInteger(grace) || grace < 0)) throw badRequest(`invalid gracePeriodSeconds ${grace}`);
  return {
    gracePeriodSeconds: grace,
    propagation,
    uid: stringAt(options, 'preconditions', 'uid'),
    resourceVersion: stringAt(options, 'preconditions', 'resourceVersion'),
    dryRun: listAt(options, 'dryRun').includes('All') || query.get('dryRun') === 'All',
  };
}

export type Removal = { readonly kind: 'gone'; readonly last: JsonObject } | { readonly kind: 'going'; readonly revision: Revision };

export function removeObject(state: ApiState, kind: KindDefinition, namespace: string | undefined, name: string, options: RemoveOptions): Removal {
  const { resource } = kind;
  const current = state.store.collection(resource).get(keyOf(namespace, name));
  if (!current) throw notFound(resource, name);
  const { object } = current;
  const precondition = (what: string, wanted: string | undefined, have: string | undefined): void => {
    if (wanted !== undefined && wanted !== have)
      throw conflict(resource, name, `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${have ?? ''}`);
  };
  precondition('UID', options.uid, stringAt(object, 'metadata', 'uid'));
  precondition('ResourceVersion', options.resourceVersion, String(current.version));
  const next = clone(object);
  const metadata = ensureObject(next, 'metadata');
  const seconds = graceOf(state, kind, object, options);
  const finalizers = listAt(object, 'metadata', 'finalizers').filter((item) => item !== FOREGROUND && item !== ORPHAN);
  if (!isBeingDeleted(object) && options.propagation === 'Foreground') finalizers.push(FOREGROUND);
  else if (!isBeingDeleted(object) && options.propagation === 'Orphan') finalizers.push(ORPHAN);
  else finalizers.push(...listAt(object, 'metadata', 'finalizers').filter((item) => item === FOREGROUND || item === ORPHAN));
  if (!isBeingDeleted(object) && kind.deletionFinalizer !== undefined && !finalizers.includes(kind.deletionFinalizer)) finalizers.push(kind.deletionFinalizer);
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  const before = numberAt(object, 'metadata', 'deletionGracePeriodSeconds');
  if (!isBeingDeleted(object) || (before !== undefined && seconds < before)) {
    metadata.deletionTimestamp = timestamp(state.clock.wall() + seconds * 1000);
    metadata.deletionGracePeriodSeconds = seconds;
  }
  if (resource === namespaceKind) next.status = { ...objectAt(next, 'status'), phase: 'Terminating' };
  if (options.dryRun) return { kind: 'going', revision: current };
  if (released(kind, next)) {
    // What goes at once was never seen being deleted.
    const last = isBeingDeleted(object) ? next : clone(object);
    state.store.remove(resource, last);
    return { kind: 'gone', last };
  }
  if (isBeingDeleted(object) && before === metadata.deletionGracePeriodSeconds) return { kind: 'going', revision: current };
  const stored = state.store.replace(resource, next, current);
  return { kind: 'going', revision: stored === 'stale' ? current : stored };
}

/** Pods are given time to stop where something stops them; one that never ran or has ended needs none. */
function graceOf({ kubelet }: ApiState, kind: KindDefinition, object: JsonObject, { gracePeriodSeconds }: RemoveOptions): number {
  if (kind.resource !== podKind || !kubelet) return 0;
  const phase = stringAt(object, 'status', 'phase');
  if (stringAt(object, 'spec', 'nodeName') === undefined || phase === 'Succeeded' || phase === 'Failed') return 0;
  return gracePeriodSeconds ?? numberAt(object, 'spec', 'terminationGracePeriodSeconds') ?? 30;
}

/** Whether nothing holds an object that is being deleted any more. */
function released(kind: KindDefinition, object: JsonObject): boolean {
  if (!isBeingDeleted(object)) return false;
  if (listAt(object, 'metadata', 'finalizers').length > 0) return false;
  if (kind.resource === namespaceKind && listAt(object, 'spec', 'finalizers').length > 0) return false;
  return (numberAt(object, 'metadata', 'deletionGracePeriodSeconds') ?? 0) === 0;
}

/** After an update: an object whose last finalizer went is removed. */
export function finishIfReleased(state: ApiState, kind: KindDefinition, stored: Revision): Revision {
  if (!released(kind, stored.object)) return stored;
  if (state.store.collection(kind.resource).get(objectKey(stored.object)) === stored) state.store.remove(kind.resource, clone(stored.object));
  return stored;
}
