// One watch request as a sequence of typed events. Kubernetes API concepts, "Efficient detection of changes".

import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '@weft/core';
import type { KubeObject } from '../resources/meta.ts';
import { apiVersionOf, type ResourceKind } from '../resources/resource-kind.ts';
import { isStatus, type WatchEvent } from './kube-client.ts';
import { codeOfStatus, KubeError, type Status } from './kube-error.ts';
import { parseJson, readLines } from './response-body.ts';

export interface WatchStreamOptions<T extends KubeObject> {
  readonly kind: ResourceKind<T>;
  readonly what: string;
  readonly idleMs: number | undefined;
  readonly clock: Clock;
  /** Given, lines that are no event are told here and skipped; else they end the watch with PROTOCOL. */
  readonly onGarbage: ((error: KubeError) => void) | undefined;
}

/** Turns the body of a watch answer into events. Throws KubeError; leaving early destroys the connection. */
export async function* watchEvents<T extends KubeObject>(
  response: IncomingMessage,
  { kind, what, idleMs, clock, onGarbage }: WatchStreamOptions<T>,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  let idle: Timer | undefined;
  const rearm = (): void => {
    idle?.cancel();
    if (idleMs !== undefined) {
      idle = clock.after(idleMs, () => response.destroy(new KubeError('TIMEOUT', `${what}: no event within ${idleMs} ms`)));
    }
  };
  response.on('data', rearm);
  response.pause();
  rearm();
  try {
    for await (const line of readLines(response, what)) {
      const event = readEvent(line, kind, what, onGarbage);
      if (event) yield event;
    }
  } finally {
    idle?.cancel();
    response.destroy();
  }
}

function readEvent<T extends KubeObject>(
  line: string,
  kind: ResourceKind<T>,
  what: string,
  onGarbage: ((error: KubeError) => void) | undefined,
): WatchEvent<T> | undefined {
  try {
    return eventOf(parseJson(line, what), kind, what);
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 'PROTOCOL' || !onGarbage) throw error;
    onGarbage(error);
    return undefined;
  }
}

function eventOf<T extends KubeObject>(raw: unknown, kind: ResourceKind<T>, what: string): WatchEvent<T> {
  // Some servers refuse a watch by a Status in the place of an event.
  if (isStatus(raw)) throw failureOf(raw, what);
  if (typeof raw !== 'object' || raw === null || !('type' in raw) || !('object' in raw)) throw new KubeError('PROTOCOL', `${what}: not a watch event`);
  const { type, object } = raw;
  if (type === 'ERROR') {
    if (!isStatus(object)) throw new KubeError('PROTOCOL', `${what}: an ERROR event without a Status`);
    throw failureOf(object, what);
  }
  const version = versionOf(object);
  if (type === 'BOOKMARK') return { type, resourceVersion: version };
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED') throw new KubeError('PROTOCOL', `${what}: unknown event type ${String(type)}`);
  return { type, object: typed(object, kind, what), resourceVersion: version };
}

function failureOf(status: Status, what: string): KubeError {
  const wait = status.details?.retryAfterSeconds;
  return new KubeError(codeOfStatus(status.code ?? 500, status.reason), `${what}: ${status.message ?? 'the watch failed'}`, {
    status,
    ...(wait === undefined ? {} : { retryAfterMs: wait * 1000 }),
  });
}

function versionOf(object: unknown): string {
  if (typeof object !== 'object' || object === null || !('metadata' in object)) return '';
  const { metadata } = object;
  if (typeof metadata !== 'object' || metadata === null || !('resourceVersion' in metadata)) return '';
  return String(metadata.resourceVersion);
}

/** Trusts the server for the shape below the metadata, fills in the type that lists leave out, and freezes the top. */
export function typed<T extends KubeObject>(value: unknown, kind: ResourceKind<T>, what: string): T {
  if (typeof value !== 'object' || value === null || !('metadata' in value) || typeof value.metadata !== 'object' || value.metadata === null) {
    throw new KubeError('PROTOCOL', `${what}: the answer has no metadata`);
  }
  const { name, namespace } = value.metadata as { name?: unknown; namespace?: unknown };
  if (typeof name !== 'string' || name === '') throw new KubeError('PROTOCOL', `${what}: the answer has no metadata.name`);
  if (namespace !== undefined && typeof namespace !== 'string') throw new KubeError('PROTOCOL', `${what}: the metadata.namespace of ${name} is not text`);
  const type = { apiVersion: apiVersionOf(kind), kind: kind.kind };
  // A server that gives whole objects although only their metadata was asked for.
  if (kind.metadataOnly) return Object.freeze({ ...type, metadata: value.metadata }) as unknown as T;
  if (!kind.lists) return Object.freeze({ ...value, ...type }) as unknown as T;
  const fields = value as Readonly<Record<string, unknown>>;
  const lists = Object.fromEntries(kind.lists.map((field) => [field, fields[field] ?? []]));
  return Object.freeze({ ...value, ...type, ...lists }) as unknown as T;
}
