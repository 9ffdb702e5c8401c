// metadata, checked alike for every kind. Kubernetes API conventions, "Metadata".
import type { Field } from './field.ts';
import { checkLabels, checkName, labelKeyProblem, type NameRule } from './names.ts';

const MAX_ANNOTATION_BYTES = 256 * 1024;

export function checkMetadata(metadata: Field, rule: NameRule): void {
  checkName(metadata.at('name'), rule, 'name or generateName is required');
  metadata.at('generateName').text();
  checkLabels(metadata.at('labels'));
  const annotations = metadata.at('annotations');
  let size = 0;
  for (const [key, value] of annotations.members()) {
    const problem = labelKeyProblem(key.toLowerCase());
    if (problem !== undefined) annotations.invalid(`${JSON.stringify(key)}: ${problem}`);
    size += Buffer.byteLength(key) + Buffer.byteLength(value.text() ?? '');
  }
  if (size > MAX_ANNOTATION_BYTES) annotations.forbidden(`may not be more than ${MAX_ANNOTATION_BYTES} bytes in all`);
  for (const finalizer of metadata.at('finalizers').items()) {
    const problem = labelKeyProblem(finalizer.text() ?? '');
    if (problem !== undefined) finalizer.invalid(problem);
  }
  checkOwners(metadata.at('ownerReferences'));
}

function checkOwners(owners: Field): void {
  let controllers = 0;
  for (const owner of owners.items()) {
    for (const key of ['apiVersion', 'kind', 'name', 'uid']) {
      const field = owner.at(key);
      if (!field.present || field.value === '') field.required('must not be empty');
      else field.text();
    }
    if (owner.at('controller').flag() === true) controllers++;
  }
  if (controllers > 1) owners.invalid('only one reference can have controller set to true');
}
