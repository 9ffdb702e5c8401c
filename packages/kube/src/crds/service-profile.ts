// ServiceProfile, linkerd.io: routes, response classes, retry budget and traffic split of one service. `spec/control-plane.md` §1.11.
import type { JsonSchema } from '../resources/custom-resource-definition.ts';
import { define } from './define.ts';
import { flag, integer, intOrString, list, object, text } from './schema-parts.ts';

/** Conditions contain conditions; what is inside them is checked by the validator of profiles. */
const nested: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const conditions: JsonSchema = list(nested);
/** `not` is one condition to the programs that read it, and a list to older schemas. */
const negated: JsonSchema = { 'x-kubernetes-preserve-unknown-fields': true };

const requestCondition = object({ all: conditions, any: conditions, not: negated, pathRegex: text(), method: text() });
const responseCondition = object({
  all: conditions,
  any: conditions,
  not: negated,
  status: object({ min: integer(), max: integer() }),
});
const responseClass = object({ condition: responseCondition, isFailure: flag() }, { required: ['condition'] });
const route = object(
  { name: text(), condition: requestCondition, responseClasses: list(responseClass), isRetryable: flag(), timeout: text() },
  { required: ['name', 'condition'] },
);

const fields = {
  routes: list(route),
  retryBudget: object(
    { retryRatio: { type: 'number' }, minRetriesPerSecond: integer(), ttl: text() },
    { required: ['retryRatio', 'minRetriesPerSecond', 'ttl'] },
  ),
  dstOverrides: list(object({ authority: text(), weight: intOrString }, { required: ['authority', 'weight'] })),
  opaquePorts: list(text()),
};

export const serviceProfileDefinition = define({
  group: 'linkerd.io',
  names: { plural: 'serviceprofiles', kind: 'ServiceProfile', shortNames: ['sp'] },
  versions: [
    { name: 'v1alpha1', spec: object(fields, { required: ['routes'] }) },
    { name: 'v1alpha2', spec: object(fields) },
  ],
});
