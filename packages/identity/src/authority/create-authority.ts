// A new authority: by default one self-signed certificate that is anchor and issuer at once, as Linkerd's CLI makes it for a new mesh.
import { createPrivateKey, webcrypto } from 'node:crypto';
import { systemClock } from '@weft/core';
import { certificatesToPem } from '../certificate/pem.ts';
import { type Authority, type AuthorityOptions, authorityOf } from './authority.ts';
import { type Issuer, type IssuerPem, readIssuer } from './issuer.ts';
import { issuerSigner } from './issuer-signer.ts';
import { type CryptoProvider, loadX509 } from './x509.ts';

export interface CreateAuthorityOptions extends AuthorityOptions {
  /** A DNS name such as `cluster.local`. */
  readonly trustDomain: string;
  /** Default `linkerd`. */
  readonly controlPlaneNamespace?: string;
  /** How long the authority itself is valid, in milliseconds. Default 365 days. */
  readonly validityMs?: number;
  /** Signs the new issuer, whose anchors are then the parent's: a root that can stay offline. Default: self-signed. */
  readonly parent?: Pick<CreatedAuthority, 'issuer'>;
}

export interface CreatedAuthority extends Authority {
  /** What `loadAuthority` takes: certificate, private key and anchors as PEM. */
  readonly issuer: IssuerPem;
}

const YEAR_MS = 365 * 86_400_000;
const DEFAULT_SKEW_MS = 10_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** P-256, named `identity.<control plane namespace>.<trust domain>`. Throws ReasonError ISSUER_UNAVAILABLE when the parent cannot sign. */
export async function createAuthority(options: CreateAuthorityOptions): Promise<CreatedAuthority> {
  const { trustDomain, controlPlaneNamespace = 'linkerd', validityMs = YEAR_MS, skewMs = DEFAULT_SKEW_MS, clock = systemClock() } = options;
  const crypto = options.crypto ?? (webcrypto as CryptoProvider);
  const now = clock.wall();
  const parent = options.parent && readIssuer(options.parent.issuer, now);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await certify({
    name: `identity.${controlPlaneNamespace}.${trustDomain}`,
    notBefore: new Date(now - skewMs),
    notAfter: new Date(now + validityMs + skewMs),
    keys,
    parent,
    crypto,
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  const issuer: IssuerPem = {
    certificates: certificatesToPem([certificate, ...(parent ? belowAnchors(parent) : [])]),
    key: key.toString(),
    anchors: certificatesToPem(parent?.anchors ?? [certificate]),
  };
  return { ...(await authorityOf(readIssuer(issuer, now), { ...options, clock, crypto })), issuer };
}

interface ToCertify {
  readonly name: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly parent: Issuer | undefined;
  readonly crypto: CryptoProvider;
}

/** DER. */
async function certify({ name, keys, parent, crypto, ...dates }: ToCertify): Promise<Uint8Array> {
  const x509 = await loadX509();
  const subject = [{ CN: [name] }];
  const extensions = [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
  ];
  if (parent) {
    const signer = await issuerSigner(parent, crypto);
    const publicKey = await x509.PublicKey.create(keys.publicKey, crypto);
    return signer.sign({ serialNumber: randomSerial(crypto), subject, ...dates, publicKey, extensions });
  }
  const fields = { serialNumber: '01', name: subject, ...dates, signingAlgorithm: ALGORITHM, keys, extensions };
  return new Uint8Array((await x509.X509CertificateGenerator.createSelfSigned(fields, crypto)).rawData);
}

/** Issuers of one parent must differ. Positive as DER reads it. */
function randomSerial(crypto: CryptoProvider): string {
  return `01${Buffer.from(crypto.getRandomValues(new Uint8Array(8))).toString('hex')}`;
}

/** Peers have the anchors themselves. */
function belowAnchors({ chain, anchors }: Issuer): readonly Uint8Array[] {
  return chain.filter((der) => !anchors.some((anchor) => Buffer.compare(anchor, der) === 0));
}
