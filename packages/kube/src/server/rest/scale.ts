// The scale subresource: replicas of a workload under one shape for all kinds. autoscaling/v1 Scale.

import { badRequest, invalid, notFound } from '../errors/api-error.ts';
import { ensureObject, isObject, type Json, type JsonObject, objectAt, stringAt } from '../json/json.ts';
import { type KindDefinition, type ScalePaths, WORKLOAD_SCALE } from '../kinds/kind-definition.ts';
import { keyOf } from '../storage/object-key.ts';
import { selectorText } from '../table/columns.ts';
import { type ApiAnswer, type ApiRequest, jsonAnswer } from './api-request.ts';
import type { ApiState } from './api-state.ts';
import { contextOf } from './request-context.ts';
import { updateObject } from './update-object.ts';
import { patcher } from './write.ts';

export async function serveScale(state: ApiState, request: ApiRequest): Promise<ApiAnswer> {
  const { kind, path, method } = request;
  const paths = kind.scale ?? WORKLOAD_SCALE;
  const name = path.name ?? '';
  const current = state.store.collection(kind.resource).get(keyOf(path.namespace, name));
  if (!current) throw notFound(kind.resource, name);
  if (method === 'GET') return jsonAnswer(200, scaleOf(current.object, paths));
  const wantedScale = method === 'PUT' ? (): JsonObject => bodyOf(request) : patcher({ ...request, kind: scaleKind(kind) });
  const change = (object: JsonObject): JsonObject => {
    const scale = wantedScale(scaleOf(object, paths));
    const replicas = objectAt(scale, 'spec')?.replicas ?? 0;
    if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
      const message = `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`;
      throw invalid(kind.resource, name, [{ reason: 'FieldValueInvalid', message, field: 'spec.replicas' }]);
    }
    setAt(object, paths.replicas, replicas);
    const version = stringAt(scale, 'metadata', 'resourceVersion');
    if (version !== undefined) ensureObject(object, 'metadata').resourceVersion = version;
    return object;
  };
  return jsonAnswer(200, scaleOf((await updateObject(state, contextOf(request), { name, subresource: 'scale', change })).object, paths));
}

/** Patches of a Scale merge as plain JSON: it has no lists. */
function scaleKind(kind: KindDefinition): KindDefinition {
  return { ...kind, merge: {} };
}

function bodyOf({ body }: ApiRequest): JsonObject {
  if (!isObject(body)) throw badRequest('the body of the request must be a Scale');
  return body;
}

function setAt(object: JsonObject, path: readonly string[], value: Json): void {
  let parent = object;
  for (const name of path.slice(0, -1)) parent = ensureObject(parent, name);
  parent[path.at(-1) ?? ''] = value;
}

function valueAt(object: JsonObject, path: readonly string[] | undefined): Json | undefined {
  return path && objectAt(object, ...path.slice(0, -1))?.[path.at(-1) ?? ''];
}

function numberOr(value: Json | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function scaleOf(object: JsonObject, paths: ScalePaths): JsonObject {
  const metadata: JsonObject = {};
  for (const key of ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp']) {
    const value = objectAt(object, 'metadata')?.[key];
    if (value !== undefined) metadata[key] = value;
  }
  const selecting = valueAt(object, paths.selector);
  const selector = typeof selecting === 'string' ? selecting : selectorText(isObject(selecting) ? selecting : undefined);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { replicas: numberOr(valueAt(object, paths.replicas), paths === WORKLOAD_SCALE ? 1 : 0) },
    status: { replicas: numberOr(valueAt(object, paths.current), 0), ...(selector === '' ? {} : { selector }) },
  };
}
