// Against another implementation, the npm package `hpack.js`: what one writes the other reads, over the life of a connection (RFC 7541).
import { expect, test } from 'vitest';
import { compressor, decompressor, drain, type Line } from '../../test/hpack/hpack-js.ts';
import { Field } from '../field/field.ts';
import { FieldTable } from '../field/table.ts';
import { HpackDecoder } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const TABLE_BYTES = 4096;
const NAMES = [':path', ':status', 'accept', 'content-type', 'cookie', 'authorization', 'x-request-id', 'x-a', 'x-b'];
const CHARACTERS = ' !"#$%&\'()*+,-./0123456789:;<=>?@ABCXYZ[]^_`abcxyz{|}~';

/** Numbers below a bound, always the same for a seed: Park and Miller's generator. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** Lists of few distinct short fields, which come again, and of long ones, which drive the others out of a table. */
function lists(random: (below: number) => number): Field[][] {
  const fields = new FieldTable();
  const text = (length: number): string => Array.from({ length }, () => CHARACTERS[random(CHARACTERS.length)]).join('');
  const known = Array.from({ length: 60 }, () => [NAMES[random(NAMES.length)] as string, text(random(40))] as const);
  const field = (): Field => {
    const [name, usual] = known[random(known.length)] as readonly [string, string];
    const value = random(12) === 0 ? text(random(900)) : usual;
    return random(10) === 0 ? new Field(name, value, true) : fields.field(name, value);
  };
  return Array.from({ length: 120 }, () => Array.from({ length: random(14) }, field));
}

function lineOf({ name, value, neverIndexed }: Field): Line {
  return { name, value, neverIndex: neverIndexed };
}

/** Sizes of the table over time: it shrinks to nothing and grows again. */
const SIZES: Readonly<Record<number, number>> = { 30: 256, 50: 0, 55: 100, 70: TABLE_BYTES };

test.each(SEEDS)('hpack.js reads what we write, seed %i', (seed) => {
  const encoder = new HpackEncoder({ huffman: seed % 2 === 0 });
  const theirs = decompressor.create({ table: { maxSize: TABLE_BYTES } });
  for (const [index, list] of lists(seeded(seed)).entries()) {
    const size = SIZES[index];
    if (size !== undefined) encoder.setPeerLimit(size);
    const bytes = Buffer.alloc(encoder.bound(list));
    theirs.write(bytes.subarray(0, encoder.encode(list, bytes, 0)));
    theirs.execute();
    expect(drain(theirs)).toEqual(list.map(lineOf));
  }
});

test.each(SEEDS)('we read what hpack.js writes, seed %i', (seed) => {
  const random = seeded(seed);
  const decoder = new HpackDecoder({ fields: new FieldTable({ maxFields: 16 }) });
  const theirs = compressor.create({ table: { maxSize: TABLE_BYTES } });
  for (const [index, list] of lists(random).entries()) {
    if (index % 40 === 39) theirs.reset();
    theirs.write(list.map((field) => ({ ...lineOf(field), huffman: random(2) === 0, incremental: random(4) > 0 })));
    const bytes = Buffer.concat(drain(theirs));
    expect(decoder.decode(bytes, 0, bytes.length).map(lineOf)).toEqual(list.map(lineOf));
  }
});
