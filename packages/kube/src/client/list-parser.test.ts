import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listParser } from './list-parser.ts';

function parse(text: string, cuts: readonly number[] = []): { items: unknown[]; rest: unknown } {
  const items: unknown[] = [];
  const parser = listParser((item) => void items.push(item === '' ? undefined : JSON.parse(item)));
  const bytes = Buffer.from(text);
  const bounds = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < bounds.length; i++) parser.push(bytes.subarray(bounds[i - 1], bounds[i]));
  return { items, rest: parser.end() };
}

test('takes a list apart wherever it is cut', () => {
  const nested = fc.jsonValue();
  fc.assert(
    fc.property(
      fc.array(fc.dictionary(fc.string(), nested)),
      nested,
      fc.string(),
      fc.array(fc.nat(100_000)),
      fc.boolean(),
      (items, more, name, cuts, pretty) => {
        const list = { kind: 'List', metadata: { resourceVersion: '1', items: [{ no: 'item' }], [name]: more }, items, tail: [{ more }] };
        const found = parse(JSON.stringify(list, null, pretty ? 2 : 0), cuts);
        expect(found).toEqual(JSON.parse(JSON.stringify({ items, rest: { ...list, items: [] } })));
      },
    ),
  );
});

test.each(['{"items":null,"metadata":{}}', '{"metadata":{}}', '{"items":[],"metadata":{"items":[{"a":1}]}}', '{"kind":"items","a":{"b":[{"c":1}]}}'])(
  'finds no items in %s',
  (text) => {
    expect(parse(text)).toEqual({ items: [], rest: JSON.parse(text) as unknown });
  },
);

test.each(['{"items":[{"a":1}', '{"items":[{"a":1}]', 'hello', '', '{"items":[{"a":1}]}}'])('does not take %j for a whole list', (text) => {
  expect(() => parse(text)).toThrow(SyntaxError);
});

test('does not pass over items that are no objects', () => {
  const items: string[] = [];
  const parser = listParser((item) => void items.push(item));
  for (const part of ['{"items":[{"a":1},nu', 'll, 7,"x,y",[1],tr', 'ue ]}']) parser.push(Buffer.from(part));
  expect(parser.end()).toEqual({ items: [] });
  expect(items).toEqual(['{"a":1}', '', '', '', '[1]', '']);
});

test('bounds what stands around the items', () => {
  const parser = listParser(() => undefined);
  parser.push(Buffer.from('{"items'));
  expect(() => {
    for (let i = 0; i < 20; i++) parser.push(Buffer.alloc(100_000, 32));
  }).toThrow('no list');
});

test('gives whole texts or a SyntaxError for anything that is thrown at it', () => {
  const list = JSON.stringify({ kind: 'List', items: [{ a: '}]"\\\\' }, { b: [{}] }], metadata: { resourceVersion: '1' } });
  fc.assert(
    fc.property(
      fc.nat(list.length),
      fc.nat(8),
      fc.stringMatching(/^[{}[\]",:a\\ ]{0,6}$/),
      fc.array(fc.nat(100_000), { maxLength: 4 }),
      (at, length, put, cuts) => {
        const text = list.slice(0, at) + put + list.slice(at + length);
        const whole = ((): unknown => {
          try {
            return JSON.parse(text);
          } catch (error) {
            return error;
          }
        })();
        try {
          const found = parse(text, cuts);
          if (!(whole instanceof Error))
            expect(found.rest).toEqual(Array.isArray((whole as { items?: unknown }).items) ? { ...(whole as object), items: [] } : whole);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
          expect(whole).toBeInstanceOf(SyntaxError);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
