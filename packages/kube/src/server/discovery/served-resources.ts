// What is served under which group and version, with subresources: the source of every discovery document.
import type { JsonSchema } from '../../resources/custom-resource-definition.ts';
import type { KindDefinition } from '../kinds/kind-definition.ts';
import type { ReviewKind } from '../rest/reviews.ts';

export interface ServedSubresource {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

export interface ServedResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly subresources: readonly ServedSubresource[];
  /** Of a custom kind; the others are known as messages. */
  readonly schema: JsonSchema | undefined;
}

const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const CHANGE_VERBS = ['get', 'patch', 'update'];

export function servedResources(kinds: readonly KindDefinition[], reviews: readonly ReviewKind[]): ServedResource[] {
  return [
    ...kinds.map((kind) => ({
      ...kind.resource,
      singular: kind.singular,
      verbs: ALL_VERBS,
      shortNames: kind.shortNames,
      categories: kind.categories,
      subresources: subresourcesOf(kind),
      schema: kind.schema,
    })),
    ...reviews.map(({ group, version, plural, kind, namespaced }) => ({
      group,
      version,
      plural,
      kind,
      namespaced,
      singular: kind.toLowerCase(),
      verbs: ['create'],
      shortNames: [],
      categories: [],
      subresources: [],
      schema: undefined,
    })),
  ];
}

function subresourcesOf({ resource, hasStatus, scale }: KindDefinition): ServedSubresource[] {
  const own = { group: resource.group, version: resource.version, kind: resource.kind };
  const list: ServedSubresource[] = [];
  if (hasStatus) list.push({ ...own, name: 'status', verbs: CHANGE_VERBS });
  if (scale) list.push({ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: CHANGE_VERBS });
  if (resource.group === '' && resource.kind === 'Namespace') list.push({ ...own, name: 'finalize', verbs: ['update'] });
  if (resource.group === '' && resource.kind === 'ServiceAccount')
    list.push({ name: 'token', group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] });
  if (resource.group === '' && resource.kind === 'Pod') {
    list.push(
      { ...own, name: 'log', verbs: ['get'] },
      { ...own, name: 'binding', kind: 'Binding', verbs: ['create'] },
      { name: 'eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
    );
  }
  return list;
}
