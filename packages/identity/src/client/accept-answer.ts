// Is what the identity service answered usable as this workload's credentials? spec/proxy.md §3.3, "validation".
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type Credentials, ReasonError, reason } from '@weft/core';
import { type CertifyResponse, timestampFromWire } from '@weft/wire';
import { chainProblem } from '../certificate/verify-chain.ts';

export interface Expected {
  readonly identity: string;
  readonly serverName: string;
  /** PKCS#8 DER. */
  readonly key: Uint8Array;
  readonly anchors: readonly Uint8Array[];
  /** Wall time, milliseconds since the epoch. */
  readonly now: number;
}

/** Throws ReasonError CERTIFICATE_UNUSABLE: expired, not chaining to the own anchors, of another name or another key. */
export function acceptAnswer(answer: CertifyResponse, expected: Expected): Credentials {
  const { identity, serverName, key, anchors, now } = expected;
  const leaf = answer.leafCertificate ?? new Uint8Array();
  const intermediates = answer.intermediateCertificates ?? [];
  const expiresAt = answer.validUntil ? timestampFromWire(answer.validUntil) : undefined;
  if (expiresAt === undefined) throw unusable('it does not say until when it is valid');
  if (expiresAt <= now) throw unusable(`it was valid until ${new Date(expiresAt).toISOString()}`);
  const problem = chainProblem({ leaf, intermediates, anchors, at: now });
  if (problem !== undefined) throw unusable(problem);
  const certificate = new X509Certificate(leaf);
  // Asked of OpenSSL, wildcards and common name excluded.
  if (certificate.checkHost(identity, { subject: 'never', wildcards: false }) === undefined) throw unusable(`it does not carry the name ${identity}`);
  if (!certificate.checkPrivateKey(createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' }))) throw unusable('it is for another key');
  return { identity, serverName, key, chain: [leaf, ...intermediates].map((der) => new Uint8Array(der)), anchors, expiresAt };
}

function unusable(detail: string): ReasonError {
  return new ReasonError(reason('CERTIFICATE_UNUSABLE', detail));
}
