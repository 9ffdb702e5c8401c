// Deployments and ReplicaSets. A selector never changes and must select its own template.

import type { LabelSelector } from '../../resources/meta.ts';
import { selectorMatches } from '../../select/label-selector.ts';
import { deepEqual, isObject, type JsonObject, objectAt, stringMap } from '../json/json.ts';
import { type Field, oneOf } from './field.ts';
import { checkLabels, labelKeyProblem } from './names.ts';
import { checkTemplate } from './pod-validation.ts';
import { atLeast } from './port.ts';

export function checkWorkload(workload: Field, old: JsonObject | undefined): void {
  const spec = workload.at('spec');
  for (const key of ['replicas', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds']) atLeast(spec.at(key), 0);
  oneOf(spec.at('strategy', 'type'), ['Recreate', 'RollingUpdate']);
  if (spec.at('strategy', 'type').value === 'Recreate' && spec.at('strategy', 'rollingUpdate').present) {
    spec.at('strategy', 'rollingUpdate').forbidden("may not be specified when strategy `type` is 'Recreate'");
  }
  for (const key of ['maxSurge', 'maxUnavailable']) checkShare(spec.at('strategy', 'rollingUpdate', key));
  const selector = spec.at('selector');
  const template = spec.at('template');
  if (!selector.present) selector.required();
  else {
    checkSelector(selector);
    if (isObject(selector.value) && Object.keys(selector.value).length === 0) selector.invalid('empty selector is invalid for deployment');
  }
  if (!template.present) template.required();
  else checkTemplate(template);
  const labels = template.at('metadata', 'labels');
  if (isObject(selector.value) && template.present && !selectorMatches(selector.value as LabelSelector, stringMap(labels.value))) {
    labels.invalid('`selector` does not match template `labels`');
  }
  if (old && !deepEqual(objectAt(old, 'spec', 'selector'), selector.value)) selector.invalid('field is immutable');
}

export function checkSelector(selector: Field): void {
  checkLabels(selector.at('matchLabels'));
  for (const expression of selector.at('matchExpressions').items()) {
    const key = expression.at('key');
    const problem = labelKeyProblem(key.text() ?? '');
    if (problem !== undefined) key.invalid(problem);
    const operator = expression.at('operator');
    if (!operator.present) operator.required();
    oneOf(operator, ['In', 'NotIn', 'Exists', 'DoesNotExist']);
    const values = expression.at('values');
    const needs = operator.value === 'In' || operator.value === 'NotIn';
    if (needs && values.items().length === 0) values.required("must be specified when `operator` is 'In' or 'NotIn'");
    if (!needs && values.items().length > 0) values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
  }
}

/** A count, or a percentage. */
function checkShare(field: Field): void {
  if (!field.present || (typeof field.value === 'number' && Number.isInteger(field.value) && field.value >= 0)) return;
  if (typeof field.value !== 'string' || !/^[0-9]+%$/.test(field.value)) {
    field.invalid("a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%', or '93%'), or a number");
  }
}
