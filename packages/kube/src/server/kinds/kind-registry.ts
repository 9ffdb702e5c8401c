// The kinds that are served, by where they are served: the built-in ones, and those that definitions add and take away.
import { apiVersionOf } from '../../resources/resource-kind.ts';
import { builtinKinds } from './builtin-kinds.ts';
import type { KindDefinition } from './kind-definition.ts';
import { storedKinds } from './stored-kinds.ts';

export interface KindRegistry {
  readonly kinds: readonly KindDefinition[];
  byPlural(group: string, version: string, plural: string): KindDefinition | undefined;
  byKind(apiVersion: string, kind: string): KindDefinition | undefined;
  /** Replaces the kinds of one owner, at once for every reader. What another owner already serves is left out. */
  publish(owner: string, kinds: readonly KindDefinition[]): void;
  kindsOfOthers(owner: string): readonly KindDefinition[];
}

const SERVER = '';

export function kindRegistry(builtin: readonly KindDefinition[] = [...builtinKinds, ...storedKinds]): KindRegistry {
  const owners = new Map<string, readonly KindDefinition[]>([[SERVER, builtin]]);
  let kinds: readonly KindDefinition[] = [];
  let byPlural = new Map<string, KindDefinition>();
  let byKind = new Map<string, KindDefinition>();
  const index = (): void => {
    byPlural = new Map();
    byKind = new Map();
    kinds = [...owners.values()].flat().filter((kind) => {
      const { group, version, plural } = kind.resource;
      const place = `${group}/${version}/${plural}`;
      if (byPlural.has(place)) return false;
      byPlural.set(place, kind);
      byKind.set(`${apiVersionOf(kind.resource)} ${kind.resource.kind}`, kind);
      return true;
    });
  };
  index();
  return {
    get kinds() {
      return kinds;
    },
    byPlural: (group, version, plural) => byPlural.get(`${group}/${version}/${plural}`),
    byKind: (apiVersion, kind) => byKind.get(`${apiVersion} ${kind}`),
    publish(owner, published) {
      if (published.length === 0) owners.delete(owner);
      else owners.set(owner, published);
      index();
    },
    kindsOfOthers: (owner) => [...owners].filter(([name]) => name !== owner).flatMap(([, owned]) => owned),
  };
}
