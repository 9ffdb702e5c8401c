// The kinds that are served, by where they are served.
import { apiVersionOf, type ResourceKind } from '../../resources/resource-kind.ts';
import { builtinKinds } from './builtin-kinds.ts';
import { defineKind, type KindDefinition } from './kind-definition.ts';
import { storedKinds } from './stored-kinds.ts';

export interface KindRegistry {
  readonly kinds: readonly KindDefinition[];
  byPlural(group: string, version: string, plural: string): KindDefinition | undefined;
  byKind(apiVersion: string, kind: string): KindDefinition | undefined;
}

/** Built-in kinds and the caller's. A further kind that is already served is left out. */
export function kindRegistry(further: readonly ResourceKind[]): KindRegistry {
  const kinds: KindDefinition[] = [];
  const byPlural = new Map<string, KindDefinition>();
  const byKind = new Map<string, KindDefinition>();
  const add = (kind: KindDefinition): void => {
    const { group, version, plural } = kind.resource;
    const place = `${group}/${version}/${plural}`;
    if (byPlural.has(place)) return;
    kinds.push(kind);
    byPlural.set(place, kind);
    byKind.set(`${apiVersionOf(kind.resource)} ${kind.resource.kind}`, kind);
  };
  for (const kind of [...builtinKinds, ...storedKinds]) add(kind);
  for (const resource of further) add(defineKind({ resource, hasGeneration: true, hasStatus: true, isCustom: true }));
  return {
    kinds,
    byPlural: (group, version, plural) => byPlural.get(`${group}/${version}/${plural}`),
    byKind: (apiVersion, kind) => byKind.get(`${apiVersion} ${kind}`),
  };
}
