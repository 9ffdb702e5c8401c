// Changes to HTTP/2 frames that keep the lengths of what is around them right: frames go, double, move, take padding, come in parts, on other
// streams. RFC 9113 §4.1, §6.1.
import { type Random, randomInt } from '@weft/core';
import { frame } from '../../packages/http/test/h2/frames.ts';
import { pickOne } from './mutate.ts';
import type { Mutator } from './target.ts';

const DATA = 0;
const HEADERS = 1;
const CONTINUATION = 9;
const END_HEADERS = 4;
const PADDED = 8;
const HEADER_BYTES = 9;

/** The frames of some bytes; the last one may be cut off. */
export function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + HEADER_BYTES + (at + 3 <= bytes.length ? bytes.readUIntBE(at, 3) : 0);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

/** Inputs are `prefix` and frames after it; `known` are put in. */
export function frameMutator(prefix: Buffer, known: readonly Buffer[]): Mutator {
  return (input, random) => {
    if (!input.subarray(0, prefix.length).equals(prefix)) return undefined;
    const frames = framesOf(input.subarray(prefix.length));
    const at = randomInt(random, frames.length + 1);
    const one = frames[at];
    const kind = one === undefined ? 0 : randomInt(random, 10);
    if (kind < 4 || one === undefined) frames.splice(at, 0, pickOne(random, known) ?? Buffer.alloc(0));
    else if (kind === 4) frames.splice(at, 1);
    else if (kind === 5) frames.splice(at, 0, one);
    else if (kind === 6) frames.splice(randomInt(random, frames.length), 0, ...frames.splice(at, 1));
    else frames.splice(at, 1, ...changed(one, random));
    return Buffer.concat([prefix, ...frames]);
  };
}

/** The frame on another stream, with other flags, padded, or in two. */
function changed(one: Buffer, random: Random): readonly Buffer[] {
  if (one.length < HEADER_BYTES) return [one];
  const type = one[3] ?? 0;
  const flags = one[4] ?? 0;
  const id = one.readUInt32BE(5);
  const payload = one.subarray(HEADER_BYTES);
  switch (randomInt(random, 4)) {
    case 0:
      return [frame(type, flags, randomInt(random, 12), payload)];
    case 1:
      return [frame(type, flags ^ (1 << randomInt(random, 6)), id, payload)];
    case 2: {
      const padding = randomInt(random, 4) * 5;
      return (flags & PADDED) !== 0 ? [one] : [frame(type, flags | PADDED, id, Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding)]))];
    }
    default: {
      const cut = randomInt(random, payload.length + 1);
      const second = type === HEADERS ? CONTINUATION : type;
      const kept = type === DATA ? 1 : END_HEADERS;
      return [frame(type, flags & ~kept, id, payload.subarray(0, cut)), frame(second, flags & kept, id, payload.subarray(cut))];
    }
  }
}
