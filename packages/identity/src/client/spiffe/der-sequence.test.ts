import { expect, test } from 'vitest';
import { splitDer } from './der-sequence.ts';

const sequence = (length: number, head: readonly number[]): number[] => [0x30, ...head, ...Array.from({ length }, () => 7)];
const short = sequence(3, [3]);
const long = sequence(200, [0x81, 200]);
const longer = sequence(300, [0x82, 1, 44]);

test('cuts where one value ends and the next begins', () => {
  const pieces = splitDer(Uint8Array.from([...short, ...long, ...longer]), 3) ?? [];
  expect(pieces.map((piece) => [...piece])).toEqual([short, long, longer]);
  expect(splitDer(new Uint8Array(), 3)).toEqual([]);
});

test.each([
  ['something that is no sequence', [...short, 0x31, 1, 0]],
  ['a piece that is cut off', short.slice(0, -1)],
  ['a length that is cut off', [...short, 0x30, 0x82, 1]],
  ['a lonely tag', [...short, 0x30]],
  ['an indefinite length', [0x30, 0x80, 0, 0]],
  ['a length beyond 24 bits', [0x30, 0x84, 0, 0, 0, 0]],
  ['more pieces than allowed', [...short, ...short, ...short, ...short]],
])('refuses %s', (_, bytes) => {
  expect(splitDer(Uint8Array.from(bytes), 3)).toBeUndefined();
});
