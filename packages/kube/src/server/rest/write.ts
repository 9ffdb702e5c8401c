// The writing verbs over HTTP: POST, PUT, PATCH, DELETE on objects and collections.

import { badRequest, invalid, notFound, unsupportedMediaType } from '../errors/api-error.ts';
import { isObject, type Json, type JsonObject, objectAt, stringAt } from '../json/json.ts';
import { inVersion } from '../kinds/in-version.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import { mergePatch } from '../patch/merge-patch.ts';
import { strategicMerge } from '../patch/strategic-merge.ts';
import { selectionOf } from '../select/selection.ts';
import { keyOf } from '../storage/object-key.ts';
import { listText } from '../table/table.ts';
import { admissionTarget } from './admission-target.ts';
import { type ApiAnswer, type ApiRequest, jsonAnswer } from './api-request.ts';
import type { ApiState } from './api-state.ts';
import { applyObject } from './apply-object.ts';
import { answerObject, writeForm } from './read.ts';
import { type Removal, removeObject, removeOptionsOf } from './remove-object.ts';
import { contextOf } from './request-context.ts';
import { type UpdateRequest, updateObject } from './update-object.ts';
import { createObject, objectOf } from './write-object.ts';

export async function postObject(state: ApiState, request: ApiRequest): Promise<ApiAnswer> {
  const context = contextOf(request);
  const { resource } = request.kind;
  if (resource.namespaced && request.path.namespace === undefined) throw badRequest('a namespace is needed in the path');
  return answerObject(state, request, 201, await createObject(state, context, objectOf(request.body, context)));
}

export async function putObject(state: ApiState, request: ApiRequest, subresource?: UpdateRequest['subresource']): Promise<ApiAnswer> {
  const context = contextOf(request);
  const name = request.path.name ?? '';
  const wanted = objectOf(request.body, context, name);
  return answerObject(state, request, 200, await updateObject(state, context, { name, subresource, change: () => structuredClone(wanted) }));
}

export async function patchObject(state: ApiState, request: ApiRequest, subresource?: UpdateRequest['subresource']): Promise<ApiAnswer> {
  if (request.contentType === 'application/apply-patch+yaml') return applyObject(state, request, subresource === 'status' ? 'status' : undefined);
  const context = { ...contextOf(request), ownership: 'patched' } as const;
  const name = request.path.name ?? '';
  const change = patcher(request);
  const wanted = (current: JsonObject): JsonObject => objectOf(change(current), context, name);
  return answerObject(state, request, 200, await updateObject(state, context, { name, subresource, change: wanted }));
}

export const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];

/** The change that a patch body asks for, on any object. */
export function patcher({ kind, contentType, body, path }: ApiRequest): (current: JsonObject) => JsonObject {
  const { resource, isCustom } = kind;
  if (contentType === 'application/json-patch+json') {
    return (current) => {
      const result = jsonPatch(current, body ?? null);
      if (result.kind === 'patched') return result.object;
      throw invalid(resource, path.name ?? '', [{ reason: 'FieldValueInvalid', message: result.message, field: 'patch' }]);
    };
  }
  const patch: Json = body ?? null;
  if (!isObject(patch)) throw badRequest('the body of a patch must be an object');
  if (contentType === 'application/merge-patch+json') return (current) => asObject(mergePatch(current, patch));
  if (contentType === 'application/strategic-merge-patch+json' && !isCustom) return (current) => strategicMerge(current, patch, kind.merge);
  throw unsupportedMediaType(contentType, PATCH_TYPES);
}

function asObject(value: Json): JsonObject {
  if (!isObject(value)) throw badRequest('the patch leaves no object');
  return value;
}

export async function deleteObject(state: ApiState, request: ApiRequest): Promise<ApiAnswer> {
  const { kind, path, query, body, user, warn } = request;
  const name = path.name ?? '';
  const options = removeOptionsOf(body, query);
  const current = state.store.collection(kind.resource).get(keyOf(path.namespace, name));
  if (!current) throw notFound(kind.resource, name);
  const target = admissionTarget(state, { kind, namespace: path.namespace, object: undefined, old: inVersion(kind, current.object) });
  await state.webhooks.validate({ target, user, dryRun: options.dryRun }, warn);
  const removal = removeObject(state, kind, path.namespace, name, options);
  if (removal.kind === 'going') return answerObject(state, request, 200, removal.revision);
  return deletionStatus(request, removal);
}

function deletionStatus({ kind }: ApiRequest, removal: Extract<Removal, { kind: 'gone' }>): ApiAnswer {
  const metadata = objectAt(removal.last, 'metadata') ?? {};
  const { group, plural } = kind.resource;
  const details = { name: stringAt(metadata, 'name') ?? '', ...(group === '' ? {} : { group }), kind: plural, uid: stringAt(metadata, 'uid') ?? '' };
  return jsonAnswer(200, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
}

export function deleteCollection(state: ApiState, request: ApiRequest): ApiAnswer {
  const { kind, path, query, body } = request;
  const options = removeOptionsOf(body, query);
  const selects = selectionOf(kind, path.namespace, query);
  const chosen = state.store
    .collection(kind.resource)
    .list(path.namespace)
    .filter(({ object }) => selects(object));
  for (const { object } of chosen) removeObject(state, kind, stringAt(object, 'metadata', 'namespace'), stringAt(object, 'metadata', 'name') ?? '', options);
  return { kind: 'json', code: 200, text: listText(chosen, { resourceVersion: String(state.store.version) }, writeForm(state, request)) };
}
