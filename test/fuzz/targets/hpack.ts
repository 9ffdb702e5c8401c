// HPACK over the life of a connection (RFC 7541): the tables stay bounded, what `hpack.js` reads we read alike, and what we read we can
// write again.
import { type Random, randomInt } from '@weft/core';
import type { Field } from '../../../packages/http/src/field/field.ts';
import { FieldTable } from '../../../packages/http/src/field/table.ts';
import { DEFAULT_TABLE_BYTES, HpackDecoder } from '../../../packages/http/src/hpack/decoder.ts';
import { HpackEncoder } from '../../../packages/http/src/hpack/encoder.ts';
import { HpackError } from '../../../packages/http/src/hpack/hpack-error.ts';
import { decodedBound, huffmanDecode, huffmanEncode, huffmanLength } from '../../../packages/http/src/hpack/huffman.ts';
import { type Decompressor, decompressor, drain, type Line } from '../../../packages/http/test/hpack/hpack-js.ts';
import { lend } from '../cuts.ts';
import { pickOne } from '../mutate.ts';
import { attempt, type FuzzTarget, hold, kindOf, raw } from '../target.ts';

const MAX_LIST_BYTES = 2_048;
const MAX_LIST_FIELDS = 40;

/** An input is a list of blocks, each behind its length in one byte. */
function blocksOf(input: Buffer): Buffer[] {
  const blocks: Buffer[] = [];
  for (let at = 0; at < input.length; ) {
    const end = Math.min(input.length, at + 1 + (input[at] ?? 0));
    blocks.push(input.subarray(at + 1, end));
    at = end;
  }
  return blocks;
}

const inputOf = (blocks: readonly Buffer[]): Buffer =>
  Buffer.concat(blocks.flatMap((block) => [Buffer.from([Math.min(255, block.length)]), block.subarray(0, 255)]));

const REPRESENTATIONS: readonly Buffer[] = raw(
  '\x82',
  '\x87',
  '\xbe',
  '\xbf',
  '\xc1',
  '\xff\x01',
  '\x41\x01a',
  '\x40\x01x\x01y',
  '\x40\x03x-a\x84\x1c\x64\x9f\xd7',
  '\x7e\x02vv',
  '\x7f\x00\x02ww',
  '\x0f\x2f\x01p',
  '\x00\x01n\x82\x10\x7f',
  '\x10\x0dauthorization\x01s',
  '\x5f\x00\x05text/',
  `\x40\x01l\x7f\x21${'v'.repeat(160)}`,
  '\x20',
  '\x3f\x09',
  '\x3f\xe1\x1f',
);

/** Whole representations, so that lengths stay right. */
function changeBlocks(input: Buffer, random: Random): Buffer {
  const blocks = blocksOf(input);
  const at = randomInt(random, blocks.length + 1);
  const block = blocks[at];
  const piece = pickOne(random, REPRESENTATIONS) ?? Buffer.alloc(0);
  if (block === undefined) blocks.push(piece);
  else if (random.next() < 0.2) blocks.splice(at, 0, pickOne(random, blocks) ?? block);
  else blocks[at] = random.next() < 0.3 ? Buffer.concat([piece, block]) : Buffer.concat([block, piece]);
  return inputOf(blocks);
}

const lineOf = ({ name, value, neverIndexed }: Field): Line => ({ name, value, neverIndex: neverIndexed });
const textOf = (lines: readonly Line[], flags: boolean): string =>
  JSON.stringify(lines.map(({ name, value, neverIndex }) => [name, value, flags && neverIndex]));

/** What `hpack.js` makes of a block. Throws what it throws: it reads all that we do. */
function decodeByTheirs(theirs: Decompressor, block: Buffer): readonly Line[] {
  theirs.write(block);
  theirs.execute();
  return drain(theirs);
}

/** Writes what was read and reads it again, with tables that live as long as the connection. */
class Rewrite {
  private readonly encoder: HpackEncoder;
  private readonly decoder = new HpackDecoder({ fields: new FieldTable({ maxFields: 4 }) });
  private limit = DEFAULT_TABLE_BYTES;

  constructor(huffman: boolean) {
    this.encoder = new HpackEncoder({ huffman });
  }

