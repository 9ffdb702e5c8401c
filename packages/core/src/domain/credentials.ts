// A workload's key, certificate chain and trust anchors: plain DER, so that they cross worker boundaries.

export interface Credentials {
  /** The identity the certificate carries. */
  readonly identity: string;
  /** Name that clients send as SNI to reach this workload. */
  readonly serverName: string;
  /** PKCS#8 DER. */
  readonly key: Uint8Array;
  /** Leaf first, then intermediates toward the root; DER each. */
  readonly chain: readonly Uint8Array[];
  /** Trust anchors, DER each. */
  readonly anchors: readonly Uint8Array[];
  /** Wall time of expiry, milliseconds since the epoch. */
  readonly expiresAt: number;
}
