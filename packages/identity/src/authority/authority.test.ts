import 'reflect-metadata';
import { createHash, X509Certificate } from 'node:crypto';
import { Crypto as PeculiarCrypto } from '@peculiar/webcrypto';
import * as x509 from '@peculiar/x509';
import { manualClock, ReasonError } from '@weft/core';
import { describe, expect, test } from 'vitest';
import { issuerFiles, keyPem, RSA, signingRequest } from '../../test/requests.ts';
import { chainProblem } from '../certificate/verify-chain.ts';
import { type Authority, loadAuthority } from './authority.ts';
import { createAuthority } from './create-authority.ts';
import { createKeyAndRequest } from './key-and-request.ts';
import type { CryptoProvider } from './x509.ts';

const WEB = 'web.emojivoto.serviceaccount.identity.linkerd.cluster.local';
const DAY_MS = 86_400_000;

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  return error instanceof ReasonError ? `${error.reason.code}: ${error.reason.detail}` : `not refused with a reason: ${String(error)}`;
}

const providers: readonly (readonly [string, CryptoProvider | undefined])[] = [
  ['the WebCrypto of Node', undefined],
  ['@peculiar/webcrypto', new PeculiarCrypto() as unknown as CryptoProvider],
];

describe.each(providers)('an authority on %s', (_, crypto) => {
  const now = Date.UTC(2026, 5, 1, 12, 0, 0, 789);
  const options = { trustDomain: 'cluster.local', clock: manualClock({ wall: now }), ...(crypto && { crypto }) };

  test('issues a certificate of exactly the agreed shape', async () => {
    const authority = await createAuthority(options);
    const { key, request } = await createKeyAndRequest(WEB, crypto);
    const issued = await authority.issue(request, WEB);
    const leaf = new x509.X509Certificate(new Uint8Array(issued.leaf));
    expect(leaf.subject).toBe(`CN=${WEB}`);
    expect(leaf.issuer).toBe('CN=identity.linkerd.cluster.local');
    expect(leaf.serialNumber).toBe('01');
    expect([leaf.notBefore.toISOString(), leaf.notAfter.toISOString()]).toEqual(['2026-06-01T11:59:50.000Z', '2026-06-02T12:00:10.000Z']);
    expect([issued.notBefore, issued.expiresAt]).toEqual([leaf.notBefore.getTime(), leaf.notAfter.getTime()]);
    expect(leaf.getExtension(x509.KeyUsagesExtension)).toMatchObject({
      usages: x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
      critical: true,
    });
    expect(leaf.getExtension(x509.ExtendedKeyUsageExtension)?.usages).toEqual([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]);
    expect(leaf.getExtension(x509.BasicConstraintsExtension)?.ca).toBe(false);
    expect(leaf.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON()).toEqual([{ type: 'dns', value: WEB }]);
    expect(chainProblem({ leaf: issued.leaf, intermediates: [], anchors: authority.anchors, at: now })).toBeUndefined();
    const { createPrivateKey } = await import('node:crypto');
    expect(new X509Certificate(issued.leaf).checkPrivateKey(createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' }))).toBe(true);
  });

  test('numbers certificates from 1', async () => {
    const authority = await createAuthority(options);
    const { request } = await createKeyAndRequest(WEB, crypto);
    const serials = [];
    for (let i = 0; i < 130; i++) serials.push(new X509Certificate((await authority.issue(request, WEB)).leaf).serialNumber);
    expect(serials).toEqual(Array.from({ length: 130 }, (_, i) => (i + 1).toString(16).toUpperCase().padStart(2, '0')));
  });

  test.each([
    ['EC as PKCS#8', { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }, 'pkcs8'],
    ['EC as SEC 1', { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }, 'sec1'],
    ['EC P-384', { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' }, 'sec1'],
    ['EC P-521', { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' }, 'pkcs8'],
    ['RSA as PKCS#1', RSA, 'pkcs1'],
  ] as const)('signs with a stored %s issuer below a root', async (_name, algorithm, type) => {
    const files = await issuerFiles(algorithm);
    const issuer = { certificates: files.certificates, key: await keyPem(files.key, type), anchors: files.anchors };
    const authority = await loadAuthority({ issuer, ...(crypto && { crypto }) });
    const issued = await authority.issue((await createKeyAndRequest(WEB, crypto)).request, WEB);
    expect(issued.intermediates).toHaveLength(1);
    expect(chainProblem({ leaf: issued.leaf, intermediates: issued.intermediates, anchors: authority.anchors, at: Date.now() })).toBeUndefined();
    expect(chainProblem({ leaf: issued.leaf, intermediates: [], anchors: authority.anchors, at: Date.now() })).toContain('no issuer');
  });
});

describe('issuing', () => {
  test('names a SPIFFE id as the one URI, without a subject', async () => {
    const id = 'spiffe://root.linkerd.cluster.local/vm/a';
    const authority = await createAuthority({ trustDomain: 'cluster.local' });
    const { leaf } = await authority.issue((await createKeyAndRequest(id)).request, id);
    const names = new x509.X509Certificate(new Uint8Array(leaf)).getExtension(x509.SubjectAlternativeNameExtension);
    expect([names?.critical, names?.names.toJSON()]).toEqual([true, [{ type: 'url', value: id }]]);
    expect(new X509Certificate(leaf).subject).toBeUndefined();
    expect(chainProblem({ leaf, intermediates: [], anchors: authority.anchors, at: Date.now() })).toBeUndefined();
    expect(await refusal(authority.issue((await createKeyAndRequest(WEB)).request, id))).toMatch(/^CSR_NAME_MISMATCH/);
    expect(await refusal(authority.issue((await createKeyAndRequest(id)).request, WEB))).toMatch(/^CSR_NAME_MISMATCH/);
  });

  test('never outlives the issuer', async () => {
    const clock = manualClock({ wall: Date.UTC(2026, 0, 1) });
    const authority = await createAuthority({ trustDomain: 'td', clock, validityMs: 3_600_000 });
    const issued = await authority.issue((await createKeyAndRequest(WEB)).request, WEB);
    expect(issued.expiresAt).toBe(authority.expiresAt);
    expect(issued.expiresAt).toBe(Date.UTC(2026, 0, 1, 1, 0, 10));
  });

  test('below a parent chains to the anchors of the parent, and not beyond the life of any certificate above', async () => {
    const root = await createAuthority({ trustDomain: 'td' });
    const middle = await createAuthority({ trustDomain: 'td', parent: root, validityMs: 3_600_000 });
    const issuer = await createAuthority({ trustDomain: 'td', parent: middle, validityMs: 10 * DAY_MS });
    const issued = await issuer.issue((await createKeyAndRequest(WEB)).request, WEB);
    expect([issuer.anchors, issued.intermediates.length]).toEqual([root.anchors, 2]);
    expect([issued.expiresAt, issuer.expiresAt]).toEqual([middle.expiresAt, middle.expiresAt]);
    const { leaf, intermediates } = issued;
    expect(chainProblem({ leaf, intermediates, anchors: root.anchors, at: Date.now() })).toBeUndefined();
    expect(chainProblem({ leaf, intermediates: intermediates.slice(0, 1), anchors: root.anchors, at: Date.now() })).toContain('no issuer');
    expect(new X509Certificate(intermediates[0] ?? '').checkIssued(new X509Certificate(intermediates[1] ?? ''))).toBe(true);
  });

  test('stops when the issuer has expired', async () => {
    const clock = manualClock();
    const authority = await createAuthority({ trustDomain: 'td', clock, validityMs: 3_600_000 });
    const { request } = await createKeyAndRequest(WEB);
    clock.advance(3_611_000);
    expect(await refusal(authority.issue(request, WEB))).toMatch(/^ISSUER_UNAVAILABLE: .* has expired at \S+Z \(valid from \S+Z; it is \S+Z\)$/);
  });

  test('dates certificates from the beginning of the issuer where tests ask for it', async () => {
    const clock = manualClock({ wall: Date.now() });
    const authority = await createAuthority({ trustDomain: 'td', clock, backdate: true, lifetimeMs: DAY_MS });
    const { request } = await createKeyAndRequest(WEB);
    clock.advance(30 * DAY_MS);
    const issued = await authority.issue(request, WEB);
    expect(issued.notBefore).toBeLessThan(Date.now());
    expect(issued.expiresAt).toBeGreaterThan(clock.wall() + DAY_MS);
    // What OpenSSL sees today, and what our code sees in virtual time.
    for (const at of [Date.now(), clock.wall()]) expect(chainProblem({ leaf: issued.leaf, intermediates: [], anchors: authority.anchors, at })).toBeUndefined();
  });
});

describe('a signing request is refused', () => {
  const dns = { type: 'dns', value: WEB } as const;
  const issueFor = async (authority: Authority, request: Uint8Array): Promise<string> => refusal(authority.issue(request, WEB));

  test.each<[string, Parameters<typeof signingRequest>[0], string]>([
    ['naming another identity', { commonName: WEB, names: [{ type: 'dns', value: `x${WEB}` }] }, 'CSR_NAME_MISMATCH'],
    ['with another common name', { commonName: 'root', names: [dns] }, 'CSR_NAME_MISMATCH'],
    ['without names', { commonName: WEB }, 'CSR_NAME_MISMATCH'],
    ['with an empty list of names', { commonName: WEB, names: [] }, 'CSR_NAME_MISMATCH'],
    ['with two names', { names: [dns, { type: 'dns', value: 'other' }] }, 'CSR_NAME_MISMATCH'],
    ['with an email name too', { names: [dns, { type: 'email', value: 'a@b' }] }, 'CSR_NAME_MISMATCH'],
    ['with an IP name too', { names: [dns, { type: 'ip', value: '10.0.0.1' }] }, 'CSR_NAME_MISMATCH'],
    ['with a URI name only', { names: [{ type: 'url', value: 'spiffe://td/x' }] }, 'CSR_NAME_MISMATCH'],
    ['with a name in another case', { names: [{ type: 'dns', value: WEB.toUpperCase() }] }, 'CSR_NAME_MISMATCH'],
    ['with an RSA key', { names: [dns], algorithm: RSA }, 'CSR_INVALID: its key is of type RSASSA-PKCS1-v1_5, not ECDSA'],
  ])('%s', async (_, options, expected) => {
    expect(await issueFor(await createAuthority({ trustDomain: 'td' }), await signingRequest(options))).toContain(expected);
  });

  test('that its sender did not sign', async () => {
    const authority = await createAuthority({ trustDomain: 'td' });
    const { request } = await createKeyAndRequest(WEB);
    const other = createHash('sha256').update(request).digest();
    const tampered = Uint8Array.from(request);
    const at = Buffer.from(tampered).indexOf(WEB);
    tampered[at] = (tampered[at] ?? 0) ^ 1;
    expect(createHash('sha256').update(tampered).digest().equals(other)).toBe(false);
    expect(await issueFor(authority, tampered)).toBe('CSR_INVALID: its signature does not verify');
  });

  test('that is not DER, is cut off, or is huge', async () => {
    const authority = await createAuthority({ trustDomain: 'td' });
    const { request } = await createKeyAndRequest(WEB);
    const pem = Buffer.from(`-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(request).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`);
    for (const bytes of [
      new Uint8Array(),
      pem,
      Buffer.from(Buffer.from(request).toString('hex')),
      request.subarray(0, 100),
      new Uint8Array(70_000).fill(0x30),
    ]) {
      expect(await issueFor(authority, bytes)).toMatch(/^CSR_INVALID: /);
    }
  });

  test('that has no attributes at all, and a common name alone is welcome when empty', async () => {
    const authority = await createAuthority({ trustDomain: 'td' });
    expect(await issueFor(authority, await signingRequest({}))).toMatch(/^CSR_NAME_MISMATCH: /);
    const issued = await authority.issue(await signingRequest({ names: [dns] }), WEB);
    expect(new X509Certificate(issued.leaf).subject).toBe(`CN=${WEB}`);
  });
});

describe('an issuer is refused', () => {
  test('when its key is another', async () => {
    const [one, other] = await Promise.all([issuerFiles(), issuerFiles()]);
    expect(await refusal(loadAuthority({ issuer: { ...one, key: await keyPem(other.key) } }))).toBe(
      'ISSUER_UNAVAILABLE: the key does not belong to the certificate',
    );
  });

  test('when it does not chain to the anchors', async () => {
    const [one, other] = await Promise.all([issuerFiles(), issuerFiles()]);
    expect(await refusal(loadAuthority({ issuer: { ...one, key: await keyPem(one.key), anchors: other.anchors } }))).toContain('among the trust anchors');
  });

  test('when it is no authority', async () => {
    const files = await issuerFiles(undefined, { ca: false });
    expect(await refusal(loadAuthority({ issuer: { ...files, key: await keyPem(files.key) } }))).toContain('not one of a certificate authority');
  });

  test('when it has expired', async () => {
    const files = await issuerFiles(undefined, { lifetimeMs: -1_000 });
    expect(await refusal(loadAuthority({ issuer: { ...files, key: await keyPem(files.key) } }))).toContain('has expired at');
  });

  test('when files are empty or of another kind', async () => {
    const files = await issuerFiles();
    const key = await keyPem(files.key);
    expect(await refusal(loadAuthority({ issuer: { ...files, key, certificates: '' } }))).toContain('no certificate in the issuer file');
    expect(await refusal(loadAuthority({ issuer: { ...files, key, anchors: 'x' } }))).toContain('no certificate in the trust anchors');
    expect(await refusal(loadAuthority({ issuer: { ...files, key: 'x' } }))).toContain('cannot be read');
    const { generateKeyPairSync } = await import('node:crypto');
    const ed = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    expect(await refusal(loadAuthority({ issuer: { ...files, key: ed } }))).toContain('a key of type ed25519');
  });
});
