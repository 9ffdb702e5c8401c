// What a writing request says about itself, besides the object.
import { badRequest } from '../errors/api-error.ts';
import type { ApiRequest } from './api-request.ts';
import type { WriteContext } from './write-object.ts';

export function contextOf({ kind, path, query, user, warn, manager }: ApiRequest): WriteContext {
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All' && value !== '')) throw badRequest(`invalid dryRun ${dryRun.join(',')}: the only valid value is All`);
  return { kind, namespace: path.namespace, user, dryRun: dryRun.includes('All'), warn, manager };
}
