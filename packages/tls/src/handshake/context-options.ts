// What both ends of a mesh handshake have in common. spec/proxy.md §3.1.
import { constants, createPrivateKey } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';

const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

/** The RSA schemes are for the signatures inside chains; TLS 1.3 itself never signs with them. */
const SIGNATURES = [
  'ecdsa_secp384r1_sha384',
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp521r1_sha512',
  'ed25519',
  'rsa_pkcs1_sha512',
  'rsa_pkcs1_sha384',
  'rsa_pkcs1_sha256',
].join(':');

const GROUPS = 'X25519:P-256:P-384';
const GROUPS_WITH_HYBRID = `X25519MLKEM768:${GROUPS}`;

export interface ContextMaterial {
  /** DER each; a peer must chain to one of them, self-signed or not. */
  readonly anchors: readonly Uint8Array[];
  /** Absent: this side has no certificate. */
  readonly own?: { readonly key: Uint8Array; readonly chain: readonly Uint8Array[] } | undefined;
}

/** Options for `tls.createSecureContext` and `tls.createServer`. Throws on unreadable key material. */
export function contextOptions(material: ContextMaterial): SecureContextOptions {
  // Without any `ca` Node would trust the public authorities of the web.
  if (material.anchors.length === 0) throw new TypeError('no trust anchors');
  const { own } = material;
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: CIPHERS,
    sigalgs: SIGNATURES,
    ecdhCurve: keyExchangeGroups(),
    honorCipherOrder: true,
    // A ticket would let a client come back without showing its certificate again.
    secureOptions: constants.SSL_OP_NO_TICKET,
    ca: material.anchors.map(pem),
    // An anchor need not be self-signed.
    allowPartialTrustChain: true,
    ...(own === undefined ? {} : { key: keyPem(own.key), cert: own.chain.map(pem).join('') }),
  };
}

/**
 * The post-quantum hybrid came with OpenSSL 3.5. The version is asked, not the library: a failed attempt leaves an error in
 * OpenSSL's queue, where the next unrelated call finds it (seen on Node 20).
 */
export function keyExchangeGroups(openssl: string = process.versions.openssl): string {
  const [major = 0, minor = 0] = openssl.split('.').map(Number);
  return major > 3 || (major === 3 && minor >= 5) ? GROUPS_WITH_HYBRID : GROUPS;
}

function keyPem(pkcs8: Uint8Array): string | Buffer {
  return createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
}

function pem(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
