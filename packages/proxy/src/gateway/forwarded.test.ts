import { expect, test } from 'vitest';
import { appendForwarded, passedBy } from './forwarded.ts';

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

test('reads a long line in linear time', () => {
  const since = performance.now();
  expect(passedBy(['forwarded', 'by="\\'.repeat(20_000)], GATEWAY)).toBe(false);
  expect(passedBy(['forwarded', `${'a='.repeat(30_000)}"`], GATEWAY)).toBe(false);
  expect(performance.now() - since).toBeLessThan(1_000);
});
