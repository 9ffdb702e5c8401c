import { expect, test } from 'vitest';
import { virtualAddresses } from './virtual-addresses.ts';

test('a name has one address, of its port, and leads back to the name', () => {
  const names = virtualAddresses(10);
  const web = names.of({ host: 'web', port: 80 });
  expect(web).toEqual({ ip: '240.0.0.1', port: 80 });
  expect(names.of({ host: 'web', port: 80 })).toEqual(web);
  expect(names.of({ host: 'web', port: 81 })).toEqual({ ip: '240.0.0.2', port: 81 });
  expect(names.nameOf(web)).toBe('web:80');
  expect(names.nameOf({ ip: '240.0.0.1', port: 81 })).toBeUndefined();
});

test('the name that was used longest ago makes room, and its address is not given again', () => {
  const names = virtualAddresses(2);
  const [a, b] = [names.of({ host: 'a', port: 1 }), names.of({ host: 'b', port: 1 })];
  names.of({ host: 'a', port: 1 });
  const c = names.of({ host: 'c', port: 1 });
  expect([a, b, c].map((address) => names.nameOf(address))).toEqual(['a:1', undefined, 'c:1']);
  expect(names.of({ host: 'b', port: 1 })).toEqual({ ip: '240.0.0.4', port: 1 });
});
