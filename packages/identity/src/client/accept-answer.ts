// What the identity service answered, as credentials. spec/proxy.md §3.3.
import type { Credentials } from '@weft/core';
import { type CertifyResponse, timestampFromWire } from '@weft/wire';
import { type Expected, unusable, usableCredentials } from './usable-credentials.ts';

/** Throws ReasonError CERTIFICATE_UNUSABLE. `key` is the one that the request was signed with, PKCS#8 DER. */
export function acceptAnswer(answer: CertifyResponse, key: Uint8Array, expected: Expected): Credentials {
  const { leafCertificate: leaf = new Uint8Array(), intermediateCertificates: intermediates = [] } = answer;
  const expiresAt = answer.validUntil ? timestampFromWire(answer.validUntil) : undefined;
  if (expiresAt === undefined) throw unusable('it does not say until when it is valid');
  return usableCredentials({ leaf, intermediates, key, expiresAt }, expected);
}
