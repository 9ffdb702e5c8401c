import { expect, test } from 'vitest';
import { MAX_WAITING_EVENTS, TapCells } from './tap-cells.ts';

test('no more requests are counted than the observer wants, by whichever thread', () => {
  const one = new TapCells();
  const other = new TapCells(one.buffer);
  expect([one.take(3), other.take(3), one.take(3), other.take(3), one.take(3)]).toEqual([0, 1, 2, undefined, undefined]);
  expect(other.taken).toBe(3);
});

test('so many events may wait, all threads together, and no more', () => {
  const one = new TapCells();
  const other = new TapCells(one.buffer);
  for (let n = 0; n < MAX_WAITING_EVENTS; n++) expect((n % 2 === 0 ? one : other).enter()).toBe(true);
  expect([one.enter(), other.enter()]).toEqual([false, false]);
  other.leave();
  expect([one.enter(), one.enter()]).toEqual([true, false]);
});

test('every thread hears that the observer has left', () => {
  const one = new TapCells();
  const other = new TapCells(one.buffer);
  expect(other.closed).toBe(false);
  one.close();
  expect(other.closed).toBe(true);
});
