// What the server knows of a kind: where it is served, how it is completed, checked, merged and shown.
import type { JsonSchema } from '../../resources/custom-resource-definition.ts';
import type { ResourceKind } from '../../resources/resource-kind.ts';
import type { JsonObject } from '../json/json.ts';
import { genericSchema, type MergeSchema } from '../patch/merge-schema.ts';
import { ageColumn, type Column, nameColumn } from '../table/column.ts';
import type { Field } from '../validate/field.ts';
import type { NameRule } from '../validate/names.ts';

/** Where the members of a scale stand in an object. */
export interface ScalePaths {
  readonly replicas: readonly string[];
  readonly current: readonly string[];
  /** Of a text, or of a structured selector. */
  readonly selector: readonly string[] | undefined;
}

export interface KindDefinition {
  readonly resource: ResourceKind;
  readonly singular: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  /** `all` lets `kubectl get all` find it. */
  readonly categories: readonly string[];
  readonly nameRule: NameRule;
  /** Whether `status` is written only through its subresource. */
  readonly hasStatus: boolean;
  /** Present where `scale` is served. */
  readonly scale: ScalePaths | undefined;
  /** Whether `metadata.generation` counts changes of what is wanted. */
  readonly hasGeneration: boolean;
  /** Whether it comes from a CustomResourceDefinition; such kinds have no strategic merge. */
  readonly isCustom: boolean;
  /** Fields to select by, besides those of every kind. */
  readonly selectableFields: readonly string[];
  /** What OpenAPI says of its objects. */
  readonly schema: JsonSchema | undefined;
  /** Drops what the schema does not know; answers its paths. */
  readonly prune: ((object: JsonObject) => string[]) | undefined;
  /** Held by an object of this kind from its deletion on, until what depends on it is gone. */
  readonly deletionFinalizer: string | undefined;
  /** Sent with every answer: a deprecation. */
  readonly warning: string | undefined;
  /** Of kinds that come and go: aborted when this definition of the kind is no longer served. */
  readonly life: { readonly signal: AbortSignal; readonly isTerminating: () => boolean } | undefined;
  readonly merge: MergeSchema;
  readonly columns: readonly Column[];
  /** Fills in what the writer left out. Called before and after admission; must give the same when called twice. */
  readonly complete: (object: JsonObject) => void;
  /** Reports every problem. `old` is the stored object on updates. */
  readonly check: (object: Field, old: JsonObject | undefined) => void;
  /** The status of a new object. */
  readonly initialStatus: ((object: JsonObject) => JsonObject) | undefined;
}

export type KindSpec = Pick<KindDefinition, 'resource'> & Partial<KindDefinition>;

const nothing = (): void => undefined;

/** Replicas as the built-in workloads have them. */
export const WORKLOAD_SCALE: ScalePaths = { replicas: ['spec', 'replicas'], current: ['status', 'replicas'], selector: ['spec', 'selector'] };

export function defineKind(spec: KindSpec): KindDefinition {
  return {
    singular: spec.resource.kind.toLowerCase(),
    listKind: `${spec.resource.kind}List`,
    shortNames: [],
    categories: [],
    nameRule: 'subdomain',
    hasStatus: false,
    scale: undefined,
    hasGeneration: false,
    isCustom: false,
    selectableFields: [],
    schema: undefined,
    prune: undefined,
    deletionFinalizer: undefined,
    warning: undefined,
    life: undefined,
    merge: genericSchema,
    columns: [nameColumn, ageColumn],
    complete: nothing,
    check: nothing,
    initialStatus: undefined,
    ...spec,
  };
}
