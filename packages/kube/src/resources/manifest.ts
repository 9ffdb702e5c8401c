// Manifests: YAML or JSON text with several documents and Lists, as `kubectl apply -f` takes them.
import { KubeError } from '../client/kube-error.ts';
import type { Draft, KubeObject } from './meta.ts';
import { readYaml } from './read-yaml.ts';

/** The objects of a manifest in order, Lists opened, empty documents left out. Throws KubeError BAD_REQUEST naming the document. */
export function parseManifest(text: string): Draft<KubeObject>[] {
  const objects: Draft<KubeObject>[] = [];
  const read = readYaml(text);
  if (read.kind === 'refused') throw new KubeError('BAD_REQUEST', `document ${read.document}: ${read.message}`, { cause: read.cause });
  for (const [index, value] of read.values.entries()) if (value !== null) collect(value, `document ${index + 1}`, objects);
  return objects;
}

function collect(value: unknown, where: string, into: Draft<KubeObject>[]): void {
  if (typeof value !== 'object' || value === null || !('kind' in value) || !('apiVersion' in value)) {
    throw new KubeError('BAD_REQUEST', `${where}: an object with apiVersion and kind is expected`);
  }
  if (value.kind === 'List' && 'items' in value && Array.isArray(value.items)) {
    for (const [index, item] of value.items.entries()) collect(item, `${where}, item ${index}`, into);
    return;
  }
  if (!('metadata' in value) || typeof value.metadata !== 'object' || value.metadata === null)
    throw new KubeError('BAD_REQUEST', `${where}: metadata is missing`);
  into.push(value as Draft<KubeObject>);
}
