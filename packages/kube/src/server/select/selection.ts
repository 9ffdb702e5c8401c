// What a list or watch asks for: a namespace, labels and fields, as one test.

import { parseLabelSelector } from '../../select/label-selector.ts';
import { badRequest } from '../errors/api-error.ts';
import { objectAt, stringAt, stringMap } from '../json/json.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import { type ObjectTest, parseFieldSelector } from './field-selector.ts';

export function selectionOf(kind: KindDefinition, namespace: string | undefined, query: URLSearchParams): ObjectTest {
  const tests: ObjectTest[] = [];
  if (namespace !== undefined) tests.push((object) => stringAt(object, 'metadata', 'namespace') === namespace);
  const labels = query.get('labelSelector') ?? '';
  if (labels !== '') {
    const test = parseLabelSelector(labels);
    if (!test) throw badRequest(`unable to parse requirement: invalid label selector ${JSON.stringify(labels)}`);
    tests.push((object) => test(stringMap(objectAt(object, 'metadata', 'labels'))));
  }
  const fields = query.get('fieldSelector') ?? '';
  if (fields !== '') tests.push(parseFieldSelector(fields, kind));
  return (object) => tests.every((test) => test(object));
}
