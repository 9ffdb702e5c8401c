// A new authority for a new mesh: one self-signed certificate that is anchor and issuer at once, as Linkerd's CLI makes it.
import { createPrivateKey, webcrypto } from 'node:crypto';
import { systemClock } from '@weft/core';
import { certificatesToPem } from '../certificate/pem.ts';
import { type Authority, type AuthorityOptions, authorityOf } from './authority.ts';
import { type IssuerPem, readIssuer } from './issuer.ts';
import { type CryptoProvider, loadX509 } from './x509.ts';

export interface CreateAuthorityOptions extends AuthorityOptions {
  /** A DNS name such as `cluster.local`. */
  readonly trustDomain: string;
  /** Default `linkerd`. */
  readonly controlPlaneNamespace?: string;
  /** How long the authority itself is valid, in milliseconds. Default 365 days. */
  readonly validityMs?: number;
}

export interface CreatedAuthority extends Authority {
  /** What `loadAuthority` takes: certificate, private key and anchors as PEM. */
  readonly issuer: IssuerPem;
}

const YEAR_MS = 365 * 86_400_000;
const DEFAULT_SKEW_MS = 10_000;

/** P-256, named `identity.<control plane namespace>.<trust domain>`. */
export async function createAuthority(options: CreateAuthorityOptions): Promise<CreatedAuthority> {
  const { trustDomain, controlPlaneNamespace = 'linkerd', validityMs = YEAR_MS, skewMs = DEFAULT_SKEW_MS, clock = systemClock() } = options;
  const crypto = options.crypto ?? (webcrypto as CryptoProvider);
  const x509 = await loadX509();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const now = clock.wall();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: '01',
      name: [{ CN: [`identity.${controlPlaneNamespace}.${trustDomain}`] }],
      notBefore: new Date(now - skewMs),
      notAfter: new Date(now + validityMs + skewMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
      ],
    },
    crypto,
  );
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const certificates = certificatesToPem([new Uint8Array(certificate.rawData)]);
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  const issuer: IssuerPem = { certificates, key: key.toString(), anchors: certificates };
  return { ...(await authorityOf(readIssuer(issuer, now), { ...options, clock, crypto })), issuer };
}
