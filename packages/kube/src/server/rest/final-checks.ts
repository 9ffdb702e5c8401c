// The last steps before an object is stored: validation, addresses, and the answer to a dry run.
import type { StatusCause } from '../../client/kube-error.ts';
import { invalid } from '../errors/api-error.ts';
import { type JsonObject, stringAt } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { Revision } from '../storage/collection.ts';
import { fieldOf } from '../validate/field.ts';
import { checkMetadata } from '../validate/metadata.ts';
import type { ApiState } from './api-state.ts';

/** Throws a 422 that names everything wrong with the object. */
export function check(kind: KindDefinition, object: JsonObject, old: JsonObject | undefined): void {
  const causes: StatusCause[] = [];
  const root = fieldOf(object, causes);
  checkMetadata(root.at('metadata'), kind.nameRule);
  kind.check(root, old);
  if (causes.length > 0) throw invalid(kind.resource, stringAt(object, 'metadata', 'name') ?? '', causes);
}

/** A Service's addresses and ports, given by the server. Throws a 422 when what it asks for cannot be had. */
export function assignAddresses(state: ApiState, kind: KindDefinition, service: JsonObject, old: JsonObject | undefined): void {
  const problem = state.services.assign(service, old);
  if (!problem) return;
  const message = `Invalid value: ${JSON.stringify(problem.value)}: ${problem.message}`;
  throw invalid(kind.resource, stringAt(service, 'metadata', 'name') ?? '', [{ reason: 'FieldValueInvalid', message, field: problem.field }]);
}

/** What would have been stored: the answer to a dry run. */
export function provisional(object: JsonObject, version: number): Revision {
  return { object, version, text: JSON.stringify(object) };
}
