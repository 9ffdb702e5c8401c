import { expect, test } from 'vitest';
import { DEFAULT_PENALTY, penaltyOf } from './penalty.ts';

const NOW = Date.UTC(1994, 10, 6, 8, 49, 30);
const lookup = (fields: Readonly<Record<string, string>>, name: string): string | undefined => fields[name];
const earned = (status: number, fields: Readonly<Record<string, string>> = {}) => penaltyOf(status, fields, lookup, DEFAULT_PENALTY, NOW);
const grpc = (status: string, more: Readonly<Record<string, string>> = {}) =>
  earned(200, { 'content-type': 'application/grpc', 'grpc-status': status, ...more });

test('success and the fault of the caller cost nothing', () => {
  expect([200, 204, 301, 404, 499, 600].map((status) => earned(status))).toEqual(Array(6).fill(undefined));
  expect(['0', '1', '3', '5', '7', '12', 'x'].map((code) => grpc(code))).toEqual(Array(7).fill(undefined));
});

test('failures cost the penalty', () => {
  expect([500, 502, 504, 599].map((status) => earned(status))).toEqual(Array(4).fill(5000));
  expect(['2', '4', '13', '15'].map((code) => grpc(code))).toEqual(Array(4).fill(5000));
});

test.each([
  ['seconds', '20', 20_000],
  ['fewer seconds than the penalty', '1', 5000],
  ['more than is believed', '900', 300_000],
  ['spaces around', ' 20 ', 20_000],
  ['a date', 'Sun, 06 Nov 1994 08:49:50 GMT', 20_000],
  ['a date in the second form', 'Sunday, 06-Nov-94 08:49:50 GMT', 20_000],
  ['a date in the third form', 'Sun Nov  6 08:49:50 1994', 20_000],
  ['a date in the past', 'Sun, 06 Nov 1994 07:00:00 GMT', 5000],
  ['nonsense', 'Soon, perhaps', 5000],
  ['a negative number', '-20', 5000],
])('429 and 503 may say for how long: %s', (_what, value, penalty) => {
  expect([earned(429, { 'retry-after': value }), earned(503, { 'retry-after': value })]).toEqual([penalty, penalty]);
  expect(earned(500, { 'retry-after': value })).toBe(5000);
});

test('so may gRPC, by its own field', () => {
  expect(grpc('14', { 'grpc-retry-pushback-ms': '6000' })).toBe(6000);
  expect(grpc('8', { 'grpc-retry-pushback-ms': '400000' })).toBe(300_000);
  expect(grpc('8', { 'grpc-retry-pushback-ms': '-1' })).toBe(5000);
  expect(grpc('13', { 'grpc-retry-pushback-ms': '6000' })).toBe(5000);
  expect(grpc('14', { 'retry-after': '60' })).toBe(5000);
});

test('a gRPC code counts only with the content type of gRPC and an HTTP 200', () => {
  expect(earned(200, { 'content-type': 'text/plain', 'grpc-status': '14' })).toBeUndefined();
  expect(earned(404, { 'content-type': 'application/grpc', 'grpc-status': '14' })).toBeUndefined();
});
