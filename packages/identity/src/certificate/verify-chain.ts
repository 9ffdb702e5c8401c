// Verifies a certificate chain at a given time. RFC 5280 §6, without policies and name constraints: what issues in a mesh has none.
// OpenSSL verifies every handshake again; this is for what is checked before a certificate is put to use, on any clock.
import { X509Certificate } from 'node:crypto';

export interface ChainToVerify {
  /** DER. */
  readonly leaf: Uint8Array;
  /** DER each, in any order. */
  readonly intermediates: readonly Uint8Array[];
  /** DER each, self-signed or not. */
  readonly anchors: readonly Uint8Array[];
  /** Wall time, milliseconds since the epoch. */
  readonly at: number;
}

/** Undefined when the chain is good, else what is wrong with it: one line. */
export function chainProblem(chain: ChainToVerify): string | undefined {
  let leaf: X509Certificate;
  let intermediates: X509Certificate[];
  let anchors: X509Certificate[];
  try {
    leaf = new X509Certificate(chain.leaf);
    intermediates = chain.intermediates.map((der) => new X509Certificate(der));
    anchors = chain.anchors.map((der) => new X509Certificate(der));
  } catch (error) {
    return `a certificate cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
  return walk(leaf, intermediates, anchors, chain.at);
}

function walk(certificate: X509Certificate, intermediates: readonly X509Certificate[], anchors: readonly X509Certificate[], at: number): string | undefined {
  const dated = validityProblem(certificate, at);
  if (dated !== undefined || anchors.some((anchor) => anchor.fingerprint512 === certificate.fingerprint512)) return dated;
  let problem = `no issuer of "${oneLine(certificate.subject)}" is among the trust anchors`;
  for (const anchor of anchors) {
    if (!issued(certificate, anchor)) continue;
    const expired = validityProblem(anchor, at);
    if (expired === undefined) return undefined;
    problem = expired;
  }
  for (const issuer of intermediates) {
    if (!issued(certificate, issuer)) continue;
    // Each issuer is used once on a path, so that certificates that signed each other cannot lead in circles.
    const above = walk(
      issuer,
      intermediates.filter((other) => other !== issuer),
      anchors,
      at,
    );
    if (above === undefined) return undefined;
    problem = above;
  }
  return problem;
}

function issued(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function validityProblem(certificate: X509Certificate, at: number): string | undefined {
  const { notBefore, notAfter } = validity(certificate);
  if (at >= notBefore && at <= notAfter) return undefined;
  const subject = `"${oneLine(certificate.subject)}"`;
  if (Number.isNaN(notBefore) || Number.isNaN(notAfter)) return `the dates of ${subject} cannot be read`;
  const [now, from, until] = [at, notBefore, notAfter].map((ms) => new Date(ms).toISOString());
  return at < notBefore
    ? `${subject} is not valid before ${from} (until ${until}; it is ${now})`
    : `${subject} has expired at ${until} (valid from ${from}; it is ${now})`;
}

/** In milliseconds since the epoch; NaN where OpenSSL cannot read a date. */
export function validity(certificate: X509Certificate): { readonly notBefore: number; readonly notAfter: number } {
  return { notBefore: Date.parse(certificate.validFrom), notAfter: Date.parse(certificate.validTo) };
}

/** `subject` is undefined for an empty name, whatever its type says. */
function oneLine(subject: string | undefined): string {
  return (subject ?? '').replaceAll('\n', ', ');
}
