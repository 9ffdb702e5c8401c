// Signs certificates with an issuer's key through WebCrypto.
import type { Extension, JsonName, PublicKey } from '@peculiar/x509';
import { ReasonError, reason } from '@weft/core';
import type { Issuer } from './issuer.ts';
import { type CryptoProvider, loadX509 } from './x509.ts';

export interface ToBeSigned {
  readonly serialNumber: string;
  readonly subject: JsonName;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: PublicKey;
  readonly extensions: readonly Extension[];
}

export interface IssuerSigner {
  /** The issuer first, then toward the root; DER each. */
  readonly chain: readonly Uint8Array[];
  /** Adds issuer name and authority key identifier; answers DER. */
  sign(certificate: ToBeSigned): Promise<Uint8Array>;
}

/** The hash goes with the size of the key, so that no signature is stronger or weaker than what it hashes. */
const CURVES: Readonly<Record<string, { readonly namedCurve: string; readonly hash: string }>> = {
  prime256v1: { namedCurve: 'P-256', hash: 'SHA-256' },
  secp384r1: { namedCurve: 'P-384', hash: 'SHA-384' },
  secp521r1: { namedCurve: 'P-521', hash: 'SHA-512' },
};

export async function issuerSigner(issuer: Issuer, crypto: CryptoProvider): Promise<IssuerSigner> {
  const x509 = await loadX509();
  const signingAlgorithm = algorithmOf(issuer);
  const pkcs8 = new Uint8Array(issuer.key.export({ format: 'der', type: 'pkcs8' }));
  const signingKey = await crypto.subtle.importKey('pkcs8', pkcs8, signingAlgorithm, false, ['sign']);
  const certificate = new x509.X509Certificate(new Uint8Array(issuer.certificate.raw));
  const keyId = certificate.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  return {
    chain: issuer.chain,
    async sign({ extensions, ...fields }) {
      const signed = await x509.X509CertificateGenerator.create(
        {
          ...fields,
          // The parsed name, not its text: peers compare the bytes.
          issuer: certificate.subjectName,
          signingKey,
          signingAlgorithm,
          extensions: keyId === undefined ? [...extensions] : [...extensions, new x509.AuthorityKeyIdentifierExtension(keyId)],
        },
        crypto,
      );
      return new Uint8Array(signed.rawData);
    },
  };
}

function algorithmOf(issuer: Issuer): { readonly name: string; readonly hash: string; readonly namedCurve?: string } {
  if (issuer.key.asymmetricKeyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const curve = issuer.key.asymmetricKeyDetails?.namedCurve ?? '';
  const known = CURVES[curve];
  if (!known) throw new ReasonError(reason('ISSUER_UNAVAILABLE', `a key on the curve ${curve} cannot sign here`));
  return { name: 'ECDSA', ...known };
}
