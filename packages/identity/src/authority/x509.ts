// Loads the X.509 library when it is first needed: it takes 150 ms, and it wants reflect-metadata before itself.
import type { webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';

/** Any WebCrypto implementation: Node's own, `@peculiar/webcrypto`, one in front of a hardware module. */
export type CryptoProvider = webcrypto.Crypto;

export async function loadX509(): Promise<typeof X509> {
  await import('reflect-metadata');
  const loaded = await import('@peculiar/x509');
  // A bundler that takes the CommonJS build gives its exports as the default alone.
  return 'Pkcs10CertificateRequestGenerator' in loaded ? loaded : (loaded as { readonly default: typeof X509 }).default;
}
