// Ways to cut the same bytes into pieces as a network might: always the same ways for the same bytes.
import { type Random, randomInt, seeded } from '@weft/core';

/** Longer inputs are not given byte by byte. */
const SINGLES_BYTES = 1_024;

/** A number for an input, so that what is random in its run depends on nothing else. */
export function seedOf(input: Uint8Array): number {
  let hash = 0x811c9dc5 | 0;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

export const randomOf = (input: Uint8Array): Random => seeded(seedOf(input));

/** The bytes in pieces of random length: many short ones or few long ones. Never empty. */
export function randomPieces(input: Buffer, random: Random): Buffer[] {
  const most = [2, 12, 200, 4_096][randomInt(random, 4)] ?? 12;
  const pieces: Buffer[] = [];
  for (let at = 0; at < input.length; ) {
    const end = Math.min(input.length, at + 1 + randomInt(random, most));
    pieces.push(input.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** Other ways than in one piece. */
export function waysToCut(input: Buffer): readonly (readonly Buffer[])[] {
  const ways: (readonly Buffer[])[] = [randomPieces(input, randomOf(input))];
  if (input.length <= SINGLES_BYTES) ways.push(Array.from({ length: input.length }, (_, at) => input.subarray(at, at + 1)));
  return ways;
}

/** Hands over a copy of a piece that is overwritten afterwards: what was kept of it without leave shows. */
export function lend(piece: Buffer, take: (bytes: Buffer) => void): void {
  const copy = Buffer.from(piece);
  take(copy);
  copy.fill(0xee);
}
