import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { issuerFiles, keyPem } from '../../test/requests.ts';
import { loadAuthority } from '../authority/authority.ts';
import { readCertificateRequest } from '../authority/certificate-request.ts';
import { createAuthority } from '../authority/create-authority.ts';
import { issuerSigner } from '../authority/issuer-signer.ts';
import { createKeyAndRequest } from '../authority/key-and-request.ts';
import type { CryptoProvider } from '../authority/x509.ts';
import { certificatesFromPem, certificatesToPem } from './pem.ts';
import { chainProblem } from './verify-chain.ts';

const DAY_MS = 86_400_000;
const crypto = webcrypto as CryptoProvider;

async function threeLevels(): Promise<{ leaf: Uint8Array; issuer: Uint8Array; anchor: Uint8Array }> {
  const files = await issuerFiles();
  const authority = await loadAuthority({ issuer: { ...files, key: await keyPem(files.key) } });
  const { leaf, intermediates } = await authority.issue((await createKeyAndRequest('web.ns')).request, 'web.ns');
  const [issuer] = intermediates;
  const [anchor] = authority.anchors;
  if (!issuer || !anchor) throw new Error('incomplete chain');
  return { leaf, issuer, anchor };
}

test('a chain ends at any anchor, self-signed or not', async () => {
  const { leaf, issuer, anchor } = await threeLevels();
  const at = Date.now();
  expect(chainProblem({ leaf, intermediates: [issuer], anchors: [anchor], at })).toBeUndefined();
  expect(chainProblem({ leaf, intermediates: [], anchors: [issuer], at })).toBeUndefined();
  expect(chainProblem({ leaf, intermediates: [], anchors: [leaf], at })).toBeUndefined();
  expect(chainProblem({ leaf: anchor, intermediates: [], anchors: [anchor], at })).toBeUndefined();
});

test('order and strangers among the intermediates do not matter', async () => {
  const [{ leaf, issuer, anchor }, other] = await Promise.all([threeLevels(), threeLevels()]);
  expect(chainProblem({ leaf, intermediates: [other.issuer, other.anchor, anchor, issuer], anchors: [other.anchor, anchor], at: Date.now() })).toBeUndefined();
  expect(chainProblem({ leaf, intermediates: [other.issuer], anchors: [anchor], at: Date.now() })).toContain('no issuer');
  expect(chainProblem({ leaf, intermediates: [issuer], anchors: [other.anchor], at: Date.now() })).toContain('no issuer');
  expect(chainProblem({ leaf, intermediates: [issuer], anchors: [], at: Date.now() })).toContain('no issuer');
});

test('every certificate on the way must be valid at that time', async () => {
  const { leaf, issuer, anchor } = await threeLevels();
  const chain = { leaf, intermediates: [issuer], anchors: [anchor] };
  expect(chainProblem({ ...chain, at: Date.now() - DAY_MS })).toContain('is not valid before');
  expect(chainProblem({ ...chain, at: Date.now() + 2 * DAY_MS })).toContain('"CN=web.ns" has expired');
  expect(chainProblem({ ...chain, leaf: issuer, at: Date.now() + 40 * DAY_MS })).toContain('"CN=identity.linkerd.cluster.local" has expired');
  expect(chainProblem({ leaf: issuer, intermediates: [], anchors: [anchor], at: Date.now() + 40 * DAY_MS })).toContain('has expired');
});

test('a certificate whose dates cannot be read is not valid at any time', async () => {
  const { leaf, issuer, anchor } = await threeLevels();
  // UTCTime: tag 0x17, 13 bytes.
  const garbled = Buffer.from(leaf);
  garbled.write('xx', garbled.indexOf(Buffer.of(0x17, 13)) + 2);
  const bad = new Uint8Array(garbled);
  expect(chainProblem({ leaf: bad, intermediates: [issuer], anchors: [anchor], at: Date.now() })).toMatch(/dates of "CN=web\.ns" cannot be read/);
  expect(chainProblem({ leaf: bad, intermediates: [], anchors: [bad], at: Date.now() })).toMatch(/cannot be read/);
});

test('a workload cannot issue', async () => {
  const authority = await createAuthority({ trustDomain: 'td' });
  const [workload, victim] = await Promise.all([createKeyAndRequest('web.ns'), createKeyAndRequest('vote.ns')]);
  const web = await authority.issue(workload.request, 'web.ns');
  const key = createPrivateKey({ key: Buffer.from(workload.key), format: 'der', type: 'pkcs8' });
  const certificate = new X509Certificate(web.leaf);
  const signer = await issuerSigner({ chain: [web.leaf], anchors: authority.anchors, key, certificate, notAfter: web.expiresAt }, crypto);
  const { publicKey } = await readCertificateRequest(victim.request, crypto);
  const dates = { notBefore: new Date(web.notBefore), notAfter: new Date(web.expiresAt) };
  const forged = await signer.sign({ serialNumber: '05', subject: [{ CN: ['vote.ns'] }], ...dates, publicKey, extensions: [] });
  expect(new X509Certificate(forged).verify(certificate.publicKey)).toBe(true);
  expect(chainProblem({ leaf: forged, intermediates: [web.leaf], anchors: authority.anchors, at: Date.now() })).toContain('no issuer');
});

test('bundles are read and written', async () => {
  const { leaf, anchor } = await threeLevels();
  const text = certificatesToPem([leaf, anchor]);
  expect(certificatesFromPem(`# comment\r\n${text.replaceAll('\n', '\r\n')}trailing`)).toEqual([leaf, anchor]);
  expect(certificatesFromPem('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n')).toEqual([]);
});

test('what is no certificate is a problem, not an exception', () => {
  for (const leaf of [new Uint8Array(), new Uint8Array([0x30, 0x03, 1, 2, 3])]) {
    expect(chainProblem({ leaf, intermediates: [], anchors: [], at: 0 })).toContain('a certificate cannot be read');
  }
});
