// An issuer as Linkerd stores it: a PEM chain, leaf first, and its private key. spec/control-plane.md §3, "Issuer load".
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ReasonError, reason } from '@weft/core';
import { certificatesFromPem } from '../certificate/pem.ts';
import { chainProblem, validity } from '../certificate/verify-chain.ts';

export interface Issuer {
  /** The issuing certificate first, then toward the root; DER each. */
  readonly chain: readonly Uint8Array[];
  readonly anchors: readonly Uint8Array[];
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
  /** When the first certificate of the chain expires, milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface IssuerPem {
  /** The issuing certificate, then its intermediates toward the root. */
  readonly certificates: string;
  /** EC (PKCS#8 or SEC 1) or RSA, not encrypted. */
  readonly key: string;
  /** One or more trust anchors. */
  readonly anchors: string;
}

/** Throws ReasonError ISSUER_UNAVAILABLE. `at` is wall time in milliseconds. */
export function readIssuer(pem: IssuerPem, at: number): Issuer {
  const chain = certificatesFromPem(pem.certificates);
  const anchors = certificatesFromPem(pem.anchors);
  const [first] = chain;
  if (!first) throw unusable('there is no certificate in the issuer file');
  if (anchors.length === 0) throw unusable('there is no certificate in the trust anchors');
  let key: KeyObject;
  let parsed: X509Certificate[];
  try {
    key = createPrivateKey(pem.key);
    parsed = chain.map((der) => new X509Certificate(der));
  } catch (error) {
    throw unusable(`key or certificate cannot be read: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (key.asymmetricKeyType !== 'ec' && key.asymmetricKeyType !== 'rsa') throw unusable(`a key of type ${key.asymmetricKeyType} cannot sign here`);
  const [certificate] = parsed;
  if (!certificate?.checkPrivateKey(key)) throw unusable('the key does not belong to the certificate');
  const issuer: Issuer = { chain, anchors, key, certificate, notAfter: Math.min(...parsed.map((one) => validity(one).notAfter)) };
  checkIssuer(issuer, at);
  return issuer;
}

/** Is it (still) a certificate authority that chains to the anchors? Throws ReasonError ISSUER_UNAVAILABLE. */
export function checkIssuer(issuer: Issuer, at: number): void {
  if (!issuer.certificate.ca) throw unusable('the issuer certificate is not one of a certificate authority');
  const [leaf, ...intermediates] = issuer.chain;
  const problem = leaf && chainProblem({ leaf, intermediates, anchors: issuer.anchors, at });
  if (problem !== undefined) throw unusable(problem);
}

function unusable(detail: string, cause?: unknown): ReasonError {
  return new ReasonError(reason('ISSUER_UNAVAILABLE', detail), { cause });
}
