// Identities in a verified certificate. spec/proxy.md §3.1, §3.2.
import { type IdentityId, parseIdentityId } from '@weft/core';
import { subjectAltNames } from './subject-alt-names.ts';

/** Whose certificate (DER) it is: the first name that is a DNS or URI identity. The certificate must have been verified before. */
export function peerIdentity(certificate: Uint8Array): IdentityId | undefined {
  return identities(certificate)[0];
}

/** Whether the certificate (DER) carries this identity among its names of the same kind. */
export function carriesIdentity(certificate: Uint8Array, expected: IdentityId): boolean {
  return identities(certificate).some((id) =>
    id.kind === 'dns' ? expected.kind === 'dns' && id.name === expected.name.toLowerCase() : expected.kind === 'uri' && id.uri === expected.uri,
  );
}

function identities(certificate: Uint8Array): readonly IdentityId[] {
  return subjectAltNames(certificate).flatMap((name) => {
    const id = parseIdentityId(name.value);
    return id?.kind === name.kind ? [id] : [];
  });
}
