// CustomResourceDefinition as a kind of its own: completion, columns and the checks that keep a definition usable. apiextensions.k8s.io/v1.
import { type CustomResourceDefinition, customResourceDefinitionKind } from '../../resources/custom-resource-definition.ts';
import { ensureObject, type JsonObject, objectsAt, stringAt } from '../json/json.ts';
import { defineKind, type KindDefinition } from '../kinds/kind-definition.ts';
import { checkStructural } from '../schema/structural.ts';
import { column, nameColumn } from '../table/column.ts';
import { type Field, oneOf, uniqueBy } from '../validate/field.ts';
import { checkName } from '../validate/names.ts';
import { parseJsonPath } from './json-path.ts';

/** Holds a definition until its objects are gone. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

export const definitionKind: KindDefinition = defineKind({
  resource: customResourceDefinitionKind,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  hasStatus: true,
  hasGeneration: true,
  deletionFinalizer: CLEANUP_FINALIZER,
  columns: [nameColumn, column('Created At', (object) => stringAt(object, 'metadata', 'creationTimestamp') ?? '', { type: 'date' })],
  complete,
  check: checkDefinition,
  initialStatus: (object) => ({ storedVersions: storageVersions(object) }),
});

/** What the checks have made sure of. */
export function definitionOf(object: JsonObject): CustomResourceDefinition {
  return object as unknown as CustomResourceDefinition;
}

function storageVersions(object: JsonObject): string[] {
  return objectsAt(object, 'spec', 'versions')
    .filter((version) => version.storage === true)
    .map((version) => stringAt(version, 'name') ?? '');
}

function complete(object: JsonObject): void {
  const spec = ensureObject(object, 'spec');
  const names = ensureObject(spec, 'names');
  const kind = stringAt(names, 'kind') ?? '';
  if (kind !== '') {
    names.singular ??= kind.toLowerCase();
    names.listKind ??= `${kind}List`;
  }
  spec.conversion ??= { strategy: 'None' };
}

function checkDefinition(root: Field, old: JsonObject | undefined): void {
  const spec = root.at('spec');
  checkName(spec.at('group'), 'subdomain');
  for (const key of ['plural', 'singular']) checkName(spec.at('names', key), 'label1035');
  for (const key of ['kind', 'listKind']) {
    const name = spec.at('names', key);
    if (!name.present || name.value === '') name.required();
    else if (!/^[A-Za-z][-A-Za-z0-9]*$/.test(name.text() ?? 'A')) name.invalid('must be an identifier of letters, digits and dashes');
  }
  for (const key of ['shortNames', 'categories']) for (const item of spec.at('names', key).items()) checkName(item, 'label1035');
  const scope = spec.at('scope');
  if (scope.present) oneOf(scope, ['Cluster', 'Namespaced']);
  else scope.required();
  oneOf(spec.at('conversion', 'strategy'), ['None']);
  const plural = spec.at('names', 'plural').value;
  const group = spec.at('group').value;
  const name = root.at('metadata', 'name');
  if (typeof plural === 'string' && typeof group === 'string' && name.value !== `${plural}.${group}`) {
    name.invalid('must be spec.names.plural+"."+spec.group');
  }
  for (const path of [['group'], ['scope'], ['names', 'plural'], ['names', 'kind']]) {
    const field = spec.at(...path);
    if (old && field.value !== valueAt(old, ['spec', ...path])) field.invalid('field is immutable');
  }
  checkVersions(spec.at('versions'));
}

function valueAt(object: JsonObject, path: readonly string[]): string | undefined {
  return stringAt(object, ...path);
}

function checkVersions(versions: Field): void {
  const list = versions.items();
  if (list.length === 0) return versions.required('must have exactly one version marked as storage version');
  uniqueBy(list, 'name');
  const stored = list.filter((version) => version.at('storage').flag() === true).length;
  if (stored !== 1) versions.invalid('must have exactly one version marked as storage version');
  for (const version of list) checkVersion(version);
}

function checkVersion(version: Field): void {
  checkName(version.at('name'), 'label1035');
  for (const key of ['served', 'storage']) {
    const flag = version.at(key);
    if (flag.present) flag.flag();
    else flag.required();
  }
  const schema = version.at('schema', 'openAPIV3Schema');
  if (schema.present) checkStructural(schema, 'root');
  else schema.required('schemas are required');
  for (const column of version.at('additionalPrinterColumns').items()) {
    checkPath(column.at('jsonPath'));
    for (const key of ['name', 'type']) if (!column.at(key).present) column.at(key).required();
    for (const key of ['name', 'format', 'description']) column.at(key).text();
    oneOf(column.at('type'), ['string', 'integer', 'number', 'boolean', 'date']);
    column.at('priority').integer();
  }
  for (const field of version.at('selectableFields').items()) checkMembers(field.at('jsonPath'));
  const scale = version.at('subresources', 'scale');
  if (!scale.present) return;
  checkMembers(scale.at('specReplicasPath'));
  checkMembers(scale.at('statusReplicasPath'));
  if (scale.at('labelSelectorPath').present) checkMembers(scale.at('labelSelectorPath'));
}

function checkPath(field: Field): void {
  if (!field.present) return field.required();
  const text = field.text();
  if (text !== undefined && !parseJsonPath(text)) field.invalid('is not a JSON path that is understood');
}

function checkMembers(field: Field): void {
  if (!field.present) return field.required();
  const text = field.text();
  if (text !== undefined && !parseJsonPath(text)?.members) field.invalid('must be a simple path of members');
}
