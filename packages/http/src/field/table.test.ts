import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HUFFMAN, LINE, PLAIN } from './byte-cache.ts';
import { Field } from './field.ts';
import { FieldTable } from './table.ts';

/** Sighted twice, hence kept. */
function kept(table: FieldTable, name: string, value: string): Field {
  table.field(name, value);
  return table.field(name, value);
}

test('shares a field from its second sighting on', () => {
  const table = new FieldTable();
  expect(table.field('x-a', '1').id).toBe(0);
  const second = table.field('x-a', '1');
  expect(second.id).toBeGreaterThan(0);
  expect(table.field('x-a', '1')).toBe(second);
  expect(table.field('x-a', '2')).not.toBe(second);
  expect(table.field('x-b', '1')).not.toBe(second);
});

test.each([
  ['authorization', 'Bearer token'],
  ['cookie', 'a=1'],
  ['set-cookie', 'session=0123456789012345678901234567890'],
  ['x-large', 'v'.repeat(1020)],
  ['x-bad', 'a\nb'],
])('never shares %s', (name, value) => {
  const table = new FieldTable();
  expect(kept(table, name, value).id).toBe(0);
  const field = new Field(name, value);
  expect(table.again(field)).toBe(field);
  expect(field.id).toBe(0);
});

test('shares what a decoder saw again', () => {
  const table = new FieldTable();
  const mine = new Field('x-a', '1');
  expect(table.again(mine)).toBe(mine);
  expect(mine.id).toBeGreaterThan(0);
  expect(table.again(new Field('x-a', '1'))).toBe(mine);
  expect(table.field('x-a', '1')).toBe(mine);
});

test('keeps used fields when a generation ends and drops unused ones', () => {
  const table = new FieldTable({ maxFields: 8 });
  const used = kept(table, 'x-used', '1');
  const unused = kept(table, 'x-unused', '1');
  for (let i = 0; i < 20; i++) {
    kept(table, 'x-other', String(i));
    expect(table.field('x-used', '1')).toBe(used);
  }
  expect(table.field('x-unused', '1')).not.toBe(unused);
});

test('is bounded by bytes', () => {
  const table = new FieldTable({ maxBytes: 8192 });
  const first = kept(table, 'x-a', 'v'.repeat(900));
  for (let i = 0; i < 4; i++) kept(table, 'x-b', 'v'.repeat(900) + String(i));
  expect(table.field('x-a', 'v'.repeat(900))).not.toBe(first);
});

test('finds shared fields by their bytes, by coding and name', () => {
  const table = new FieldTable();
  const bytes = Buffer.from('..GET..');
  const once = table.field('x-a', 'GET');
  table.remember(PLAIN, 'x-a', bytes, 2, 5, once);
  expect(table.find(PLAIN, 'x-a', bytes, 2, 5)).toBe(null);
  const field = table.field('x-a', 'GET');
  table.remember(PLAIN, 'x-a', bytes, 2, 5, field);
  expect(table.find(PLAIN, 'x-a', Buffer.from('GET'), 0, 3)).toBe(field);
  expect(table.find(PLAIN, 'x-b', bytes, 2, 5)).toBe(null);
  expect(table.find(HUFFMAN, 'x-a', bytes, 2, 5)).toBe(null);
  expect(table.find(LINE, null, bytes, 2, 5)).toBe(null);
  expect(table.find(PLAIN, 'x-a', bytes, 2, 4)).toBe(null);
});

test('does not remember long bytes', () => {
  const table = new FieldTable();
  const bytes = Buffer.alloc(129, 'a');
  const field = kept(table, 'x-a', bytes.toString('latin1'));
  expect(field.id).toBeGreaterThan(0);
  table.remember(PLAIN, 'x-a', bytes, 0, bytes.length, field);
  expect(table.find(PLAIN, 'x-a', bytes, 0, bytes.length)).toBe(null);
});

test('never answers with another field than the one asked for', () => {
  const lines = fc.array(fc.tuple(fc.constantFrom('x-a', 'x-b', 'x-c'), fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '1') })), { maxLength: 200 });
  fc.assert(
    fc.property(lines, (asked) => {
      const table = new FieldTable({ maxFields: 4 });
      for (const [name, value] of asked) {
        const bytes = Buffer.from(value, 'latin1');
        const field = table.find(PLAIN, name, bytes, 0, bytes.length) ?? table.field(name, value);
        table.remember(PLAIN, name, bytes, 0, bytes.length, field);
        expect([field.name, field.value]).toEqual([name, value]);
      }
    }),
  );
});
