// The serving certificate of the admission webhook, from an authority made for it alone.
import { createPrivateKey } from 'node:crypto';
import { certificatesToPem, createAuthority, createKeyAndRequest } from '@weft/identity/authority';

export interface ServingCertificate {
  /** PEM chain, PEM key, and the PEM authority that clients verify against. */
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

const YEAR_MS = 365 * 86_400_000;

export async function servingCertificate(dnsName: string): Promise<ServingCertificate> {
  const authority = await createAuthority({ trustDomain: 'webhook.local', lifetimeMs: YEAR_MS });
  const { key, request } = await createKeyAndRequest(dnsName);
  const issued = await authority.issue(request, dnsName);
  const pem = createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  return { certificate: certificatesToPem([issued.leaf, ...issued.intermediates]), key: pem.toString(), authority: authority.issuer.anchors };
}
