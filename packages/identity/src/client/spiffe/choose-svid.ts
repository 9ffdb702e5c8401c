// The own identity among those an agent offers, as credentials. spec/proxy.md §3.3, "SPIRE".
import { X509Certificate } from 'node:crypto';
import { type Credentials, ReasonError, reason } from '@weft/core';
import type { X509SVIDResponse } from '@weft/wire';
import { validity } from '../../certificate/verify-chain.ts';
import { type Expected, unusable, usableCredentials } from '../usable-credentials.ts';
import { splitDer } from './der-sequence.ts';

const MOST_CERTIFICATES = 16;
const MOST_SHOWN = 5;

/**
 * The identity with the expected id; the first one, should an agent send several. Its bundle is not looked at: the trust anchors are the
 * configured ones. Throws ReasonError: CERTIFY_FAILED when there is none, CERTIFICATE_UNUSABLE when it cannot be used.
 */
export function chooseSvid({ svids = [] }: X509SVIDResponse, expected: Expected): Credentials {
  const svid = svids.find(({ spiffeId }) => spiffeId === expected.identity);
  if (!svid) throw new ReasonError(reason('CERTIFY_FAILED', `${expected.identity} is not among the identities of this workload (${shown(svids)})`));
  const [leaf, ...intermediates] = splitDer(svid.x509Svid ?? new Uint8Array(), MOST_CERTIFICATES) ?? [];
  if (!leaf) throw unusable('it is not a chain of certificates in DER');
  return usableCredentials({ leaf, intermediates, key: new Uint8Array(svid.x509SvidKey ?? []), expiresAt: expiryOf(leaf) }, expected);
}

function expiryOf(leaf: Uint8Array): number {
  try {
    return validity(new X509Certificate(leaf)).notAfter;
  } catch (error) {
    throw unusable('its certificate cannot be read', error);
  }
}

function shown(svids: NonNullable<X509SVIDResponse['svids']>): string {
  if (svids.length === 0) return 'it has none';
  const ids = svids.slice(0, MOST_SHOWN).map(({ spiffeId = '' }) => spiffeId);
  return svids.length > MOST_SHOWN ? `${ids.join(', ')} and ${svids.length - MOST_SHOWN} more` : ids.join(', ');
}
