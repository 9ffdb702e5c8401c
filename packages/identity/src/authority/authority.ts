// The certificate authority of a mesh: issues one kind of certificate, a workload's. spec/control-plane.md §3.
import { webcrypto } from 'node:crypto';
import { type Clock, ReasonError, reason, systemClock } from '@weft/core';
import { validity } from '../certificate/verify-chain.ts';
import { alternativeNameOf, type CertificateRequest, checkRequestedIdentity, readCertificateRequest, subjectOf } from './certificate-request.ts';
import { checkIssuer, type Issuer, type IssuerPem, readIssuer } from './issuer.ts';
import { type IssuerSigner, issuerSigner } from './issuer-signer.ts';
import { type CryptoProvider, loadX509 } from './x509.ts';

export interface AuthorityOptions {
  /** How long certificates are valid, in milliseconds. Default 24 h. */
  readonly lifetimeMs?: number;
  /** Added at both ends of the lifetime for clocks that differ, in milliseconds. Default 10 s. */
  readonly skewMs?: number;
  readonly clock?: Clock;
  /** Default: Node's own. */
  readonly crypto?: CryptoProvider;
  /**
   * Dates certificates from the issuer's own beginning instead of now. OpenSSL knows real time only: with this, certificates
   * issued at a later virtual time work at once. For tests on a manual clock that starts at the present. Default false.
   */
  readonly backdate?: boolean;
}

export interface IssuedCertificate {
  readonly identity: string;
  /** DER. */
  readonly leaf: Uint8Array;
  /** The issuer first, then toward the root; DER each. */
  readonly intermediates: readonly Uint8Array[];
  /** Counts from 1 for each authority. */
  readonly serial: number;
  /** Milliseconds since the epoch, as is `expiresAt`. */
  readonly notBefore: number;
  readonly expiresAt: number;
}

export interface Authority {
  /** Trust anchors, DER each. */
  readonly anchors: readonly Uint8Array[];
  /** When the first certificate of the issuer's chain expires, milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Throws ReasonError ISSUER_UNAVAILABLE when the issuer does not (or no longer) chain to the anchors. */
  check(): void;
  /** Parses a signing request (DER) and verifies its signature. Throws ReasonError CSR_INVALID. */
  read(request: Uint8Array): Promise<CertificateRequest>;
  /** Throws ReasonError: CSR_NAME_MISMATCH when the request names anything but `identity`, CSR_INVALID when its key is not ECDSA, ISSUER_UNAVAILABLE. */
  issue(request: CertificateRequest | Uint8Array, identity: string): Promise<IssuedCertificate>;
}

const DAY_MS = 86_400_000;
const DEFAULT_SKEW_MS = 10_000;

/** An authority from a stored issuer. Throws ReasonError ISSUER_UNAVAILABLE. */
export async function loadAuthority(options: AuthorityOptions & { readonly issuer: IssuerPem }): Promise<Authority> {
  const { clock = systemClock() } = options;
  return authorityOf(readIssuer(options.issuer, clock.wall()), { ...options, clock });
}

/** An authority from an issuer that has been read. */
export async function authorityOf(issuer: Issuer, options: AuthorityOptions): Promise<Authority> {
  const { clock = systemClock(), crypto = webcrypto as CryptoProvider } = options;
  const signer = await issuerSigner(issuer, crypto);
  let serial = 0;
  const authority: Authority = {
    anchors: issuer.anchors,
    expiresAt: issuer.notAfter,
    check: () => checkIssuer(issuer, clock.wall()),
    read: (request) => readCertificateRequest(request, crypto),
    async issue(source, identity) {
      const request = source instanceof Uint8Array ? await authority.read(source) : source;
      checkRequestedIdentity(request, identity);
      if (request.publicKey.algorithm.name !== 'ECDSA')
        throw new ReasonError(reason('CSR_INVALID', `its key is of type ${request.publicKey.algorithm.name}, not ECDSA`));
      authority.check();
      serial += 1;
      return issue(signer, request, { identity, serial, ...period(issuer, clock.wall(), options) });
    },
  };
  return authority;
}

type Particulars = Pick<IssuedCertificate, 'identity' | 'serial' | 'notBefore' | 'expiresAt'>;

/** Certificates count whole seconds. */
function period(issuer: Issuer, now: number, options: AuthorityOptions): Pick<Particulars, 'notBefore' | 'expiresAt'> {
  const { lifetimeMs = DAY_MS, skewMs = DEFAULT_SKEW_MS, backdate = false } = options;
  const notBefore = backdate ? validity(issuer.certificate).notBefore : now - skewMs;
  return { notBefore: wholeSeconds(notBefore), expiresAt: wholeSeconds(Math.min(now + lifetimeMs + skewMs, issuer.notAfter)) };
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

async function issue(signer: IssuerSigner, request: CertificateRequest, particulars: Particulars): Promise<IssuedCertificate> {
  const { identity, serial, notBefore, expiresAt } = particulars;
  const x509 = await loadX509();
  const subject = subjectOf(identity);
  const serverAndClient = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];
  const leaf = await signer.sign({
    serialNumber: hex(serial),
    subject,
    notBefore: new Date(notBefore),
    notAfter: new Date(expiresAt),
    publicKey: request.publicKey,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension(serverAndClient),
      new x509.BasicConstraintsExtension(false, undefined, true),
      // Critical where there is no subject: RFC 5280 §4.2.1.6.
      new x509.SubjectAlternativeNameExtension([alternativeNameOf(identity)], subject.length === 0),
    ],
  });
  return { ...particulars, leaf, intermediates: signer.chain };
}

/** An even number of digits, and never negative as DER reads it. */
function hex(serial: number): string {
  const digits = serial.toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  return Number.parseInt(even.slice(0, 2), 16) >= 0x80 ? `00${even}` : even;
}