  check(fields: readonly Field[], limit: number): void {
    if (limit !== this.limit) {
      this.encoder.setPeerLimit(limit);
      this.decoder.limitTable(limit);
      this.limit = limit;
    }
    const out = Buffer.alloc(this.encoder.bound(fields));
    const end = this.encoder.encode(fields, out, 0);
    hold(end <= out.length, `${end} bytes are written, ${out.length} were announced`);
    const again = this.decoder.decode(out, 0, end);
    hold(textOf(again.map(lineOf), true) === textOf(fields.map(lineOf), true), 'what we write reads back differently');
    hold(this.encoder['table']['size'] === this.decoder['table'].size, 'the tables of encoder and decoder differ');
    hold(this.decoder['table'].size <= limit, 'a table is larger than agreed');
  }
}

const blocks: FuzzTarget = {
  name: 'hpack-blocks',
  tokens: REPRESENTATIONS,
  mutator: changeBlocks,
  seeds: () => [
    inputOf(REPRESENTATIONS.map((one) => one)),
    inputOf([Buffer.concat(REPRESENTATIONS.slice(0, 3).concat(REPRESENTATIONS.slice(7, 10))), ...raw('\xbe\xbf', '\x3f\x09\xbe', '\x20\x3f\xe1\x1f\x82')]),
    // Entries that fill the table to the last octet.
    inputOf(raw('\x3f\x03\x40\x01x\x01y\xbe', '\x40\x01z\x01y\xbe')),
    inputOf(Array.from({ length: 20 }, (_, i) => Buffer.from(`\x40\x02k${i % 10}\x01${i % 7}\xbe`, 'latin1'))),
  ],
  run(input) {
    const ours = new HpackDecoder({ fields: new FieldTable({ maxFields: 8 }), maxListBytes: MAX_LIST_BYTES, maxListFields: MAX_LIST_FIELDS });
    const theirs = decompressor.create({ table: { maxSize: DEFAULT_TABLE_BYTES } });
    const rewrite = new Rewrite(input.length % 2 === 0);
    let count = 0;
    for (const block of blocksOf(input)) {
      let fields: Field[] = [];
      let error: HpackError | undefined;
      // It must not look beyond its block.
      lend(Buffer.concat([Buffer.from([0x82]), block, Buffer.from([0x01, 0x61])]), (bytes) => {
        const result = attempt(() => ours.decode(bytes, 1, 1 + block.length), HpackError);
        if ('error' in result) ({ error } = result);
        else fields = result.value;
      });
      const { size, maxSize, count: entries } = ours['table'];
      hold(size >= 0 && size <= maxSize && maxSize <= DEFAULT_TABLE_BYTES && entries * 32 <= size, `a table of ${size} bytes, ${entries} entries`);
      hold(ours['table']['ring'].length <= 256, 'the ring of the table grows');
      if (error !== undefined) return `${Math.min(count, 4)} refused: ${kindOf(error)}`;
      const listed = fields.reduce((sum, field) => sum + field.size, 0);
      hold(listed <= MAX_LIST_BYTES && fields.length <= MAX_LIST_FIELDS, 'more was collected than allowed');
      const lines = decodeByTheirs(theirs, block);
      // What is over the limits was not collected.
      if (ours.excess === null) {
        hold(textOf(lines, false) === textOf(fields.map(lineOf), false), 'hpack.js reads other fields');
        rewrite.check(fields, maxSize);
      }
      count += lines.length;
    }
    return `${Math.min(count, 8)} fields of ${Math.min(ours['table'].count, 8)}`;
  },
};

