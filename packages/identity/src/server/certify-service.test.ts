import { manualClock } from '@weft/core';
import { type CertifyRequest, type CertifyResponse, identityService, RpcCode, RpcError, timestampFromWire } from '@weft/wire';
import { describe, expect, test } from 'vitest';
import { type IdentityServer, identityServer } from '../../test/identity-server.ts';
import { RSA, signingRequest } from '../../test/requests.ts';
import { createAuthority } from '../authority/create-authority.ts';
import { createKeyAndRequest } from '../authority/key-and-request.ts';
import { chainProblem } from '../certificate/verify-chain.ts';

const WEB = 'web.emojivoto.serviceaccount.identity.linkerd.cluster.local';
const TOKEN = Buffer.from('emojivoto/web');
const authority = () => createAuthority({ trustDomain: 'cluster.local' });

async function requestFor(identity: string): Promise<CertifyRequest> {
  return { identity, token: TOKEN, certificateSigningRequest: (await createKeyAndRequest(identity)).request };
}

function certify(server: IdentityServer, request: CertifyRequest): Promise<CertifyResponse> {
  return server.channel().unary(identityService.Certify, request);
}

/** The status of a refusal, after making sure that nothing was signed, counted or announced as issued. */
async function refusal(server: IdentityServer, request: CertifyRequest): Promise<{ code: number; message: string; reason: string | undefined }> {
  const error: unknown = await certify(server, request).then(
    () => new Error('it was not refused'),
    (cause: unknown) => cause,
  );
  if (!(error instanceof RpcError)) throw error;
  expect(server.issued).toEqual([]);
  const text = server.metrics.render();
  expect(text).not.toContain('outcome="issued",reason=""} 1');
  return { code: error.code, message: error.message, reason: /outcome="refused",reason="(\w+)"} 1/.exec(text)?.[1] };
}

