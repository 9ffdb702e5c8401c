import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Field } from '../field/field.ts';
import { FieldTable } from '../field/table.ts';
import { HpackDecoder, type HpackDecoderOptions } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';
import { HpackError } from './hpack-error.ts';

function decoder(options: Omit<HpackDecoderOptions, 'fields'> = {}): (hex: string) => Field[] {
  const decode = new HpackDecoder({ fields: new FieldTable(), ...options });
  return (hex) => {
    const bytes = Buffer.from(hex, 'hex');
    return decode.decode(bytes, 0, bytes.length);
  };
}

function block(encoder: HpackEncoder, list: readonly Field[]): Buffer {
  const out = Buffer.alloc(encoder.bound(list));
  return out.subarray(0, encoder.encode(list, out, 0));
}

const text = fc.oneof(fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', '0', '\xff') }), fc.string({ maxLength: 700, unit: 'binary-ascii' }));
const pair = fc.tuple(fc.constantFrom('x-a', 'x-b', 'content-type', ':path', 'authorization', 'cookie', 'set-cookie', 'x-long-name-that-is-new'), text);
const list = fc.array(fc.tuple(pair, fc.boolean()), { maxLength: 30 });

test('decodes what it encodes over the life of a connection, whatever the limits and their changes', () => {
  const step = fc.record({ list, limit: fc.option(fc.nat({ max: 5000 })) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.boolean(), fc.integer({ min: 0, max: 9000 }), (steps, huffman, maxTableBytes) => {
      const encoder = new HpackEncoder({ huffman, maxTableBytes });
      const decode = new HpackDecoder({ fields: new FieldTable({ maxFields: 16 }) });
      const fields = new FieldTable({ maxFields: 16 });
      for (const { list, limit } of steps) {
        if (limit !== null) {
          encoder.setPeerLimit(limit);
          decode.limitTable(limit);
        }
        const sent = list.map(([[name, value], never]) => (never ? new Field(name, value, true) : fields.field(name, value)));
        const bytes = block(encoder, sent);
        const got = decode.decode(bytes, 0, bytes.length);
        const facts = (field: Field): unknown[] => [field.name, field.value, field.neverIndexed];
        expect(got.map(facts)).toEqual(sent.map(facts));
      }
    }),
  );
});

function outcome(blocks: readonly Uint8Array[]): string {
  const decode = new HpackDecoder({ fields: new FieldTable() });
  try {
    for (const bytes of blocks) decode.decode(Buffer.from(bytes), 0, bytes.length);
    return 'decoded';
  } catch (error) {
    return (error as Error).name;
  }
}

test('any octets decode or fail as a protocol error', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (blocks) => {
      expect(['decoded', 'HpackError']).toContain(outcome(blocks));
    }),
    { numRuns: 1000 },
  );
});

test('re-encodes a repeated list by index only', () => {
  const fields = new FieldTable();
  const encoder = new HpackEncoder();
  const sizes = [];
  for (let i = 0; i < 3; i++) {
    const sent = [new Field(':method', 'GET'), fields.field(':path', '/a/b'), fields.field('x-a', 'value')];
    sizes.push(block(encoder, sent).length);
  }
  expect(sizes).toEqual([18, 18, 3]);
});

test('an entry of the table becomes the shared field when it is used again', () => {
  const fields = new FieldTable();
  const decode = new HpackDecoder({ fields });
  const first = Buffer.from('4003782d610131', 'hex');
  expect(decode.decode(first, 0, first.length)[0]?.id).toBe(0);
  const again = decode.decode(Buffer.from('be', 'hex'), 0, 1)[0] as Field;
  expect(again.id).toBeGreaterThan(0);
  expect(fields.field('x-a', '1')).toBe(again);
});

test('credentials never enter a table, whatever the peer did', () => {
  const decode = decoder();
  const encoder = new HpackEncoder();
  decode('5806736563726574'); // cache-control: secret
  const [field] = decode('5706736563726574'); // authorization: secret, with indexing
  const once = block(encoder, [field as Field]);
  const [indexed] = decode('be');
  expect(once.toString('hex')).toBe('1f0806736563726574');
  expect(block(encoder, [indexed as Field])).toEqual(once);
});

