// PATCH with application/apply-patch+yaml: creates or merges, and answers conflicts as kubectl prints them.

import { apiVersionOf } from '../../resources/resource-kind.ts';
import type { Manager } from '../apply/field-managers.ts';
import { serverSideApply } from '../apply/server-side-apply.ts';
import { ApiError, badRequest, qualified } from '../errors/api-error.ts';
import { type JsonObject, objectAt, stringAt } from '../json/json.ts';
import { keyOf } from '../storage/object-key.ts';
import type { ApiAnswer, ApiRequest } from './api-request.ts';
import { type ApiState, timestamp } from './api-state.ts';
import { answerObject } from './read.ts';
import { contextOf } from './request-context.ts';
import { updateObject } from './update-object.ts';
import { createObject, objectOf } from './write-object.ts';

export async function applyObject(state: ApiState, request: ApiRequest, subresource?: 'status'): Promise<ApiAnswer> {
  const { kind, path, query, body } = request;
  const { resource } = kind;
  const name = path.name ?? '';
  const managerName = query.get('fieldManager') ?? '';
  if (managerName === '') throw badRequest('PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch');
  const context = contextOf(request);
  const config = objectOf(body, context, name);
  if (objectAt(config, 'metadata')?.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  const manager: Manager = { name: managerName, operation: 'Apply', apiVersion: apiVersionOf(resource), subresource: subresource ?? '' };
  const applied = (live: JsonObject | undefined): JsonObject => {
    const based = stringAt(config, 'metadata', 'resourceVersion');
    const result = serverSideApply({
      live,
      config,
      manager,
      force: query.get('force') === 'true',
      schema: kind.merge,
      complete: kind.complete,
      time: timestamp(state.clock.wall()),
    });
    if (result.kind === 'applied')
      return based === undefined || based === ''
        ? result.object
        : { ...result.object, metadata: { ...objectAt(result.object, 'metadata'), resourceVersion: based } };
    const texts = result.conflicts.map((conflict) => `conflict with "${conflict.manager.name}" using ${conflict.manager.apiVersion}: ${conflict.field}`);
    const causes = result.conflicts.map(({ manager: owner, field }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with "${owner.name}" using ${owner.apiVersion}`,
      field,
    }));
    throw new ApiError(409, 'Conflict', `Apply failed with ${texts.length} conflict${texts.length === 1 ? '' : 's'}: ${texts.join(', ')}`, {
      name,
      group: resource.group,
      kind: qualified(resource),
      causes,
    });
  };
  if (!state.store.collection(resource).get(keyOf(path.namespace, name))) {
    if (subresource !== undefined) throw badRequest(`cannot apply to ${subresource} of an object that does not exist`);
    const object = applied(undefined);
    const { managedFields } = objectAt(object, 'metadata') ?? {};
    return answerObject(state, request, 201, await createObject(state, { ...context, ...(managedFields === undefined ? {} : { managedFields }) }, object));
  }
  return answerObject(state, request, 200, await updateObject(state, { ...context, ownership: 'applied' }, { name, subresource, change: applied }));
}
