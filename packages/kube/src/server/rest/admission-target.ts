// What admission sees of a write.

import { namespaceKind } from '../../resources/cluster.ts';
import { type AdmissionTarget, labelsOf } from '../admission/webhook-match.ts';
import { type JsonObject, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import { keyOf } from '../storage/object-key.ts';
import type { ApiState } from './api-state.ts';

export interface Write {
  readonly kind: KindDefinition;
  readonly namespace: string | undefined;
  /** Undefined for a deletion. */
  readonly object: JsonObject | undefined;
  /** Undefined for a creation. */
  readonly old: JsonObject | undefined;
  readonly subresource?: string | undefined;
}

export function admissionTarget(state: ApiState, { kind, namespace, object, old, subresource }: Write): AdmissionTarget {
  const own = kind.resource === namespaceKind ? (object ?? old) : undefined;
  const around = namespace === undefined ? own : state.store.collection(namespaceKind).get(keyOf(undefined, namespace))?.object;
  return {
    kind: kind.resource,
    operation: object === undefined ? 'DELETE' : old ? 'UPDATE' : 'CREATE',
    subresource,
    namespace: namespace ?? (own ? stringAt(own, 'metadata', 'name') : undefined),
    object,
    old,
    namespaceLabels: around && labelsOf(around),
  };
}