const huffman: FuzzTarget = {
  name: 'huffman',
  tokens: raw('\xff\xff\xff\xff', '\xfe', '\x1f', '\0', '\xff\xc7'),
  seeds: () => [...raw('\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff', 'www.example.com', '\xff'), Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  run(input) {
    const text = input.toString('latin1');
    const coded = Buffer.alloc(huffmanLength(text) + 1, 0xaa);
    hold(huffmanEncode(text, coded, 0) === coded.length - 1 && coded[coded.length - 1] === 0xaa, 'another length than announced');
    hold(decodeHuffman(coded.subarray(0, -1)) === text, 'a string reads back differently');
    const decoded = decodeHuffman(input);
    if (input.length < 127) {
      const block = Buffer.concat([Buffer.from([0x00, 0x01, 0x61, 0x80 | input.length]), input]);
      const theirs = attempt(() => decodeByTheirs(decompressor.create({ table: { maxSize: DEFAULT_TABLE_BYTES } }), block), Error);
      hold('value' in theirs === (decoded !== undefined), 'hpack.js judges otherwise');
      hold('error' in theirs || theirs.value[0]?.value === decoded, 'hpack.js reads another string');
    }
    if (decoded === undefined) return 'broken';
    // One code for each string: what is decoded is written the same way.
    const again = Buffer.alloc(huffmanLength(decoded));
    huffmanEncode(decoded, again, 0);
    hold(again.equals(input), 'two codes stand for one string');
    return `${Math.min(decoded.length, 20)}`;
  },
};

function decodeHuffman(bytes: Buffer): string | undefined {
  const out = Buffer.alloc(decodedBound(bytes.length) + 1, 0xaa);
  const written = huffmanDecode(bytes, 0, bytes.length, out);
  hold(written < out.length && out[out.length - 1] === 0xaa, 'more is decoded than can be');
  return written < 0 ? undefined : out.toString('latin1', 0, written);
}

/** An integer of RFC 7541 §5.1 after its full prefix, and the bytes that it took; undefined while it is incomplete. */
function integerAt(bytes: Buffer, at: number, prefix: number): { readonly value: bigint; readonly length: number } | undefined {
  let value = BigInt(prefix);
  for (let i = at; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    value += BigInt(byte & 0x7f) << BigInt(7 * (i - at));
    if (byte < 0x80) return { value, length: i - at + 1 };
  }
  return undefined;
}

/** Integers with more bytes after their prefix are refused. */
const MAX_INTEGER_BYTES = 4;
/** Larger than any integer of that many bytes. */
const BIG = 2 ** 30;

const integers: FuzzTarget = {
  name: 'hpack-integers',
  tokens: raw('\xff', '\x80', '\x7f', '\0', '\x80\x80\x80\x01', '\xff\xff\xff\x7f'),
  seeds: () => raw('\0', '\x80\x01', '\xff\xff\xff\x7f', '\x80\x80\x80\x80\x01', '\x80\x80\x80\0'),
  run(input) {
    const expected = integerAt(input, 0, 0);
    const rest = input.subarray(0, expected?.length ?? input.length);
    const readable = expected !== undefined && expected.length <= MAX_INTEGER_BYTES;

    const sized = new HpackDecoder({ fields: new FieldTable() });
    sized.limitTable(BIG);
    const update = attempt(() => sized.decode(Buffer.concat([Buffer.from([0x3f]), rest]), 0, 1 + rest.length), HpackError);
    hold('value' in update === readable, 'a size update is judged otherwise than by RFC 7541');
    if (readable) hold(BigInt(sized['table'].maxSize) === expected.value + 31n, 'a size update reads differently');

    if (readable && expected.value < 8_192n) {
      const length = Number(expected.value) + 127;
      const block = Buffer.concat([Buffer.from([0x00, 0x01, 0x61, 0x7f]), rest, Buffer.alloc(length, 0x62)]);
      const [field] = new HpackDecoder({ fields: new FieldTable() }).decode(block, 0, block.length);
      hold(field?.value.length === length, 'a length reads differently');
      hold('error' in attempt(() => new HpackDecoder({ fields: new FieldTable() }).decode(block, 0, block.length - 1), HpackError), 'a string is too long');
    }

    const value = input.length >= 4 ? input.readUInt32BE(0) : input.length;
    const encoder = new HpackEncoder({ maxTableBytes: value });
    encoder.setPeerLimit(value);
    const out = Buffer.alloc(encoder.bound([]));
    const end = encoder.encode([], out, 0);
    let last: bigint | undefined;
    for (let at = 0; at < end; ) {
      const prefix = (out[at] ?? 0) & 0x1f;
      const long = prefix === 0x1f ? integerAt(out.subarray(0, end), at + 1, prefix) : undefined;
      last = long?.value ?? BigInt(prefix);
      at += 1 + (long?.length ?? 0);
    }
    hold(value === DEFAULT_TABLE_BYTES || last === BigInt(value), `${value} is written as ${last}`);
    return `${Math.min(rest.length, 8)} ${readable}`;
  },
};

export const hpackTargets = [blocks, huffman, integers];
