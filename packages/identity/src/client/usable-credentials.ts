// Is a certificate that somebody handed out usable as this workload's own? spec/proxy.md §3.3, "validation".
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type Credentials, parseIdentityId, ReasonError, reason } from '@weft/core';
import { chainProblem } from '../certificate/verify-chain.ts';

/** What was handed out. DER all; the key is PKCS#8. */
export interface Offer {
  readonly leaf: Uint8Array;
  readonly intermediates: readonly Uint8Array[];
  readonly key: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

export interface Expected {
  readonly identity: string;
  readonly serverName: string;
  readonly anchors: readonly Uint8Array[];
  /** Wall time, milliseconds since the epoch. */
  readonly now: number;
}

/** Key types that TLS 1.3 signs with here; the mesh offers no RSA-PSS. */
const SIGNING = ['ec', 'ed25519'];

/** Throws ReasonError CERTIFICATE_UNUSABLE: expired, not chaining to the own anchors, of another name or another key. */
export function usableCredentials({ leaf, intermediates, key, expiresAt }: Offer, { identity, serverName, anchors, now }: Expected): Credentials {
  if (Number.isNaN(new Date(expiresAt).getTime())) throw unusable('the date until which it is valid cannot be read');
  if (expiresAt <= now) throw unusable(`it was valid until ${new Date(expiresAt).toISOString()}`);
  const problem = chainProblem({ leaf, intermediates, anchors, at: now });
  if (problem !== undefined) throw unusable(problem);
  const certificate = new X509Certificate(leaf);
  if (!carries(certificate, identity)) throw unusable(`it does not carry the name ${identity}`);
  const parsed = readKey(key);
  if (!SIGNING.includes(parsed.asymmetricKeyType ?? '')) throw unusable(`a key of type ${parsed.asymmetricKeyType} cannot sign handshakes here`);
  if (!certificate.checkPrivateKey(parsed)) throw unusable('it is for another key');
  return { identity, serverName, key, chain: [leaf, ...intermediates].map((der) => new Uint8Array(der)), anchors, expiresAt };
}

export function unusable(detail: string, cause?: unknown): ReasonError {
  return new ReasonError(reason('CERTIFICATE_UNUSABLE', detail), { cause });
}

function carries(certificate: X509Certificate, identity: string): boolean {
  // Asked of OpenSSL, wildcards and common name excluded.
  if (parseIdentityId(identity)?.kind !== 'uri') return certificate.checkHost(identity, { subject: 'never', wildcards: false }) !== undefined;
  // A SPIFFE certificate has one URI. Node puts names that could be taken for others in quotes: such a certificate is refused.
  const names = certificate.subjectAltName ?? '';
  const uris = names.split(', ').filter((name) => name.startsWith('URI:'));
  return !names.includes('"') && uris.length === 1 && uris[0] === `URI:${identity}`;
}

function readKey(pkcs8: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  } catch (error) {
    throw unusable('its key cannot be read', error);
  }
}
