// Discovery: the aggregated documents that a current kubectl asks for, and the plain ones. Kubernetes "API discovery".
import { compareVersions } from '../custom/version-order.ts';
import type { Json, JsonObject } from '../json/json.ts';
import type { ServedResource } from './served-resources.ts';

export const AGGREGATED_V2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

export interface DiscoveryDocuments {
  /** `/api` (the core group) or `/apis` (all others), everything in one document. */
  aggregated(root: 'api' | 'apis'): JsonObject;
  plain(root: 'api' | 'apis'): JsonObject;
  /** `/apis/GROUP`. */
  group(group: string): JsonObject | undefined;
  /** `/api/v1`, `/apis/GROUP/VERSION`. */
  resources(group: string, version: string): JsonObject | undefined;
}

export function discoveryDocuments(served: () => readonly ServedResource[]): DiscoveryDocuments {
  const groups = (): Map<string, Map<string, ServedResource[]>> => {
    const result = new Map<string, Map<string, ServedResource[]>>();
    for (const resource of served()) {
      const versions = result.get(resource.group) ?? new Map<string, ServedResource[]>();
      result.set(resource.group, versions);
      versions.set(resource.version, [...(versions.get(resource.version) ?? []), resource]);
    }
    return new Map([...result].map(([group, versions]) => [group, new Map([...versions].sort(([a], [b]) => compareVersions(a, b)))]));
  };
  const groupDocument = (group: string, versions: readonly string[]): JsonObject => {
    const list = versions.map((version) => ({ groupVersion: `${group}/${version}`, version }));
    return { name: group, versions: list, preferredVersion: list[0] ?? {} };
  };
  return {
    aggregated(root) {
      const items: Json[] = [];
      for (const [group, versions] of groups()) {
        if ((group === '') !== (root === 'api')) continue;
        items.push({
          metadata: group === '' ? {} : { name: group },
          versions: [...versions].map(([version, resources]) => ({ version, resources: resources.map(aggregatedResource), freshness: 'Current' })),
        });
      }
      return { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items };
    },
    plain(root) {
      if (root === 'api') return { kind: 'APIVersions', apiVersion: 'v1', versions: ['v1'], serverAddressByClientCIDRs: [] };
      const list = [...groups()].filter(([group]) => group !== '').map(([group, versions]) => groupDocument(group, [...versions.keys()]));
      return { kind: 'APIGroupList', apiVersion: 'v1', groups: list };
    },
    group(group) {
      const versions = groups().get(group);
      return versions && group !== '' ? { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group, [...versions.keys()]) } : undefined;
    },
    resources(group, version) {
      const resources = groups().get(group)?.get(version);
      if (!resources) return undefined;
      const groupVersion = group === '' ? version : `${group}/${version}`;
      return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: resources.flatMap(plainResources) };
    },
  };
}

function aggregatedResource(resource: ServedResource): JsonObject {
  const { group, version, kind, plural, singular, namespaced, verbs, shortNames, categories, subresources } = resource;
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: [...verbs],
    ...(shortNames.length > 0 ? { shortNames: [...shortNames] } : {}),
    ...(categories.length > 0 ? { categories: [...categories] } : {}),
    ...(subresources.length > 0
      ? {
          subresources: subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
            verbs: [...sub.verbs],
          })),
        }
      : {}),
  };
}

function plainResources({ plural, singular, namespaced, kind, verbs, shortNames, categories, subresources, group }: ServedResource): JsonObject[] {
  return [
    {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs: [...verbs],
      ...(shortNames.length > 0 ? { shortNames: [...shortNames] } : {}),
      ...(categories.length > 0 ? { categories: [...categories] } : {}),
    },
    ...subresources.map((sub) => ({
      name: `${plural}/${sub.name}`,
      singularName: '',
      namespaced,
      ...(sub.group === group ? {} : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: [...sub.verbs],
    })),
  ];
}
