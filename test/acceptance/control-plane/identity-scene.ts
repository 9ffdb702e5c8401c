// What tests of the identity service have in common: mounted issuers, flags, workloads with tokens.
import { mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CreatedAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { serviceAccountKind } from '@weft/kube';
import { type CertifyResponse, identityService, type RpcChannel } from '@weft/wire';
import type { TestCluster } from './cluster.ts';

export const AUDIENCE = 'identity.l5d.io';

export interface Mount {
  readonly dir: string;
  /** As the kubelet does it: the files are links through `..data`, which is swapped at once. */
  write(files: Readonly<Record<string, string>>): void;
}

export function mount(cluster: Pick<TestCluster, 'dir'>, files: Readonly<Record<string, string>>): Mount {
  const dir = mkdtempSync(join(cluster.dir, 'mount-'));
  let version = 0;
  const write: Mount['write'] = (next) => {
    const name = `..${++version}`;
    mkdirSync(join(dir, name));
    for (const [file, content] of Object.entries(next)) writeFileSync(join(dir, name, file), content);
    symlinkSync(name, join(dir, '..data_tmp'));
    renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
    if (version === 1) for (const file of Object.keys(next)) symlinkSync(join('..data', file), join(dir, file));
  };
  write(files);
  return { dir, write };
}

/** The content of a Secret of type `kubernetes.io/tls`. */
export const tlsSecret = ({ issuer }: CreatedAuthority): Record<string, string> => ({ 'tls.crt': issuer.certificates, 'tls.key': issuer.key });
/** The content of the issuer Secret that Linkerd's CLI makes. */
export const linkerdSecret = ({ issuer }: CreatedAuthority): Record<string, string> => ({ 'crt.pem': issuer.certificates, 'key.pem': issuer.key });
/** The content of the ConfigMap of trust anchors. */
export const roots = (...authorities: readonly CreatedAuthority[]): Record<string, string> => ({
  'ca-bundle.crt': authorities.map(({ issuer }) => issuer.anchors).join(''),
});

export interface FlagOptions {
  readonly kubeconfig: string;
  readonly issuer: Mount;
  readonly roots: Mount;
  readonly scheme?: string;
}

export function identityFlags({ kubeconfig, issuer, roots: anchors, scheme = 'kubernetes.io/tls' }: FlagOptions): readonly string[] {
  return [
    `-kubeconfig=${kubeconfig}`,
    '-controller-namespace=linkerd',
    `-identity-scheme=${scheme}`,
    '-identity-trust-domain=cluster.local',
    '-identity-issuance-lifetime=1h',
    '-identity-clock-skew-allowance=20s',
    `-issuer=${issuer.dir}`,
    `-trust-roots=${join(anchors.dir, 'ca-bundle.crt')}`,
  ];
}

export interface Workload {
  readonly identity: string;
  readonly namespace: string;
  readonly token: (audiences?: readonly string[], expirationSeconds?: number) => Promise<string>;
}

/** A service account in a namespace of its own. */
export async function workload(cluster: TestCluster, name = 'web'): Promise<Workload> {
  const { name: namespace } = await cluster.namespace();
  await cluster.client.create(serviceAccountKind, { metadata: { name, namespace } });
  return {
    namespace,
    identity: `${name}.${namespace}.serviceaccount.identity.linkerd.cluster.local`,
    token: async (audiences = [AUDIENCE], expirationSeconds = 3600) =>
      (await cluster.client.tokenRequest({ name, namespace }, { audiences, expirationSeconds })).token,
  };
}

export interface Asked {
  readonly identity: string;
  readonly token: string;
  readonly csr: Uint8Array;
}

export async function certify(channel: RpcChannel, { identity, token, csr }: Asked): Promise<CertifyResponse> {
  return channel.unary(identityService.Certify, { identity, token: Buffer.from(token), certificateSigningRequest: csr });
}

export async function csrOf(name: string): Promise<Uint8Array> {
  return (await createKeyAndRequest(name)).request;
}

/** What a workload in order asks. */
export async function request({ identity, token }: Workload, changed: Partial<Asked> = {}): Promise<Asked> {
  return { identity, token: await token(), csr: await csrOf(identity), ...changed };
}
