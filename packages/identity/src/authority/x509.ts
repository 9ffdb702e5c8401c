// Loads the X.509 library when it is first needed: it takes 150 ms, and it wants reflect-metadata before itself.
import type { webcrypto } from 'node:crypto';

export type X509 = typeof import('@peculiar/x509');

/** Any WebCrypto implementation: Node's own, `@peculiar/webcrypto`, one in front of a hardware module. */
export type CryptoProvider = webcrypto.Crypto;

export async function loadX509(): Promise<X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}
