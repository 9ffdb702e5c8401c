// What the server knows of a kind: where it is served, how it is completed, checked, merged and shown.
import type { ResourceKind } from '../../resources/resource-kind.ts';
import type { JsonObject } from '../json/json.ts';
import { genericSchema, type MergeSchema } from '../patch/merge-schema.ts';
import { ageColumn, type Column, nameColumn } from '../table/column.ts';
import type { Field } from '../validate/field.ts';
import type { NameRule } from '../validate/names.ts';

export interface KindDefinition {
  readonly resource: ResourceKind;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** `all` lets `kubectl get all` find it. */
  readonly categories: readonly string[];
  readonly nameRule: NameRule;
  /** Whether `status` is written only through its subresource. */
  readonly hasStatus: boolean;
  /** Whether `scale` is served: replicas under spec and status. */
  readonly hasScale: boolean;
  /** Whether `metadata.generation` counts changes of what is wanted. */
  readonly hasGeneration: boolean;
  /** Whether the server knows nothing of its fields; such kinds have no strategic merge. */
  readonly isCustom: boolean;
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

export function defineKind(spec: KindSpec): KindDefinition {
  return {
    singular: spec.resource.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    nameRule: 'subdomain',
    hasStatus: false,
    hasScale: false,
    hasGeneration: false,
    isCustom: false,
    merge: genericSchema,
    columns: [nameColumn, ageColumn],
    complete: nothing,
    check: nothing,
    initialStatus: undefined,
    ...spec,
  };
}
