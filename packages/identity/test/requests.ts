// Signing requests for tests, right and wrong.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

export interface RequestOptions {
  readonly commonName?: string;
  readonly names?: readonly { readonly type: 'dns' | 'url' | 'email' | 'ip'; readonly value: string }[];
  readonly algorithm?: { readonly name: string; readonly [key: string]: unknown };
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
export const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };

/** DER. */
export async function signingRequest({ commonName, names, algorithm = P256 }: RequestOptions): Promise<Uint8Array> {
  const keys = (await webcrypto.subtle.generateKey(algorithm as unknown as webcrypto.EcKeyGenParams, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    ...(commonName === undefined ? {} : { name: [{ CN: [commonName] }] }),
    keys,
    signingAlgorithm: algorithm,
    ...(names === undefined ? {} : { extensions: [new x509.SubjectAlternativeNameExtension([...names])] }),
  });
  return new Uint8Array(request.rawData);
}

/** A self-signed authority and one below it, as PEM; the keys in the form that OpenSSL or cert-manager would write. */
export async function issuerFiles(
  algorithm: RequestOptions['algorithm'] = P256,
  options: { readonly ca?: boolean; readonly lifetimeMs?: number } = {},
): Promise<{
  readonly certificates: string;
  readonly key: webcrypto.CryptoKey;
  readonly anchors: string;
}> {
  const newKeys = async (): Promise<webcrypto.CryptoKeyPair> =>
    (await webcrypto.subtle.generateKey(algorithm as unknown as webcrypto.EcKeyGenParams, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const [root, issuer] = await Promise.all([newKeys(), newKeys()]);
  const times = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + (options.lifetimeMs ?? 86_400_000 * 30)) };
  const authority = (ca: boolean): x509.Extension[] => [new x509.BasicConstraintsExtension(ca, undefined, true)];
  const anchor = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=root.linkerd.cluster.local',
    ...times,
    notAfter: new Date(Date.now() + 86_400_000 * 60),
    keys: root,
    signingAlgorithm: algorithm,
    extensions: authority(true),
  });
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '02',
    subject: 'CN=identity.linkerd.cluster.local',
    issuer: anchor.subjectName,
    ...times,
    publicKey: issuer.publicKey,
    signingKey: root.privateKey,
    signingAlgorithm: algorithm,
    extensions: [...authority(options.ca ?? true), await x509.SubjectKeyIdentifierExtension.create(issuer.publicKey)],
  });
  return { certificates: certificate.toString('pem'), key: issuer.privateKey, anchors: anchor.toString('pem') };
}

/** PEM of a private key, in the traditional form of its algorithm or as PKCS#8. */
export async function keyPem(key: webcrypto.CryptoKey, type: 'pkcs8' | 'sec1' | 'pkcs1' = 'pkcs8'): Promise<string> {
  const { createPrivateKey } = await import('node:crypto');
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type } as { format: 'pem'; type: 'pkcs8' })
    .toString();
}
