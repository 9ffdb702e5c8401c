import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Http2Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';

const stream = (id: number): Http2Stream<null> => new Http2Stream<null>(id, null, 0, 0);

function addBoth(table: StreamTable<null>, map: Map<number, Http2Stream<null>>, id: number): boolean {
  if (map.has(id)) return true;
  const one = stream(id);
  table.add(one);
  map.set(id, one);
  return true;
}

test('holds what a map would hold', () => {
  const step = fc.record({ id: fc.nat(80), add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new StreamTable<null>();
      const map = new Map<number, Http2Stream<null>>();
      for (const { id: half, add } of steps) {
        // Some of them meet in one slot, whatever the size of the table.
        const id = half < 40 ? half * 2 + 1 : (half - 40) * 1024 + 1;
        const same = add ? addBoth(table, map, id) : table.delete(id) === map.delete(id);
        expect(same).toBe(true);
        expect(table.get(id)).toBe(map.get(id));
        expect(table.size).toBe(map.size);
      }
      const ids = (all: Iterable<Http2Stream<null>>): number[] => [...all].map((one) => one.id).toSorted((a, b) => a - b);
      expect(ids(table.values())).toEqual(ids(map.values()));
    }),
    { seed: 11, numRuns: 500 },
  );
});

test('can change while its streams are gone through', () => {
  const table = new StreamTable<null>();
  for (let id = 1; id < 2000; id += 2) table.add(stream(id));
  for (const one of table.values()) expect(table.delete(one.id)).toBe(true);
  expect(table.size).toBe(0);
  expect(table.get(1)).toBeUndefined();
});
