import { parseNetwork, type TapMatch, type TapSides } from '@weft/core';
import { expect, test } from 'vitest';
import { compileTapMatch, type TapSubject } from './compile-match.ts';

const SIDES: TapSides = {
  direction: 'inbound',
  source: { ip: '10.1.2.3', port: 5000 },
  sourceLabels: {},
  destination: { ip: 'fd00::5', port: 8080 },
  destinationLabels: { srv_name: 'web' },
  routeLabels: { route: 'GET /a' },
};
const SUBJECT: TapSubject = { sides: SIDES, method: 'GET', scheme: undefined, authority: 'web:80', path: '/a/b' };

function holds(match: TapMatch, subject: Partial<TapSubject> = {}): boolean {
  return compileTapMatch(match)({ ...SUBJECT, ...subject });
}

function network(text: string): { readonly kind: 'network'; readonly network: { readonly ip: string; readonly prefix: number } } {
  const parsed = parseNetwork(text);
  if (!parsed) throw new TypeError(text);
  return { kind: 'network', network: parsed };
}

const GET: TapMatch = { kind: 'method', value: 'GET' };
const POST: TapMatch = { kind: 'method', value: 'POST' };

test('all and any are as in logic, also where they are empty', () => {
  expect(holds({ kind: 'all', matches: [GET, GET] })).toBe(true);
  expect(holds({ kind: 'all', matches: [GET, POST] })).toBe(false);
  expect(holds({ kind: 'any', matches: [POST, GET] })).toBe(true);
  expect(holds({ kind: 'any', matches: [POST] })).toBe(false);
  expect([holds({ kind: 'all', matches: [] }), holds({ kind: 'any', matches: [] })]).toEqual([true, false]);
  expect(holds({ kind: 'not', match: POST })).toBe(true);
});

test('a network holds the addresses of its family, a range its ports, both ends included', () => {
  expect(holds({ kind: 'source', address: network('10.1.0.0/16') })).toBe(true);
  expect(holds({ kind: 'source', address: network('10.2.0.0/16') })).toBe(false);
  expect(holds({ kind: 'destination', address: network('10.1.0.0/16') })).toBe(false);
  expect(holds({ kind: 'destination', address: network('fd00::/8') })).toBe(true);
  const ports = (first: number, last: number) => holds({ kind: 'destination', address: { kind: 'ports', first, last } });
  expect([ports(8080, 8080), ports(8079, 8081), ports(8081, 9000), ports(1, 8079)]).toEqual([true, true, false, false]);
});

test('a client in this process has no address that a condition could hold for', () => {
  expect(holds({ kind: 'source', address: { kind: 'ports', first: 1, last: 65_535 } }, { sides: { ...SIDES, source: undefined } })).toBe(false);
});

test('labels are compared by key and value, those of no route hold for nothing', () => {
  expect(holds({ kind: 'destination-label', key: 'srv_name', value: 'web' })).toBe(true);
  expect(holds({ kind: 'destination-label', key: 'srv_name', value: 'other' })).toBe(false);
  expect(holds({ kind: 'destination-label', key: 'constructor', value: String(Object) })).toBe(false);
  expect(holds({ kind: 'route-label', key: 'route', value: 'GET /a' })).toBe(true);
  expect(holds({ kind: 'route-label', key: 'route', value: 'GET /a' }, { sides: { ...SIDES, routeLabels: undefined } })).toBe(false);
});

test('a request without a scheme is http', () => {
  expect(holds({ kind: 'scheme', value: 'http' })).toBe(true);
  expect(holds({ kind: 'scheme', value: 'https' }, { scheme: 'https' })).toBe(true);
});

test('texts are whole, or begin so', () => {
  expect(holds({ kind: 'path', text: { kind: 'exact', value: '/a' } })).toBe(false);
  expect(holds({ kind: 'path', text: { kind: 'prefix', value: '/a' } })).toBe(true);
  expect(holds({ kind: 'authority', text: { kind: 'exact', value: 'web:80' } })).toBe(true);
  expect(holds({ kind: 'authority', text: { kind: 'prefix', value: 'b' } })).toBe(false);
});
