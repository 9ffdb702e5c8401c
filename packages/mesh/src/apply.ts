// Applies a manifest as `kubectl apply` would for these kinds: creates what is missing, merges into what is there.
import { type Draft, type KubeClient, KubeError, type KubeObject, parseManifest, type ResourceKind, resourceKind } from '@weft/kube';

/** Objects in the order of the manifest. Rejects with KubeError at the first that is refused. */
export async function applyManifest(client: KubeClient, manifest: string | readonly Draft<KubeObject>[]): Promise<readonly KubeObject[]> {
  const kinds = new Map<string, Promise<readonly ResourceKind[]>>();
  const applied: KubeObject[] = [];
  for (const draft of typeof manifest === 'string' ? parseManifest(manifest) : manifest) {
    const apiVersion = draft.apiVersion ?? 'v1';
    const served = kinds.get(apiVersion) ?? kindsOf(client, apiVersion);
    kinds.set(apiVersion, served);
    const kind = (await served).find((candidate) => candidate.kind === draft.kind);
    if (!kind) throw new KubeError('NOT_FOUND', `the API server has no kind ${draft.kind ?? ''} in ${apiVersion}`);
    applied.push(await applyOne(client, kind, draft));
  }
  return applied;
}

async function applyOne(client: KubeClient, kind: ResourceKind, draft: Draft<KubeObject>): Promise<KubeObject> {
  const namespace = draft.metadata.namespace ?? 'default';
  const object = kind.namespaced ? { ...draft, metadata: { ...draft.metadata, namespace } } : draft;
  const ref = { name: draft.metadata.name ?? '', ...(kind.namespaced ? { namespace } : {}) };
  if (!(await client.get(kind, ref))) return client.create(kind, object);
  return client.patch(kind, ref, { kind: 'merge', value: object });
}

/** The kinds of a group version, from the discovery document of the API server. */
async function kindsOf(client: KubeClient, apiVersion: string): Promise<readonly ResourceKind[]> {
  const list = (await client.raw('GET', apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`)) as {
    readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
  };
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  return (list.resources ?? [])
    .filter((resource) => !resource.name.includes('/'))
    .map(({ name, kind, namespaced }) => resourceKind<KubeObject>({ group, version, kind, plural: name, namespaced }));
}
