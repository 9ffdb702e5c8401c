// What discovery needs of a ServiceProfile: fields of the right kind, and a specification that has a meaning. spec/control-plane.md §1.11.
import { silentLogger } from '@weft/core';
import type { ServiceProfile } from '@weft/kube';
import { anyNumber, type Check, either, every, flag, listOf, nullable, optional, record, text, type Unfit } from '@weft/kube/shape';
import { metadata } from '../cluster/needs.ts';
import { ProfileSpecError, profileSpecOf } from './profile-spec.ts';

/** Conditions within conditions. Whoever writes more does not mean it. */
const MOST_NESTED = 64;

/** `leaves`: what a condition has beside others. */
function condition(leaves: Readonly<Record<string, Check>>, depth = 0): Check {
  return (value) => {
    if (depth > MOST_NESTED) return { field: '', problem: `is nested more than ${MOST_NESTED} deep` };
    const inner = condition(leaves, depth + 1);
    const several = listOf(inner);
    const not: Check = (one) => (Array.isArray(one) ? several(one) : inner(one));
    return record({ ...leaves, all: optional(several), any: optional(several), not: optional(not) })(value);
  };
}

const request = condition({ method: optional(text), pathRegex: optional(text) });
const response = condition({ status: optional(record({ min: optional(anyNumber), max: optional(anyNumber) })) });
const shape = record({
  spec: record({
    routes: nullable(
      listOf(
        record({
          name: text,
          condition: optional(request),
          responseClasses: optional(listOf(record({ condition: optional(response), isFailure: optional(flag) }))),
          isRetryable: optional(flag),
          timeout: optional(text),
        }),
      ),
    ),
    retryBudget: nullable(record({ retryRatio: optional(anyNumber), minRetriesPerSecond: optional(anyNumber), ttl: optional(text) })),
    dstOverrides: nullable(listOf(record({ authority: text, weight: either('a weight', anyNumber, text) }))),
  }),
});

function meaning(value: unknown): Unfit | undefined {
  try {
    profileSpecOf(value as ServiceProfile, 0, silentLogger);
    return undefined;
  } catch (error) {
    if (!(error instanceof ProfileSpecError)) throw error;
    return { field: `spec.${error.field}`, problem: error.problem };
  }
}

export const serviceProfile: Check = every(metadata, shape, meaning);
