// From what differs between this project's definitions to whole CustomResourceDefinitions.
import {
  type CustomResourceDefinition,
  customResourceDefinitionKind,
  type DefinedNames,
  type DefinedVersion,
  type JsonSchema,
} from '../resources/custom-resource-definition.ts';
import { apiVersionOf } from '../resources/resource-kind.ts';
import { object, text } from './schema-parts.ts';

export interface VersionSpec {
  readonly name: string;
  readonly spec: JsonSchema;
  /** Present where status is written through its subresource. */
  readonly status?: JsonSchema;
  /** Default true. */
  readonly served?: boolean;
  readonly deprecated?: true;
  readonly columns?: DefinedVersion['additionalPrinterColumns'];
}

export interface DefinitionSpec {
  readonly group: string;
  readonly names: DefinedNames;
  /** The last one is stored. */
  readonly versions: readonly VersionSpec[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export const AGE = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' } as const;

export function define({ group, names, versions, annotations }: DefinitionSpec): CustomResourceDefinition {
  return {
    apiVersion: apiVersionOf(customResourceDefinitionKind),
    kind: customResourceDefinitionKind.kind,
    metadata: { name: `${names.plural}.${group}`, ...(annotations ? { annotations } : {}) },
    spec: {
      group,
      scope: 'Namespaced',
      names: { singular: names.kind.toLowerCase(), listKind: `${names.kind}List`, ...names },
      versions: versions.map((version, index) => versionOf(version, index === versions.length - 1)),
    },
  };
}

function versionOf({ name, spec, status, served = true, deprecated, columns }: VersionSpec, storage: boolean): DefinedVersion {
  const properties = { apiVersion: text(), kind: text(), metadata: { type: 'object' }, spec, ...(status ? { status } : {}) } as const;
  return {
    name,
    served,
    storage,
    ...(deprecated ? { deprecated } : {}),
    schema: { openAPIV3Schema: object(properties, { required: ['spec'] }) },
    ...(status ? { subresources: { status: {} } } : {}),
    ...(columns ? { additionalPrinterColumns: columns } : {}),
  };
}
