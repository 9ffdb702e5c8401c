// What a writing request says about itself, besides the object.
import { badRequest } from '../errors/api-error.ts';
import type { ApiRequest } from './api-request.ts';
import type { WriteContext } from './write-object.ts';

const FIELD_VALIDATION = ['Ignore', 'Warn', 'Strict'] as const;

export function contextOf({ kind, path, query, user, warn, manager }: ApiRequest): WriteContext {
  const asked = query.get('fieldValidation') || 'Warn';
  const fieldValidation = FIELD_VALIDATION.find((value) => value === asked);
  if (!fieldValidation) throw badRequest(`invalid fieldValidation ${JSON.stringify(asked)}: must be one of ${FIELD_VALIDATION.join(', ')}`);
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All' && value !== '')) throw badRequest(`invalid dryRun ${dryRun.join(',')}: the only valid value is All`);
  return { kind, namespace: path.namespace, user, dryRun: dryRun.includes('All'), warn, manager, fieldValidation };
}
