// Whether the names that a definition asks for are free in its group. apiextensions.k8s.io/v1, condition NamesAccepted.
import type { CustomResourceDefinition } from '../../resources/custom-resource-definition.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';

export interface NameConflict {
  readonly reason: 'PluralConflict' | 'ShortNamesConflict' | 'KindConflict' | 'ListKindConflict' | 'SingularConflict';
  readonly message: string;
}

/** `others` are the kinds of all other owners. */
export function nameConflict({ spec }: CustomResourceDefinition, others: readonly KindDefinition[]): NameConflict | undefined {
  const { group, names } = spec;
  const inGroup = others.filter(({ resource }) => resource.group === group);
  const resources = new Set(inGroup.flatMap(({ resource, singular, shortNames }) => [resource.plural, singular, ...shortNames]));
  const kinds = new Set(inGroup.flatMap(({ resource, listKind }) => [resource.kind, listKind]));
  const taken = (name: string | undefined, by: ReadonlySet<string>): boolean => name !== undefined && by.has(name);
  const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`;
  if (taken(names.plural, resources)) return { reason: 'PluralConflict', message: inUse(names.plural) };
  if (names.singular !== undefined && taken(names.singular, resources)) return { reason: 'SingularConflict', message: inUse(names.singular) };
  const short = names.shortNames?.find((name) => resources.has(name));
  if (short !== undefined) return { reason: 'ShortNamesConflict', message: inUse(short) };
  if (taken(names.kind, kinds)) return { reason: 'KindConflict', message: inUse(names.kind) };
  if (names.listKind !== undefined && taken(names.listKind, kinds)) return { reason: 'ListKindConflict', message: inUse(names.listKind) };
  return undefined;
}
