// log, binding and eviction of pods.

import { badRequest, conflict, methodNotAllowed, notFound, notImplemented } from '../errors/api-error.ts';
import { ensureObject, type JsonObject, objectsAt, stringAt } from '../json/json.ts';
import { keyOf } from '../storage/object-key.ts';
import { type ApiAnswer, type ApiRequest, jsonAnswer, type StreamOut } from './api-request.ts';
import type { ApiState } from './api-state.ts';
import { REMOVE_NOW, removeObject, removeOptionsOf } from './remove-object.ts';

const SUCCESS: JsonObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

export async function servePodLog(state: ApiState, request: ApiRequest): Promise<ApiAnswer> {
  if (request.method !== 'GET') throw methodNotAllowed(request.method);
  const { path, query, signal } = request;
  const pod = podOf(state, request);
  const names = [...objectsAt(pod, 'spec', 'containers'), ...objectsAt(pod, 'spec', 'initContainers')].map((container) => stringAt(container, 'name') ?? '');
  const plain = objectsAt(pod, 'spec', 'containers').map((container) => stringAt(container, 'name') ?? '');
  const name = path.name ?? '';
  const asked = query.get('container') ?? '';
  if (asked === '' && plain.length > 1) throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${plain.join(' ')}]`);
  const container = asked === '' ? (plain[0] ?? '') : asked;
  if (!names.includes(container)) throw badRequest(`container ${container} is not valid for pod ${name}`);
  if (!state.podLogs) throw notImplemented('this server has no source of container logs');
  const log = await state.podLogs(path.namespace ?? '', name, container, {
    follow: query.get('follow') === 'true',
    previous: query.get('previous') === 'true',
    timestamps: query.get('timestamps') === 'true',
    ...count(query, 'tailLines'),
    ...count(query, 'sinceSeconds'),
    ...count(query, 'limitBytes'),
    signal,
  });
  if (log === undefined) throw badRequest(`container ${JSON.stringify(container)} in pod ${JSON.stringify(name)} is waiting to start`);
  return { kind: 'stream', contentType: 'text/plain', run: (out) => void pump(typeof log === 'string' ? [log] : log, out, state) };
}

function count<K extends 'tailLines' | 'sinceSeconds' | 'limitBytes'>(query: URLSearchParams, key: K): { [P in K]?: number } {
  const text = query.get(key);
  if (text === null) return {};
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw badRequest(`invalid ${key}: ${text}`);
  return { [key]: value } as { [P in K]?: number };
}

/** Writes as fast as the reader takes it; the source ends by the request's signal when the reader is gone. */
async function pump(source: Iterable<string> | AsyncIterable<string | Uint8Array>, out: StreamOut, { logger }: ApiState): Promise<void> {
  try {
    for await (const chunk of source) {
      if (!out.write(chunk))
        await new Promise<void>((resolve) => {
          out.onDrain(resolve);
          out.onClose(resolve);
        });
    }
  } catch (error) {
    logger.log('debug', 'the source of a container log failed', { error: String(error) });
  }
  out.end();
}

/** What a scheduler does: names the node of a pod that has none. */
export function bindPod(state: ApiState, request: ApiRequest): ApiAnswer {
  if (request.method !== 'POST') throw methodNotAllowed(request.method);
  const node = stringAt(request.body, 'target', 'name') ?? '';
  if (node === '') throw badRequest('target.name is required');
  const { kind, path } = request;
  const current = state.store.collection(kind.resource).get(keyOf(path.namespace, path.name ?? ''));
  if (!current) throw notFound(kind.resource, path.name ?? '');
  const present = stringAt(current.object, 'spec', 'nodeName') ?? '';
  if (present !== '') throw conflict(kind.resource, path.name ?? '', `pod ${path.name ?? ''} is already assigned to node ${JSON.stringify(present)}`);
  const next = structuredClone(current.object);
  ensureObject(next, 'spec').nodeName = node;
  state.store.replace(kind.resource, next, current);
  return jsonAnswer(201, SUCCESS);
}

export function evictPod(state: ApiState, request: ApiRequest): ApiAnswer {
  if (request.method !== 'POST') throw methodNotAllowed(request.method);
  const options = removeOptionsOf(
    {
      ...(typeof request.body === 'object' && request.body !== null && !Array.isArray(request.body)
        ? (request.body.deleteOptions as JsonObject | undefined)
        : {}),
    },
    request.query,
  );
  removeObject(state, request.kind, request.path.namespace, request.path.name ?? '', { ...REMOVE_NOW, ...options });
  return jsonAnswer(201, SUCCESS);
}

function podOf(state: ApiState, { kind, path }: ApiRequest): JsonObject {
  const found = state.store.collection(kind.resource).get(keyOf(path.namespace, path.name ?? ''));
  if (!found) throw notFound(kind.resource, path.name ?? '');
  return found.object;
}
