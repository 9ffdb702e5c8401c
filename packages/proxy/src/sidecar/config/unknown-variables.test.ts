import { expect, test } from 'vitest';
import { formatProblem } from './read-variables.ts';
import { unknownVariables } from './unknown-variables.ts';

const said = (...names: string[]): string[] => unknownVariables(Object.fromEntries(names.map((name) => [name, 'x']))).map(formatProblem);

test.each([
  ['LINKERD2_PROXY_INBOUND_CONECT_TIMEOUT', 'LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT'],
  ['LINKERD2_PROXY_INBOUND_IP', 'LINKERD2_PROXY_INBOUND_IPS'],
  ['LINKERD2_PROXY_INBOUND_MAX_IDLE_CONNS_PER_ENDPOINTS', undefined],
  ['WEFT_PROXY_ADRESS_BOOK', 'WEFT_PROXY_ADDRESS_BOOK'],
])('%s is not known, and %s is near', (name, near) => {
  expect(said(name)).toEqual([`${name} is not a known variable${near === undefined ? '' : `; did you mean ${near}?`}`]);
});

test('known, ignored and foreign variables are left alone', () => {
  expect(said('LINKERD2_PROXY_LINKERD2_PROXY_IDENTITY_SPIRE_EXP_BACKOFF_MIN', 'LINKERD2_PROXY_TRACE_PROTOCOL', 'PATH', 'linkerd2_proxy_log')).toEqual([]);
});

test('a name of great length is not compared', () => {
  expect(said(`LINKERD2_PROXY_${'A'.repeat(100_000)}`)).toHaveLength(1);
});