describe('Certify', () => {
  test('answers leaf, issuer and expiry to the owner of the token', async () => {
    const own = await authority();
    await using server = await identityServer(own);
    const answer = await certify(server, await requestFor(WEB));
    const leaf = answer.leafCertificate ?? new Uint8Array();
    const intermediates = answer.intermediateCertificates ?? [];
    expect(chainProblem({ leaf, intermediates, anchors: own.anchors, at: Date.now() })).toBeUndefined();
    expect(intermediates.map((der) => Buffer.from(der).toString('hex'))).toEqual(own.anchors.map((der) => Buffer.from(der).toString('hex')));
    expect(timestampFromWire(answer.validUntil)).toBe(server.issued[0]?.certificate.expiresAt);
    expect(server.reviews).toEqual([['identity.l5d.io']]);
    expect(server.metrics.render()).toContain('weft_identity_certify_total{outcome="issued",reason=""} 1');
    expect(server.log.records.map((record) => record.message)).toEqual(['issued a certificate']);
  });

  test('is unavailable while there is no issuer', async () => {
    await using server = await identityServer(undefined);
    expect(await refusal(server, await requestFor(WEB))).toEqual({
      code: RpcCode.UNAVAILABLE,
      message: 'cert issuer not ready yet',
      reason: 'ISSUER_UNAVAILABLE',
    });
  });

  test.each<[keyof CertifyRequest, string]>([
    ['identity', 'missing identity'],
    ['token', 'missing token'],
    ['certificateSigningRequest', 'missing certificate signing request'],
  ])('demands the field %s', async (field, message) => {
    await using server = await identityServer(await authority());
    const refused = await refusal(server, { ...(await requestFor(WEB)), [field]: undefined });
    expect(refused.code).toBe(RpcCode.INVALID_ARGUMENT);
    expect(refused.message).toContain(message);
  });

  test('refuses a request that is not DER or not signed by its sender', async () => {
    await using server = await identityServer(await authority());
    const request = await requestFor(WEB);
    for (const bytes of [Buffer.from('-----BEGIN'), request.certificateSigningRequest?.subarray(0, 200) ?? new Uint8Array()]) {
      expect(await refusal(server, { ...request, certificateSigningRequest: bytes })).toMatchObject({ code: RpcCode.INVALID_ARGUMENT });
    }
    expect(server.reviews).toEqual([]);
  });

  test('refuses when the issuer has expired, and says so', async () => {
    const clock = manualClock();
    await using server = await identityServer(await createAuthority({ trustDomain: 'cluster.local', clock, validityMs: 1_000 }));
    clock.advance(60_000);
    expect(await refusal(server, await requestFor(WEB))).toMatchObject({ code: RpcCode.UNKNOWN, reason: 'ISSUER_UNAVAILABLE' });
    expect(server.issuerTroubles).toHaveLength(1);
  });

  test('refuses a request for one name with a CSR for another', async () => {
    await using server = await identityServer(await authority());
    const other = await requestFor(`x${WEB}`);
    expect(await refusal(server, { ...other, identity: WEB })).toMatchObject({ code: RpcCode.FAILED_PRECONDITION, reason: 'CSR_NAME_MISMATCH' });
    expect(server.reviews).toEqual([]);
  });

  test('refuses the token of another workload', async () => {
    await using server = await identityServer(await authority());
    const refused = await refusal(server, { ...(await requestFor(WEB)), token: Buffer.from('emojivoto/vote') });
    expect(refused).toMatchObject({ code: RpcCode.FAILED_PRECONDITION, reason: 'TOKEN_IDENTITY_MISMATCH' });
    expect(refused.message).toContain('the token is for vote.emojivoto.');
  });

  test('refuses an identity of another trust domain', async () => {
    await using server = await identityServer(await authority());
    const foreign = WEB.replace('cluster.local', 'other.local');
    expect(await refusal(server, await requestFor(foreign))).toMatchObject({ code: RpcCode.FAILED_PRECONDITION, reason: 'TOKEN_IDENTITY_MISMATCH' });
  });

  test('refuses a token that the reviewer does not accept', async () => {
    await using server = await identityServer(await authority());
    for (const message of ['the token has expired', 'the token is not meant for identity.l5d.io']) {
      server.review = () => ({ kind: 'unauthenticated', message });
      const refused = await refusal(server, await requestFor(WEB));
      expect(refused.code).toBe(RpcCode.FAILED_PRECONDITION);
      expect(refused.message).toContain(message);
    }
  });

  test.each([
    'kubernetes-admin',
    'system:node:n1',
    'system:serviceaccount:a:b:c',
    'system:serviceaccount::web',
    'other:serviceaccount:ns:web',
    'system:serviceaccount:ns:we_b',
  ])('refuses the user %s', async (username) => {
    await using server = await identityServer(await authority());
    server.review = () => ({ kind: 'authenticated', username });
    expect(await refusal(server, await requestFor(WEB))).toMatchObject({ code: RpcCode.INVALID_ARGUMENT, reason: 'TOKEN_INVALID' });
  });

  test('asks again without audiences when the reviewer knows none', async () => {
    await using server = await identityServer(await authority());
    server.review = (_, audiences) =>
      audiences.length > 0
        ? { kind: 'error', message: 'token audiences ["x"] is invalid' }
        : { kind: 'authenticated', username: 'system:serviceaccount:emojivoto:web' };
    await certify(server, await requestFor(WEB));
    expect(server.reviews).toEqual([['identity.l5d.io'], []]);
  });

  test('does not ask again for another error', async () => {
    await using server = await identityServer(await authority());
    server.review = () => ({ kind: 'error', message: 'webhook failed' });
    expect(await refusal(server, await requestFor(WEB))).toMatchObject({ code: RpcCode.INVALID_ARGUMENT });
    expect(server.reviews).toHaveLength(1);
  });

  test('is an internal error when the reviewer cannot be reached', async () => {
    await using server = await identityServer(await authority());
    server.review = () => {
      throw new Error('connection refused');
    };
    expect(await refusal(server, await requestFor(WEB))).toMatchObject({ code: RpcCode.INTERNAL });
  });

  test('is an internal error for a key that is not ECDSA', async () => {
    await using server = await identityServer(await authority());
    const certificateSigningRequest = await signingRequest({ names: [{ type: 'dns', value: WEB }], algorithm: RSA });
    expect(await refusal(server, { identity: WEB, token: TOKEN, certificateSigningRequest })).toMatchObject({ code: RpcCode.INTERNAL, reason: 'CSR_INVALID' });
  });
});
