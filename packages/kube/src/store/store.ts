// The face of a list-and-watch cache: what indexes and controllers read.
import type { Unsubscribe } from '@weft/core';
import type { KubeObject } from '../resources/meta.ts';
import type { ResourceKind } from '../resources/resource-kind.ts';

export type StoreEvent<T> =
  | { readonly kind: 'added'; readonly object: T }
  | { readonly kind: 'updated'; readonly object: T; readonly old: T }
  | { readonly kind: 'deleted'; readonly old: T };

export interface StoreIndex<T> {
  /** The same array until something under this key changes. */
  get(key: string): readonly T[];
  /** Keeps it up no longer. The store's end does so too. */
  close(): void;
}

/** The objects of one kind as last seen. Objects are frozen and keep their identity until they change. */
export interface ResourceStore<T extends KubeObject> {
  readonly kind: ResourceKind<T>;
  /** Resolves when the first list is in; stays pending while the API server is away; rejects when closed before. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  /** True while the watch is broken: what is served may be old. */
  readonly isStale: boolean;
  /** `namespace` is ignored for cluster-scoped kinds. */
  get(namespace: string | undefined, name: string): T | undefined;
  /** Everything, or one namespace's; no order. The same array until something in it changes. */
  list(namespace?: string): readonly T[];
  /** The objects by keys of their own, kept up with each change before subscribers hear of it. */
  by(keys: (object: T) => readonly string[]): StoreIndex<T>;
  /** Calls back synchronously: first `added` for what is there, then every change. A throwing subscriber is logged and harms only itself. */
  subscribe(fn: (event: StoreEvent<T>) => void): Unsubscribe;
  /** Stops watching; the last state stays readable. Idempotent. */
  close(): void;
}
