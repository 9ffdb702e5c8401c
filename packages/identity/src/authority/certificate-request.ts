// Reading and checking a certificate signing request. RFC 2986; spec/control-plane.md §3.
import type { Pkcs10CertificateRequest, PublicKey } from '@peculiar/x509';
import { parseIdentityId, ReasonError, reason } from '@weft/core';
import { type CryptoProvider, loadX509 } from './x509.ts';

export interface CertificateRequest {
  readonly publicKey: PublicKey;
  readonly commonNames: readonly string[];
  /** Every subject alternative name: `dns:…`, `email:…`, `ip:…`, `url:…` and others, in order. */
  readonly names: readonly { readonly type: string; readonly value: string }[];
}

export const MAX_REQUEST_BYTES = 65_536;
const SEQUENCE = 0x30;
const SUBJECT_ALT_NAME = '2.5.29.17';

/** Parses DER and verifies that the sender holds the key. Throws ReasonError CSR_INVALID. */
export async function readCertificateRequest(der: Uint8Array, crypto: CryptoProvider): Promise<CertificateRequest> {
  if (der.length > MAX_REQUEST_BYTES) throw invalid(`it has more than ${MAX_REQUEST_BYTES} bytes`);
  // The library also takes PEM and hexadecimal text; nobody may depend on that here.
  if (der[0] !== SEQUENCE) throw invalid('it is not DER');
  const { Pkcs10CertificateRequest: Request } = await loadX509();
  let signed: boolean;
  let parsed: CertificateRequest;
  try {
    const request = new Request(new Uint8Array(der));
    parsed = { publicKey: request.publicKey, commonNames: request.subjectName.getField('CN'), names: await alternativeNames(request) };
    signed = await request.verify(crypto);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error), error);
  }
  if (!signed) throw invalid('its signature does not verify');
  return parsed;
}

/** How a certificate carries an identity: `spiffe://…` as a URI, all others as a DNS name. */
export function alternativeNameOf(identity: string): { readonly type: 'dns' | 'url'; readonly value: string } {
  return { type: parseIdentityId(identity)?.kind === 'uri' ? 'url' : 'dns', value: identity };
}

/** A common name is a DNS name; an identity that is none has an empty subject. */
export function subjectOf(identity: string): { CN: string[] }[] {
  return alternativeNameOf(identity).type === 'dns' ? [{ CN: [identity] }] : [];
}

/** Exactly one name, that of `identity`; the common name empty or the same. Throws ReasonError CSR_NAME_MISMATCH. */
export function checkRequestedIdentity(request: CertificateRequest, identity: string): void {
  const wanted = alternativeNameOf(identity);
  const [name, ...others] = request.names;
  const foreign = request.commonNames.find((text) => text !== identity && text !== '');
  if (foreign !== undefined) throw mismatch(`its common name is ${JSON.stringify(foreign)}, not ${identity}`);
  if (!name || others.length > 0) throw mismatch(`it has ${request.names.length} subject alternative names instead of one`);
  if (name.type !== wanted.type) throw mismatch(`its subject alternative name is of type ${name.type}, not ${wanted.type}`);
  if (name.value !== identity) throw mismatch(`its subject alternative name is ${JSON.stringify(name.value)}, not ${identity}`);
}

async function alternativeNames(request: Pkcs10CertificateRequest): Promise<CertificateRequest['names']> {
  const { SubjectAlternativeNameExtension } = await loadX509();
  return request.getExtensions(SUBJECT_ALT_NAME).flatMap((extension) => {
    if (!(extension instanceof SubjectAlternativeNameExtension)) throw new TypeError('its subject alternative names cannot be read');
    return extension.names.items.map(({ type, value }) => ({ type, value }));
  });
}

function invalid(detail: string, cause?: unknown): ReasonError {
  return new ReasonError(reason('CSR_INVALID', detail), { cause });
}

function mismatch(detail: string): ReasonError {
  return new ReasonError(reason('CSR_NAME_MISMATCH', detail));
}
