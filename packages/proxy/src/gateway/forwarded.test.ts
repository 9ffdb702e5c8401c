import { expect, test } from 'vitest';
import { appendForwarded, elements, passedBy } from './forwarded.ts';

const GATEWAY = 'gateway.ns.serviceaccount.identity.linkerd.cluster.local';

test('adds itself after those that passed the request on before', () => {
  const headers = ['forwarded', 'by=a;for=b'];
  appendForwarded(headers, { by: GATEWAY, for: 'client', host: 'web.ns.svc.cluster.local:80' });
  expect(headers).toEqual(['forwarded', 'by=a;for=b', 'forwarded', `by=${GATEWAY};for=client;host=web.ns.svc.cluster.local:80;proto=https`]);
  expect(passedBy(headers, GATEWAY)).toBe(true);
});

test.each([
  [`by=${GATEWAY}`],
  [`for=a, by=${GATEWAY};proto=https`],
  [`For="[2001:db8::1]";By="${GATEWAY}" , for=b`],
  [`garbage; by=${GATEWAY}`],
  [`by="\\${GATEWAY}"`],
  [`,, ;by = ${GATEWAY}`],
])('recognises itself in %j', (line) => {
  expect(passedBy(['host', 'x', 'forwarded', line], GATEWAY)).toBe(true);
});

test.each([[`for=${GATEWAY}`], [`by=${GATEWAY}.example`], [`by=x${GATEWAY}`], [`host="by=${GATEWAY}"`], [`for="a,by=${GATEWAY}"`], [''], ['by=']])(
  'does not take %j for itself',
  (line) => {
    expect(passedBy(['forwarded', line], GATEWAY)).toBe(false);
  },
);

test('looks at every line, and at that header alone', () => {
  expect(passedBy(['forwarded', 'by=a', 'forwarded', `by=${GATEWAY}`], GATEWAY)).toBe(true);
  expect(passedBy(['x-forwarded', `by=${GATEWAY}`], GATEWAY)).toBe(false);
});

test.each([
  'by="\\'.repeat(20_000),
  `${'a='.repeat(30_000)}"`,
  `a="${';'.repeat(60_000)}`,
  `a="${'\\";b='.repeat(10_000)}`,
  'a="b"c;'.repeat(10_000),
  `${'a '.repeat(30_000)}=`,
  `by${' '.repeat(60_000)}`,
])('looks at an octet of a long line sixteen times at most (case %#)', (line) => {
  let looks = 0;
  const watched = {
    length: line.length,
    charCodeAt: (at: number) => (looks++, line.charCodeAt(at)),
    slice: (from: number, to: number) => line.slice(from, to),
  };
  expect(elements(watched)).toEqual([]);
  expect(looks).toBeLessThan(16 * line.length);
});
