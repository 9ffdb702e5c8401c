import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listParser } from './list-parser.ts';

function parse(text: string, cuts: readonly number[] = []): { items: unknown[]; rest: unknown } {
  const items: unknown[] = [];
  const parser = listParser((item) => void items.push(JSON.parse(item)));
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

test('bounds what stands around the items', () => {
  const parser = listParser(() => undefined);
  parser.push(Buffer.from('{"items'));
  expect(() => {
    for (let i = 0; i < 20; i++) parser.push(Buffer.alloc(100_000, 32));
  }).toThrow('no list');
});
