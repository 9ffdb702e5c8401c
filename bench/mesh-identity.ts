// One authority for a run, and files with a certificate for each side of a mesh connection: what every TLS peer is given.
import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CreatedAuthority, certificatesToPem, createAuthority, createKeyAndRequest } from '@weft/identity/authority';

export interface KeyFiles {
  readonly name: string;
  readonly certificate: string;
  readonly key: string;
  /** Both in one. */
  readonly combined: string;
}

export interface MeshIdentity {
  readonly authority: CreatedAuthority;
  readonly anchors: string;
  readonly client: KeyFiles;
  readonly server: KeyFiles;
  close(): void;
}

export async function meshIdentity(): Promise<MeshIdentity> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-bench-identity-'));
  const authority = await createAuthority({ trustDomain: 'cluster.local' });
  const anchors = join(directory, 'anchors.pem');
  writeFileSync(anchors, certificatesToPem(authority.anchors));
  const issue = async (workload: string): Promise<KeyFiles> => {
    const name = `${workload}.ns.serviceaccount.identity.linkerd.cluster.local`;
    const { key, request } = await createKeyAndRequest(name);
    const { leaf } = await authority.issue(request, name);
    const chain = certificatesToPem([leaf]);
    const keyPem = createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' })
      .export({ format: 'pem', type: 'pkcs8' })
      .toString();
    const at = (kind: string): string => join(directory, `${workload}.${kind}`);
    const files: KeyFiles = { name, certificate: at('crt'), key: at('key'), combined: at('pem') };
    writeFileSync(files.certificate, chain);
    writeFileSync(files.key, keyPem, { mode: 0o600 });
    writeFileSync(files.combined, `${chain}${keyPem}`, { mode: 0o600 });
    return files;
  };
  return { authority, anchors, client: await issue('client'), server: await issue('server'), close: () => rmSync(directory, { recursive: true, force: true }) };
}
