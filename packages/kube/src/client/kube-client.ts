// The client's face: what this project asks of an API server.
import type { MetricRegistry } from '@weft/core';
import type { Draft, KubeObject, ObjectRef } from '../resources/meta.ts';
import type { ResourceKind } from '../resources/resource-kind.ts';
import type { KubeError, Status } from './kube-error.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** How often a call is sent again that was answered with 429 or 5xx and a Retry-After. Default 5; watches and their lists: 0. */
  readonly retries?: number;
}

export interface WriteOptions extends CallOptions {
  readonly dryRun?: boolean;
  /** Who writes, for managedFields. Default `weft`. */
  readonly fieldManager?: string;
}

export interface SelectOptions {
  /** Default: all namespaces. */
  readonly namespace?: string;
  /** Such as `app=web,tier in (a,b)`. */
  readonly labelSelector?: string;
  /** Such as `spec.nodeName=n1`. */
  readonly fieldSelector?: string;
}

export interface ListOptions<T extends KubeObject = KubeObject> extends CallOptions, SelectOptions {
  /** Called for each object as it arrives; what it answers is kept instead, so that what is left out takes no memory. Undefined: nothing is. */
  readonly keep?: (object: T) => T | undefined;
  /** Objects per request; pages are fetched until the end. Default 500. */
  readonly pageSize?: number;
  /** `0`: any state will do, from the server's cache. Default: the newest. */
  readonly resourceVersion?: string;
  /** Given, items that are no objects are told here and left out; else they fail the list with PROTOCOL. */
  readonly onGarbage?: (error: KubeError) => void;
}

export interface ResourceList<T> {
  readonly items: readonly T[];
  /** Where a watch can go on from. */
  readonly resourceVersion: string;
}

export interface WatchOptions extends CallOptions, SelectOptions {
  /** Without it: begins with ADDED for everything present. */
  readonly resourceVersion?: string;
  /** Ask for BOOKMARK events. Default true. */
  readonly bookmarks?: boolean;
  /** After which the server ends the watch, in seconds. */
  readonly timeoutSeconds?: number;
  /** Without a byte for this long the watch fails with TIMEOUT. Default: never. */
  readonly idleMs?: number;
  /** Called when the server has agreed to the watch. */
  readonly onOpen?: () => void;
  /** Given, lines that are no events are told here and skipped; else they fail the watch with PROTOCOL. */
  readonly onGarbage?: (error: KubeError) => void;
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T; readonly resourceVersion: string }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export type PatchBody =
  /** RFC 6902. */
  | { readonly kind: 'json'; readonly operations: readonly unknown[] }
  /** RFC 7386. */
  | { readonly kind: 'merge'; readonly value: unknown }
  | { readonly kind: 'strategic'; readonly value: unknown }
  /** Server-side apply: the fields that `fieldManager` wants; creates what is not there. `force` takes fields from other managers. */
  | { readonly kind: 'apply'; readonly value: object; readonly force?: boolean };

export interface PatchOptions extends WriteOptions {
  readonly subresource?: 'status' | 'scale';
}

export interface DeleteOptions extends CallOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Refused with CONFLICT when the object has another uid. */
  readonly uid?: string;
  /** Refused with CONFLICT when the object has changed since. */
  readonly resourceVersion?: string;
  readonly dryRun?: boolean;
}

/** Without a namespace: of all namespaces. */
export interface DeleteCollectionOptions extends SelectOptions, Omit<DeleteOptions, 'uid' | 'resourceVersion'> {}

export interface TokenRequestSpec {
  /** Default: the API server's own. */
  readonly audiences?: readonly string[];
  /** Default 3600. */
  readonly expirationSeconds?: number;
  readonly boundPod?: { readonly name: string; readonly uid: string };
}

export interface IssuedToken {
  readonly token: string;
  readonly expirationTimestamp: string;
}

export interface TokenReviewStatus {
  readonly authenticated?: boolean;
  readonly user?: { readonly username?: string; readonly uid?: string; readonly groups?: readonly string[] };
  readonly audiences?: readonly string[];
  readonly error?: string;
}

/** A connection to one API server. Every call rejects with KubeError. Safe for concurrent use. */
export interface KubeClient {
  readonly server: string;
  /** Where stores on this client count, too. */
  readonly registry: MetricRegistry | undefined;
  /** Undefined when there is no such object. */
  get<T extends KubeObject>(kind: ResourceKind<T>, ref: ObjectRef, options?: CallOptions): Promise<T | undefined>;
  list<T extends KubeObject>(kind: ResourceKind<T>, options?: ListOptions<T>): Promise<ResourceList<T>>;
  create<T extends KubeObject>(kind: ResourceKind<T>, object: Draft<T>, options?: WriteOptions): Promise<T>;
  /** Replaces; refused with CONFLICT when `metadata.resourceVersion` is given and no longer the newest. */
  update<T extends KubeObject>(kind: ResourceKind<T>, object: Draft<T>, options?: WriteOptions): Promise<T>;
  updateStatus<T extends KubeObject>(kind: ResourceKind<T>, object: Draft<T>, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(kind: ResourceKind<T>, ref: ObjectRef, patch: PatchBody, options?: PatchOptions): Promise<T>;
  /** False when there was no such object. True also when only the deletion has begun. */
  delete(kind: ResourceKind, ref: ObjectRef, options?: DeleteOptions): Promise<boolean>;
  /** Deletes everything selected, which the server does one by one: others may see a part of it. */
  deleteCollection(kind: ResourceKind, options: DeleteCollectionOptions): Promise<void>;
  /** Ends when the server ends it; throws KubeError (EXPIRED: list again). Leaving the loop closes the connection. */
  watch<T extends KubeObject>(kind: ResourceKind<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** A token for a ServiceAccount, by its `token` subresource. */
  tokenRequest(serviceAccount: ObjectRef, spec?: TokenRequestSpec, options?: CallOptions): Promise<IssuedToken>;
  tokenReview(token: string, audiences?: readonly string[], options?: CallOptions): Promise<TokenReviewStatus>;
  /** Any other request of the API, such as SubjectAccessReview. The answer is the parsed JSON. */
  raw(method: string, path: string, body?: unknown, options?: CallOptions): Promise<unknown>;
  /** The log of a container as text. */
  podLog(pod: ObjectRef, container?: string, options?: CallOptions): Promise<string>;
  /** Closes idle connections and ends watches. Idempotent. */
  close(): void;
}

/** A Status says why; this is what `isStatus` recognises. */
export function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
}
