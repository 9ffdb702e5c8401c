import { expect, test } from 'vitest';
import { SharedCells } from './shared-cells.ts';

test('a limit holds for all who share the cells, each side for itself', () => {
  const cells = new SharedCells(2);
  const here = cells.limit('inbound', 2);
  const there = new SharedCells(cells.buffer).limit('inbound', 2);
  expect([here.enter(), there.enter(), here.enter(), there.enter()]).toEqual([true, true, false, false]);
  expect(cells.limit('outbound', 1).enter()).toBe(true);
  there.release();
  expect([here.enter(), there.enter()]).toEqual([true, false]);
});

test('connections and bells are those of their worker', () => {
  const cells = new SharedCells(3);
  const other = new SharedCells(cells.buffer);
  expect(other.workers).toBe(3);
  cells.connected(1);
  cells.connected(1);
  other.disconnected(1);
  cells.ring(2);
  expect([0, 1, 2].map((worker) => [other.connections(worker), other.rings(worker)])).toEqual([
    [0, 0],
    [1, 0],
    [0, 1],
  ]);
  // It has rung since nobody had heard it: no waiting.
  other.waitForRing(2, 0, 60_000);
});
