import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalIp, formatIp, isLoopbackIp, parseIp, unmapIp } from './ip.ts';

test.each([
  ['1.2.3.4', '1.2.3.4'],
  ['::', '::'],
  ['2001:DB8::0:1', '2001:db8::1'],
  ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
  ['1:2:3:4:5:6:0:8', '1:2:3:4:5:6:0:8'],
  ['::ffff:1.2.3.4', '::ffff:1.2.3.4'],
  ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
])('prints %s as %s', (input, output) => {
  expect(canonicalIp(input)).toBe(output);
});

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '01.2.3.4',
  '256.0.0.1',
  '1.2.3.4 ',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1.2.3.4::',
  'g::',
  '::12345',
  '1:2:3:4:5:6:7::8:9',
])('refuses %s', (input) => {
  expect(parseIp(input)).toBeUndefined();
});

test('text and value of every address agree', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => {
      expect(parseIp(formatIp({ family: 6, value }))).toEqual({ family: 6, value });
      const v4 = value & 0xffffffffn;
      expect(parseIp(formatIp({ family: 4, value: v4 }))).toEqual({ family: 4, value: v4 });
    }),
  );
});

test('knows loopback and mapped addresses', () => {
  expect([isLoopbackIp('127.8.9.1'), isLoopbackIp('::1'), isLoopbackIp('::ffff:127.0.0.1'), isLoopbackIp('128.0.0.1')]).toEqual([true, true, true, false]);
  expect(unmapIp('::ffff:10.0.0.1')).toBe('10.0.0.1');
});