test('set-cookie is written out without being indexed', () => {
  const fields = new FieldTable();
  const encoder = new HpackEncoder();
  for (let i = 0; i < 3; i++) expect(block(encoder, [fields.field('set-cookie', 'a=1')]).toString('hex')).toBe('0f2803613d31');
});

test('a field larger than half of the table is not indexed', () => {
  const fields = new FieldTable({ maxFieldBytes: 4000 });
  const encoder = new HpackEncoder();
  const large = fields.again(new Field('x-a', 'v'.repeat(2100)));
  expect(large.id).toBeGreaterThan(0);
  expect(block(encoder, [large])[0]).toBe(0);
});

test('names the smallest and the last table size when it changed twice', () => {
  const encoder = new HpackEncoder();
  encoder.setPeerLimit(0);
  encoder.setPeerLimit(8192);
  encoder.setPeerLimit(4096);
  expect(block(encoder, []).toString('hex')).toBe('203fe11f');
  expect(block(encoder, []).length).toBe(0);
});

test('says at once when it wants a smaller table than the default', () => {
  expect(block(new HpackEncoder({ maxTableBytes: 0 }), []).toString('hex')).toBe('20');
});

test('demands the reduction that was acknowledged', () => {
  const decode = new HpackDecoder({ fields: new FieldTable() });
  decode.limitTable(100);
  expect(() => decode.decode(Buffer.from('82', 'hex'), 0, 1)).toThrow(HpackError);
  expect(decode.decode(Buffer.from('3f4582', 'hex'), 0, 3).length).toBe(1);
});

test.each([
  ['index 0', '80'],
  ['an index beyond both tables', 'be'],
  ['an index far beyond', 'ffffffff07'],
  ['an integer without end', 'ffffffffffffffff01'],
  ['an integer cut off', 'ff'],
  ['a value cut off', '4003782d61053132'],
  ['a missing value', '4003782d61'],
  ['a missing name', '40'],
  ['a string longer than its block', '007fffffff7f'],
  ['broken huffman code', '0003782d6181ff'],
  ['a size update after a field', '8220'],
  ['three size updates', '202020'],
  ['a size update over the limit', '3fe21f'],
])('refuses %s', (_name, hex) => {
  expect(() => decoder()(hex)).toThrow(HpackError);
});

test('counts a list over its limit instead of collecting it, and keeps the table right', () => {
  const fields = new FieldTable();
  const decode = new HpackDecoder({ fields, maxListBytes: 100 });
  // x-large: 60 × 'v' with indexing, x-b: 1 with indexing.
  const bytes = Buffer.concat([
    Buffer.from('4007', 'hex'),
    Buffer.from('x-large'),
    Buffer.from([60]),
    Buffer.alloc(60, 'v'),
    Buffer.from('4003782d620131', 'hex'),
  ]);
  const list = decode.decode(bytes, 0, bytes.length);
  expect(list.map((field) => field.name)).toEqual(['x-large']);
  expect(decode.excess).toEqual({ bytes: 99 + 36, fields: 2, largestName: 'x-large', largestBytes: 99 });
  expect(decode.decode(Buffer.from('be', 'hex'), 0, 1).map((field) => field.name)).toEqual(['x-b']);
  expect(decode.excess).toBe(null);
});

test('a bomb of indices costs neither memory nor a list', () => {
  const decode = new HpackDecoder({ fields: new FieldTable(), maxListFields: 100 });
  const entry = Buffer.concat([Buffer.from('40017a', 'hex'), Buffer.from([0x7f, 0x81, 0x1e]), Buffer.alloc(3968, 'v')]);
  decode.decode(entry, 0, entry.length);
  const bomb = Buffer.alloc(16384, 0xbe);
  expect(decode.decode(bomb, 0, bomb.length).length).toBeLessThanOrEqual(100);
  expect(decode.excess?.fields).toBe(16384);
});

test('many fields are all found again by index', () => {
  const fields = new FieldTable();
  const encoder = new HpackEncoder();
  const sent = Array.from({ length: 100 }, (_, i) => fields.again(new Field('x', String(i))));
  block(encoder, sent);
  for (const field of sent) expect(block(encoder, [field]).length).toBeLessThanOrEqual(2);
});
