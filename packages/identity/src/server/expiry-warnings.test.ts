import { X509Certificate } from 'node:crypto';
import { manualClock, memoryLogger } from '@weft/core';
import { expect, test } from 'vitest';
import { createAuthority } from '../authority/create-authority.ts';
import { expiryWarnings } from './expiry-warnings.ts';

const DAY_MS = 86_400_000;

/** What is said while the days go by, four looks a day. */
async function said(validityDays: number, days: number): Promise<readonly string[]> {
  // Certificates count whole seconds.
  const clock = manualClock({ wall: Math.floor(Date.now() / 1000) * 1000 });
  const { issuer } = await createAuthority({ trustDomain: 'td', validityMs: validityDays * DAY_MS, clock, skewMs: 0 });
  const log = memoryLogger();
  const look = expiryWarnings(log, clock);
  const certificate = new X509Certificate(issuer.certificates);
  for (let i = 0; i < days * 4; i++) {
    look([{ role: 'issuer', certificate }]);
    clock.advance(DAY_MS / 4);
  }
  return log.records.map(({ level, message, fields }) => `${level} ${message}: ${String(fields['days'])}`);
}

test('a long life is warned about two months before its end, once a day', async () => {
  expect(await said(365, 305)).toEqual([]);
  const lines = await said(365, 366);
  expect(lines).toHaveLength(61);
  expect([lines[0], lines[59], lines[60]]).toEqual([
    'warn a certificate expires soon: 60',
    'warn a certificate expires soon: 1',
    'warn a certificate expires soon: 0',
  ]);
});

test('a short life is warned about in its last fifth, and is an error afterwards', async () => {
  expect(await said(5, 4)).toEqual([]);
  expect(await said(5, 7)).toEqual(['warn a certificate expires soon: 1', 'warn a certificate expires soon: 0', 'error a certificate has expired: -1']);
});

test('what is no longer in use is forgotten', async () => {
  const clock = manualClock({ wall: Date.now() });
  const { issuer } = await createAuthority({ trustDomain: 'td', validityMs: DAY_MS, clock });
  const certificate = new X509Certificate(issuer.certificates);
  clock.advance(0.9 * DAY_MS);
  const log = memoryLogger();
  const look = expiryWarnings(log, clock);
  look([{ role: 'issuer', certificate }]);
  look([]);
  look([{ role: 'issuer', certificate }]);
  expect(log.records).toHaveLength(2);
});
