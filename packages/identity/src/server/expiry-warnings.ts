// Says in the log that a certificate of the authority is about to expire, in time and not too often.
import type { X509Certificate } from 'node:crypto';
import type { Clock, Logger } from '@weft/core';
import { validity } from '../certificate/verify-chain.ts';

const DAY_MS = 86_400_000;
/** What `check` warns about too. */
const SOON_MS = 60 * DAY_MS;
/** Issuers that live for days are renewed every few days: for them it is late when four fifths of their life are over. */
const LAST_SHARE = 0.2;

export interface Dated {
  /** `issuer`, `trust anchor`. */
  readonly role: string;
  readonly certificate: X509Certificate;
}

/** Call it with everything in use, as often as you like: each certificate is reported once a day. */
export function expiryWarnings(logger: Logger, clock: Clock): (inUse: readonly Dated[]) => void {
  let reported = new Map<string, number>();
  return (inUse) => {
    const now = clock.wall();
    const still = new Map<string, number>();
    for (const { role, certificate } of inUse) {
      const { notBefore, notAfter } = validity(certificate);
      if (notAfter - now > Math.min(SOON_MS, LAST_SHARE * (notAfter - notBefore))) continue;
      const key = `${role} ${certificate.fingerprint256}`;
      const last = reported.get(key);
      const due = last === undefined || now - last >= DAY_MS;
      still.set(key, due ? now : last);
      if (!due) continue;
      const fields = { role, subject: certificate.subject, expires: new Date(notAfter).toISOString(), days: Math.floor((notAfter - now) / DAY_MS) };
      if (notAfter < now) logger.log('error', 'a certificate has expired', fields);
      else logger.log('warn', 'a certificate expires soon', fields);
    }
    reported = still;
  };
}
