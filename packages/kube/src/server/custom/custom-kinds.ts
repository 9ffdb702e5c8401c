// From a CustomResourceDefinition to the kinds it defines: one for each served version.
import type { CustomResourceDefinition, DefinedVersion, JsonSchema } from '../../resources/custom-resource-definition.ts';
import { resourceKind } from '../../resources/resource-kind.ts';
import { defineKind, type KindDefinition, type ScalePaths } from '../kinds/kind-definition.ts';
import { applyDefaults } from '../schema/apply-defaults.ts';
import { mergeOfSchema } from '../schema/merge-of-schema.ts';
import { prune } from '../schema/prune.ts';
import { schemaValidator } from '../schema/validator.ts';
import { parseJsonPath } from './json-path.ts';
import { printerColumns } from './printer-columns.ts';
import { compareVersions } from './version-order.ts';

export interface CustomKindLife {
  /** Aborted when the kinds are served no more, or otherwise. */
  readonly signal: AbortSignal;
  /** True while the definition is being deleted. */
  readonly isTerminating: () => boolean;
}

/** The preferred version first. */
export function customKinds(definition: CustomResourceDefinition, life: CustomKindLife): KindDefinition[] {
  return definition.spec.versions
    .filter(({ served }) => served)
    .sort((a, b) => compareVersions(a.name, b.name))
    .map((version) => customKind(definition, version, life));
}

function customKind({ spec }: CustomResourceDefinition, version: DefinedVersion, life: CustomKindLife): KindDefinition {
  const { group, names, scope } = spec;
  const schema = version.schema.openAPIV3Schema;
  const validate = schemaValidator(schema);
  const keepsUnknown = spec.preserveUnknownFields === true;
  const resource = resourceKind({ group, version: version.name, kind: names.kind, plural: names.plural, namespaced: scope === 'Namespaced' });
  return defineKind({
    resource,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? `${names.kind}List`,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    hasStatus: version.subresources?.status !== undefined,
    scale: scaleOf(version),
    hasGeneration: true,
    isCustom: true,
    merge: mergeOfSchema(schema),
    columns: printerColumns(version.additionalPrinterColumns),
    selectableFields: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
    schema: publishedSchema(schema),
    prune: (object) => (keepsUnknown ? [] : prune(object, schema)),
    complete: (object) => {
      if (!keepsUnknown) prune(object, schema);
      applyDefaults(object, schema);
    },
    check: validate,
    ...(version.deprecated ? { warning: version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated` } : {}),
    life,
  });
}

/** Every object has these, whether the schema says so or not. */
function publishedSchema(schema: JsonSchema): JsonSchema {
  const text = { type: 'string' } as const;
  return { ...schema, properties: { apiVersion: text, kind: text, metadata: { type: 'object' }, ...schema.properties } };
}

function scaleOf({ subresources }: DefinedVersion): ScalePaths | undefined {
  if (!subresources?.scale) return undefined;
  const members = (text: string | undefined): readonly string[] | undefined => (text === undefined ? undefined : parseJsonPath(text)?.members);
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = subresources.scale;
  return { replicas: members(specReplicasPath) ?? [], current: members(statusReplicasPath) ?? [], selector: members(labelSelectorPath) };
}
