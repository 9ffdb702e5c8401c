// A kind of object as a value: where it is served, and which TypeScript type it has.
import type { KubeObject, ObjectRef } from './meta.ts';

declare const objectType: unique symbol;

export interface ResourceKind<T extends KubeObject = KubeObject> {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Fields that are always lists; Go writes empty ones as null, which is read as an empty list. */
  readonly lists?: readonly string[];
  /** Read only what stands in `metadata`: see `metadataOf`. */
  readonly metadataOnly?: true;
  /** Carries the type of the objects; never has a value. */
  readonly [objectType]?: T;
}

export function resourceKind<T extends KubeObject>(spec: {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly lists?: readonly (keyof T & string)[];
}): ResourceKind<T> {
  return Object.freeze({ ...spec });
}

/** The same objects, of which only the metadata is fetched and kept. For reading: what such a kind would write is no whole object. */
export function metadataOf(kind: ResourceKind): ResourceKind {
  return Object.freeze({ ...kind, metadataOnly: true as const });
}

/** `v1`, `apps/v1`: what stands in an object's apiVersion. */
export function apiVersionOf(kind: Pick<ResourceKind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

/** The URL path of a collection: of one namespace, or across all when `namespace` is undefined. */
export function collectionPath(kind: ResourceKind, namespace?: string): string {
  const base = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${base}${scope}/${kind.plural}`;
}

/** The URL path of one object. Throws TypeError where a namespace is missing or the name would lead elsewhere. */
export function objectPath(kind: ResourceKind, ref: ObjectRef, subresource?: string): string {
  if (kind.namespaced && (ref.namespace === undefined || ref.namespace === '')) throw new TypeError(`${kind.kind} ${ref.name}: a namespace is needed`);
  // No object has such a name, and in a path they would name the collection or its parent.
  for (const part of [ref.namespace ?? 'x', ref.name])
    if (part === '' || part === '.' || part === '..') throw new TypeError(`${kind.kind}: ${JSON.stringify(part)} is not a name`);
  const path = `${collectionPath(kind, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
