// A workload's key and its certificate signing request. spec/proxy.md §3.3: P-256, and one name.
import { webcrypto } from 'node:crypto';
import { alternativeNameOf, subjectOf } from './certificate-request.ts';
import { type CryptoProvider, loadX509 } from './x509.ts';

export interface KeyAndRequest {
  /** PKCS#8 DER. */
  readonly key: Uint8Array;
  /** PKCS#10 DER. */
  readonly request: Uint8Array;
}

/** `identity` is a DNS name, which becomes the common name too, or `spiffe://…`. */
export async function createKeyAndRequest(identity: string, crypto: CryptoProvider = webcrypto as CryptoProvider): Promise<KeyAndRequest> {
  const x509 = await loadX509();
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: subjectOf(identity),
      keys,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([alternativeNameOf(identity)])],
    },
    crypto,
  );
  return { key: new Uint8Array(await crypto.subtle.exportKey('pkcs8', keys.privateKey)), request: new Uint8Array(request.rawData) };
}
