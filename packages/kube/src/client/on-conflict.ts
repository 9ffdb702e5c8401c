// Read, change, write, and again where somebody else wrote in between: optimistic concurrency by resourceVersion.
import { type Clock, exponentialBackoff, type Random, sleep, systemClock } from '@weft/core';
import type { Draft, KubeObject, ObjectRef } from '../resources/meta.ts';
import type { ResourceKind } from '../resources/resource-kind.ts';
import type { KubeClient, WriteOptions } from './kube-client.ts';
import { KubeError } from './kube-error.ts';

export interface RetryOnConflictOptions {
  /** Default 5. */
  readonly attempts?: number;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Calls again while it rejects with CONFLICT, after short pauses; then rejects with that. */
export async function retryOnConflict<R>(call: () => Promise<R>, options: RetryOnConflictOptions = {}): Promise<R> {
  const { attempts = 5, clock = systemClock(), random, signal } = options;
  const backoff = exponentialBackoff({ minMs: 10, maxMs: 1000, jitter: 1, ...(random ? { random } : {}) });
  for (let left = attempts; ; left--) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof KubeError) || error.code !== 'CONFLICT' || left <= 1) throw error;
    }
    await sleep(clock, backoff.next(), signal);
  }
}

/** Writes what `change` makes of the newest object; undefined from it writes nothing. Rejects with NOT_FOUND where there is no object. */
export function modify<T extends KubeObject>(
  client: KubeClient,
  kind: ResourceKind<T>,
  ref: ObjectRef,
  change: (object: T) => Draft<T> | undefined,
  options: RetryOnConflictOptions & WriteOptions = {},
): Promise<T> {
  return retryOnConflict(async () => {
    const object = await client.get(kind, ref, options);
    if (!object) throw new KubeError('NOT_FOUND', `${kind.kind} ${ref.namespace === undefined ? '' : `${ref.namespace}/`}${ref.name} is not there`);
    const changed = change(object);
    return changed === undefined ? object : client.update(kind, changed, options);
  }, options);
}
