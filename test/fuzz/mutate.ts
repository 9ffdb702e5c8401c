// Changes to bytes that no format is known of: flips, cuts, copies, repetitions, words, splices.
import { type Random, randomInt } from '@weft/core';
import type { FuzzTarget } from './target.ts';

/** Longest input that is tried, in bytes. */
export const MAX_INPUT_BYTES = 16_384;

const EDGES = [0, 1, 9, 10, 13, 31, 32, 34, 39, 44, 45, 46, 47, 48, 57, 58, 61, 91, 92, 93, 123, 125, 127, 128, 192, 224, 239, 254, 255];
const EDGE_INTEGERS = [0, 1, 127, 128, 255, 256, 32_767, 32_768, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

export function pickOne<T>(random: Random, items: readonly T[]): T | undefined {
  return items[randomInt(random, items.length)];
}

/** One input made of a parent: one to four changes, by the target's own mutator now and then. */
export function mutate(target: FuzzTarget, parent: Buffer, pool: readonly Buffer[], random: Random): Buffer {
  let bytes = parent;
  for (let left = 1 + randomInt(random, 4); left > 0; left--) {
    const shaped = target.mutator && random.next() < 0.6 ? target.mutator(bytes, random) : undefined;
    bytes = shaped ?? change(bytes, target.tokens, pool, random);
  }
  return bytes.length > MAX_INPUT_BYTES ? bytes.subarray(0, MAX_INPUT_BYTES) : bytes;
}

function change(bytes: Buffer, tokens: FuzzTarget['tokens'], pool: readonly Buffer[], random: Random): Buffer {
  const at = randomInt(random, bytes.length + 1);
  const length = spanLength(random, bytes.length - at);
  const slice = bytes.subarray(at, at + length);
  switch (randomInt(random, 12)) {
    case 0:
      return overwrite(bytes, at, Buffer.from([(bytes[at] ?? 0) ^ (1 << randomInt(random, 8))]));
    case 1:
      return overwrite(bytes, at, Buffer.from([pickOne(random, EDGES) ?? 0]));
    case 2:
      return overwrite(bytes, at, Buffer.from([randomInt(random, 256)]));
    case 3:
      return insert(bytes, at, Buffer.from(Array.from({ length: 1 + randomInt(random, 8) }, () => randomInt(random, 256))));
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 5:
      return insert(bytes, randomInt(random, bytes.length + 1), slice);
    case 6:
      return insert(bytes, at, repeat(slice.length > 0 ? slice : Buffer.from([pickOne(random, EDGES) ?? 0]), random));
    case 7:
      return insert(bytes, at, tokenOf(tokens, random));
    case 8:
      return overwrite(bytes, at, tokenOf(tokens, random));
    case 9:
      return overwrite(bytes, at, integer(random));
    case 10:
      return bytes.subarray(0, at);
    default: {
      const other = pickOne(random, pool) ?? bytes;
      return Buffer.concat([bytes.subarray(0, at), other.subarray(randomInt(random, other.length + 1))]);
    }
  }
}

function tokenOf(tokens: FuzzTarget['tokens'], random: Random): Buffer {
  const token = pickOne(random, tokens) ?? '';
  return typeof token === 'string' ? Buffer.from(token) : token;
}

/** Mostly short. */
function spanLength(random: Random, most: number): number {
  return randomInt(random, (random.next() < 0.8 ? Math.min(most, 16) : most) + 1);
}

/** Now and then very often: long runs bring out what is not linear. */
function repeat(slice: Buffer, random: Random): Buffer {
  const most = Math.max(1, Math.floor(MAX_INPUT_BYTES / slice.length));
  const times = random.next() < 0.1 ? most : Math.min(most, 1 + randomInt(random, 20));
  return Buffer.concat(Array.from({ length: times }, () => slice));
}

function integer(random: Random): Buffer {
  const value = pickOne(random, EDGE_INTEGERS) ?? 0;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  if (random.next() < 0.5) return bytes.subarray(2);
  return random.next() < 0.5 ? bytes : Buffer.from(String(value));
}

function insert(bytes: Buffer, at: number, what: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]);
}

function overwrite(bytes: Buffer, at: number, what: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at + what.length)]);
}
