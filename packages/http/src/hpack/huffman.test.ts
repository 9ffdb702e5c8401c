import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodedBound, huffmanDecode, huffmanEncode, huffmanLength } from './huffman.ts';
import { codeLengths, codes } from './huffman-code.ts';

function decode(bytes: Uint8Array): string | null {
  const out = Buffer.alloc(decodedBound(bytes.length));
  const length = huffmanDecode(bytes, 0, bytes.length, out);
  return length < 0 ? null : out.toString('latin1', 0, length);
}

function encode(text: string): Buffer {
  const out = Buffer.alloc(huffmanLength(text));
  expect(huffmanEncode(text, out, 0)).toBe(out.length);
  return out;
}

test('the code is complete', () => {
  let space = 0;
  for (const length of codeLengths) space += 2 ** -length;
  expect(codeLengths.length).toBe(257);
  expect(space).toBe(1);
});

test.each([
  [0, 0x1ff8],
  [0x61, 0x3],
  [0x7c, 0x7fc],
  [0xff, 0x3ffffee],
  [0xf9, 0xffffffe],
  [256, 0x3fffffff],
])('the code of symbol %i is %i', (symbol, code) => {
  expect(codes[symbol]).toBe(code);
});

test('decodes what it encodes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1');
      expect(decode(encode(text))).toBe(text);
    }),
  );
});

test('any octets decode to at most one string, which encodes to them again', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => {
      const text = decode(bytes);
      expect(text === null || encode(text).equals(bytes)).toBe(true);
    }),
  );
});

test.each([
  ['EOS in the string', 'ffffffff'],
  ['eight bits of padding', '1fff'],
  ['padding of zeros', '18'],
  ['a code cut off', 'fe'],
])('refuses %s', (_name, hex) => {
  expect(decode(Buffer.from(hex, 'hex'))).toBe(null);
});
