// Certify, step by step: who asks, for which name, with which proof. spec/control-plane.md §3, "Certify, in order".
import { ReasonError, reason, reasonOf, type TokenReviewPort, type TokenReviewResult } from '@weft/core';
import type { CertifyRequest } from '@weft/wire';
import type { Authority, IssuedCertificate } from '../authority/authority.ts';
import { type CertificateRequest, checkRequestedIdentity } from '../authority/certificate-request.ts';
import { CertifyError, type CertifyStep } from './certify-status.ts';
import { type IdentityDomain, identityOf, parseUsername, type TokenOwner } from './token-identity.ts';

export interface CertifierOptions extends IdentityDomain {
  /** The authority of the moment; undefined while there is none. */
  readonly authority: () => Authority | undefined;
  readonly tokenReview: TokenReviewPort;
}

export interface Certified {
  readonly certificate: IssuedCertificate;
  readonly owner: TokenOwner;
}

/** Issues a certificate, or throws CertifyError. Called once per request; `signal` cancels the token review. */
export type Certifier = (request: CertifyRequest, signal?: AbortSignal) => Promise<Certified>;

/** What tokens must be meant for. */
export const TOKEN_AUDIENCE = 'identity.l5d.io';

export function createCertifier(options: CertifierOptions): Certifier {
  return async (request, signal) => {
    const authority = options.authority();
    if (!authority) throw new CertifyError('issuerNotReady', reason('ISSUER_UNAVAILABLE'), { message: 'cert issuer not ready yet' });
    const { identity, token, csr } = await readRequest(request, authority);
    step('issuerInvalid', () => authority.check());
    step('requestMismatch', () => checkRequestedIdentity(csr, identity));
    const owner = ownerOf(await review(options.tokenReview, token, signal));
    const proven = identityOf(owner, options);
    if (proven !== identity) throw new CertifyError('identityMismatch', reason('TOKEN_IDENTITY_MISMATCH', `requested ${identity}, the token is for ${proven}`));
    try {
      return { certificate: await authority.issue(csr, identity), owner };
    } catch (error) {
      throw new CertifyError('signingFailed', reasonOf(error), { cause: error });
    }
  };
}

async function readRequest(request: CertifyRequest, authority: Authority): Promise<{ identity: string; token: string; csr: CertificateRequest }> {
  const { identity = '', token = new Uint8Array(), certificateSigningRequest: der = new Uint8Array() } = request;
  const missing = identity === '' ? 'identity' : token.length === 0 ? 'token' : der.length === 0 ? 'certificate signing request' : undefined;
  if (missing !== undefined) throw new CertifyError('requestInvalid', reason(missing === 'token' ? 'TOKEN_INVALID' : 'CSR_INVALID', `missing ${missing}`));
  try {
    return { identity, token: Buffer.from(token).toString('utf8'), csr: await authority.read(der) };
  } catch (error) {
    throw new CertifyError('requestInvalid', reasonOf(error), { cause: error });
  }
}

/** Runs a check of the authority; its reason becomes that of the step. */
function step(name: CertifyStep, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof ReasonError)) throw error;
    throw new CertifyError(name, error.reason, { cause: error });
  }
}

/**
 * Pods without a projected token carry one for the API server itself. Such a token is refused for its audience, and accepted when
 * reviewed without: Linkerd asks twice, so must a replacement. Any other audience fails both reviews.
 */
async function review(port: TokenReviewPort, token: string, signal: AbortSignal | undefined): Promise<TokenReviewResult> {
  try {
    const first = await port.review(token, [TOKEN_AUDIENCE], signal);
    if (first.kind !== 'error' || !first.message.includes('token audiences')) return first;
    const second = await port.review(token, [], signal);
    // The first answer names the audience that was wanted.
    return second.kind === 'error' ? first : second;
  } catch (error) {
    throw new CertifyError('reviewUnreachable', reason('UNEXPECTED', `the token could not be reviewed: ${messageOf(error)}`), { cause: error });
  }
}

function ownerOf(result: TokenReviewResult): TokenOwner {
  if (result.kind === 'error') throw new CertifyError('reviewRefused', reason('TOKEN_INVALID', result.message));
  if (result.kind === 'unauthenticated') throw new CertifyError('tokenRejected', reason('TOKEN_INVALID', result.message));
  const owner = parseUsername(result.username);
  if (!owner) throw new CertifyError('usernameInvalid', reason('TOKEN_INVALID', `${JSON.stringify(result.username)} is not the name of a service account`));
  return owner;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
