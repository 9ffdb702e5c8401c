// The examples of RFC 7541 appendix C, in both directions where the encoder may choose what the example chose.
import { describe, expect, test } from 'vitest';
import { Field } from '../field/field.ts';
import { FieldTable } from '../field/table.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';

type Pairs = readonly (readonly [name: string, value: string])[];

const REQUESTS: readonly Pairs[] = [
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'www.example.com'],
    ['cache-control', 'no-cache'],
  ],
  [
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/index.html'],
    [':authority', 'www.example.com'],
    ['custom-key', 'custom-value'],
  ],
];

const RESPONSES: readonly Pairs[] = [
  [
    [':status', '302'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '307'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
    ['location', 'https://www.example.com'],
  ],
  [
    [':status', '200'],
    ['cache-control', 'private'],
    ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
    ['location', 'https://www.example.com'],
    ['content-encoding', 'gzip'],
    ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
  ],
];

const C3 = ['828684410f7777772e6578616d706c652e636f6d', '828684be58086e6f2d6361636865', '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565'];
const C4 = ['828684418cf1e3c2e5f23a6ba0ab90f4ff', '828684be5886a8eb10649cbf', '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf'];
const C5 = [
  '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
  '4803333037c1c0bf',
  '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
];
const C6 = [
  '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
  '4883640effc1c0bf',
  '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
];

function decodeAll(blocks: readonly string[]): Pairs[] {
  const decoder = new HpackDecoder({ fields: new FieldTable() });
  return blocks.map((hex) => {
    const bytes = Buffer.from(hex, 'hex');
    return decoder.decode(bytes, 0, bytes.length).map((field) => [field.name, field.value] as const);
  });
}

function encodeAll(lists: readonly Pairs[], huffman: boolean): string[] {
  const fields = new FieldTable();
  const encoder = new HpackEncoder({ huffman });
  return lists.map((pairs) => {
    const list = pairs.map(([name, value]) => fields.again(new Field(name, value)));
    const out = Buffer.alloc(encoder.bound(list));
    return out.toString('hex', 0, encoder.encode(list, out, 0));
  });
}

function encodeOne(field: Field): string {
  const encoder = new HpackEncoder();
  const out = Buffer.alloc(encoder.bound([field]));
  return out.toString('hex', 0, encoder.encode([field], out, 0));
}

test('C.1: integers', () => {
  for (const [size, hex] of [
    [10, '2a'],
    [1337, '3f9a0a'],
  ] as const) {
    const encoder = new HpackEncoder();
    encoder.setPeerLimit(size);
    const out = Buffer.alloc(encoder.bound([]));
    expect(out.toString('hex', 0, encoder.encode([], out, 0))).toBe(hex);
    expect(decodeAll([hex])).toEqual([[]]);
  }
});

test('C.2.1: literal with indexing', () => {
  const hex = '400a637573746f6d2d6b65790d637573746f6d2d686561646572';
  expect(decodeAll([hex, 'be'])).toEqual([[['custom-key', 'custom-header']], [['custom-key', 'custom-header']]]);
  expect(encodeOne(new FieldTable().again(new Field('custom-key', 'custom-header')))).toBe(hex);
});

test('C.2.2: literal without indexing', () => {
  const hex = '040c2f73616d706c652f70617468';
  expect(decodeAll([hex])).toEqual([[[':path', '/sample/path']]]);
  expect(encodeOne(new Field(':path', '/sample/path'))).toBe(hex);
});

test('C.2.3: literal never indexed', () => {
  const hex = '100870617373776f726406736563726574';
  const bytes = Buffer.from(hex, 'hex');
  const [field] = new HpackDecoder({ fields: new FieldTable() }).decode(bytes, 0, bytes.length) as [Field];
  expect([field.name, field.value, field.neverIndexed]).toEqual(['password', 'secret', true]);
  expect(encodeOne(field)).toBe(hex);
});

test('C.2.4: indexed', () => {
  expect(decodeAll(['82'])).toEqual([[[':method', 'GET']]]);
  expect(encodeOne(new Field(':method', 'GET'))).toBe('82');
});

describe('C.3 and C.4: requests', () => {
  test('are decoded', () => {
    expect(decodeAll(C3)).toEqual(REQUESTS);
    expect(decodeAll(C4)).toEqual(REQUESTS);
  });
  test('are encoded to the same octets', () => {
    expect(encodeAll(REQUESTS, false)).toEqual(C3);
    expect(encodeAll(REQUESTS, true)).toEqual(C4);
  });
});

test('C.5 and C.6: responses with eviction from a table of 256 octets are decoded', () => {
  const toSize256 = '3fe101';
  expect(decodeAll([toSize256, ...C5])).toEqual([[], ...RESPONSES]);
  expect(decodeAll([toSize256, ...C6])).toEqual([[], ...RESPONSES]);
});
