// Certificates for tests, good and bad, made on the spot.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import type { Credentials } from '@weft/core';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR_MS = 3_600_000;

export interface LeafOptions {
  /** Subject alternative names in order. */
  readonly names: readonly { readonly type: 'dns' | 'url' | 'email'; readonly value: string }[];
  /** Relative to now, in milliseconds. Default: an hour ago. */
  readonly notBefore?: number;
  /** Relative to now, in milliseconds. Default: in an hour. */
  readonly notAfter?: number;
}

export interface TestAuthority {
  /** DER. */
  readonly anchor: Uint8Array;
  /** What a workload holds; `anchors` may name others than the issuer. */
  issue(options: LeafOptions, anchors?: readonly Uint8Array[]): Promise<Credentials>;
  /** An authority below this one. Its `anchor` is its own certificate, which is not self-signed. */
  intermediate(): Promise<TestAuthority>;
  /** A workload that signs certificates although it may not. Its `anchor` is its own certificate. */
  rogue(options: LeafOptions): Promise<TestAuthority>;
}

interface Signer {
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
  /** From this one toward the root, root excluded. */
  readonly path: readonly Uint8Array[];
}

export async function testAuthority(): Promise<TestAuthority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=identity.linkerd.cluster.local',
    ...validity({}),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: authorityExtensions(),
  });
  return authority({ certificate, keys, path: [] });
}

/** A certificate that signed itself and carries any names. */
export async function selfSigned(options: LeafOptions, anchors: readonly Uint8Array[]): Promise<Credentials> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=impostor',
    ...validity(options),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: leafExtensions(options),
  });
  return credentials(certificate, keys, [], anchors, options);
}

function authority(signer: Signer): TestAuthority {
  let serial = 1;
  const sign = async (
    subject: string,
    keys: webcrypto.CryptoKeyPair,
    options: Partial<LeafOptions>,
    extensions: x509.Extension[],
  ): Promise<x509.X509Certificate> =>
    x509.X509CertificateGenerator.create({
      serialNumber: (++serial).toString(16).padStart(2, '0'),
      subject,
      issuer: signer.certificate.subjectName,
      ...validity(options),
      publicKey: keys.publicKey,
      signingKey: signer.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions,
    });
  const anchor = new Uint8Array(signer.certificate.rawData);
  return {
    anchor,
    async issue(options, anchors = [anchor]) {
      const keys = await newKeys();
      return credentials(await sign('CN=workload', keys, options, leafExtensions(options)), keys, signer.path, anchors, options);
    },
    async intermediate() {
      const keys = await newKeys();
      const certificate = await sign(`CN=intermediate ${serial}`, keys, {}, authorityExtensions());
      return authority({ certificate, keys, path: [new Uint8Array(certificate.rawData), ...signer.path] });
    },
    async rogue(options) {
      const keys = await newKeys();
      const certificate = await sign('CN=rogue', keys, options, leafExtensions(options));
      return authority({ certificate, keys, path: [new Uint8Array(certificate.rawData), ...signer.path] });
    },
  };
}

async function credentials(
  certificate: x509.X509Certificate,
  keys: webcrypto.CryptoKeyPair,
  path: readonly Uint8Array[],
  anchors: readonly Uint8Array[],
  options: LeafOptions,
): Promise<Credentials> {
  const identity = options.names[0]?.value ?? 'nobody';
  return {
    identity,
    serverName: identity,
    key: new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
    chain: [new Uint8Array(certificate.rawData), ...path],
    anchors,
    expiresAt: certificate.notAfter.getTime(),
  };
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function validity(options: Partial<LeafOptions>): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now + (options.notBefore ?? -HOUR_MS)), notAfter: new Date(now + (options.notAfter ?? HOUR_MS)) };
}

function authorityExtensions(): x509.Extension[] {
  return [new x509.BasicConstraintsExtension(true, undefined, true), new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true)];
}

function leafExtensions(options: LeafOptions): x509.Extension[] {
  const usages = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];
  const names = options.names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...options.names])];
  return [new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true), new x509.ExtendedKeyUsageExtension(usages), ...names];
}
