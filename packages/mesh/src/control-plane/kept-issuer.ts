// The issuer of a former life: proxies trust the anchors that stand in their pods, so a mesh that goes on keeps its authority.
import { type IssuerPem, loadAuthority } from '@weft/identity/authority';
import { configMapKind, type KubeClient, secretKind } from '@weft/kube';
import { OBJECTS } from './workloads.ts';

const NAMESPACE = 'linkerd';

/** Undefined where there is none, or none that still signs. */
export async function keptIssuer(client: KubeClient): Promise<IssuerPem | undefined> {
  const secret = await client.get(secretKind, { namespace: NAMESPACE, name: OBJECTS.issuer });
  const roots = await client.get(configMapKind, { namespace: NAMESPACE, name: OBJECTS.trustRoots });
  const text = (key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString('utf8');
  const issuer = { certificates: text('crt.pem'), key: text('key.pem'), anchors: roots?.data?.['ca-bundle.crt'] ?? '' };
  if (Object.values(issuer).includes('')) return undefined;
  return loadAuthority({ issuer }).then(
    () => issuer,
    () => undefined,
  );
}
