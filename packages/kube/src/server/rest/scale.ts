// The scale subresource: replicas of a workload under one shape for all kinds. autoscaling/v1 Scale.
import { badRequest, invalid, notFound } from '../errors/api-error.ts';
import { ensureObject, isObject, type JsonObject, numberAt, objectAt, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import { keyOf } from '../storage/collection.ts';
import { selectorText } from '../table/columns.ts';
import { type ApiAnswer, type ApiRequest, jsonAnswer } from './api-request.ts';
import type { ApiState } from './api-state.ts';
import { contextOf } from './request-context.ts';
import { updateObject } from './update-object.ts';
import { patcher } from './write.ts';

export async function serveScale(state: ApiState, request: ApiRequest): Promise<ApiAnswer> {
  const { kind, path, method } = request;
  const name = path.name ?? '';
  const current = state.store.collection(kind.resource).get(keyOf(path.namespace, name));
  if (!current) throw notFound(kind.resource, name);
  if (method === 'GET') return jsonAnswer(200, scaleOf(current.object));
  const wantedScale = method === 'PUT' ? (): JsonObject => bodyOf(request) : patcher({ ...request, kind: scaleKind(kind) });
  const change = (object: JsonObject): JsonObject => {
    const scale = wantedScale(scaleOf(object));
    const replicas = objectAt(scale, 'spec')?.replicas ?? 0;
    if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
      const message = `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`;
      throw invalid(kind.resource, name, [{ reason: 'FieldValueInvalid', message, field: 'spec.replicas' }]);
    }
    ensureObject(object, 'spec').replicas = replicas;
    const version = stringAt(scale, 'metadata', 'resourceVersion');
    if (version !== undefined) ensureObject(object, 'metadata').resourceVersion = version;
    return object;
  };
  return jsonAnswer(200, scaleOf((await updateObject(state, contextOf(request), { name, subresource: 'scale', change })).object));
}

/** Patches of a Scale merge as plain JSON: it has no lists. */
function scaleKind(kind: KindDefinition): KindDefinition {
  return { ...kind, merge: {} };
}

function bodyOf({ body }: ApiRequest): JsonObject {
  if (!isObject(body)) throw badRequest('the body of the request must be a Scale');
  return body;
}

function scaleOf(object: JsonObject): JsonObject {
  const metadata: JsonObject = {};
  for (const key of ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp']) {
    const value = objectAt(object, 'metadata')?.[key];
    if (value !== undefined) metadata[key] = value;
  }
  const selector = selectorText(objectAt(object, 'spec', 'selector'));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { replicas: numberAt(object, 'spec', 'replicas') ?? 1 },
    status: { replicas: numberAt(object, 'status', 'replicas') ?? 0, ...(selector === '' ? {} : { selector }) },
  };
}
