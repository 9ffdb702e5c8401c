import { expect, test } from 'vitest';
import { NOWHERE, Places } from './places.ts';

test('what was put somewhere is there until it is taken, and its place is used again', () => {
  const places = new Places<string>();
  const [a, b] = [places.put('a'), places.put('b')];
  expect([places.at(a), places.at(b)]).toEqual(['a', 'b']);
  expect(places.take(a)).toBe('a');
  expect(places.at(a)).toBeUndefined();
  expect(places.size).toBe(1);
  expect(places.put('c')).toBe(a);
  expect([places.at(a), places.at(b)]).toEqual(['c', 'b']);
  expect(places.size).toBe(2);
});

test('nothing is nowhere, and to take it there does no harm', () => {
  const places = new Places<string>();
  expect(places.at(NOWHERE)).toBeUndefined();
  expect(places.take(NOWHERE)).toBeUndefined();
  expect(places.put('a')).not.toBe(NOWHERE);
});
