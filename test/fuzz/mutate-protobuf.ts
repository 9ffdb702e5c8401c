// Changes to protobuf messages that keep the lengths of what is around them right: fields go, double, swap, nest, change.
// https://protobuf.dev/programming-guides/encoding/
import { type Random, randomInt } from '@weft/core';
import { pickOne } from './mutate.ts';
import type { Mutator } from './target.ts';

interface Field {
  readonly number: number;
  readonly wireType: number;
  /** Without length prefix. */
  readonly content: Buffer;
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

export const protobufMutator: Mutator = (input, random) => {
  const fields = split(input);
  return fields && join(changed(fields, random, 0));
};

function changed(fields: readonly Field[], random: Random, depth: number): readonly Field[] {
  const at = randomInt(random, Math.max(fields.length, 1));
  const field = fields[at];
  if (!field) return [made(random)];
  const inner = field.wireType === BYTES && depth < 12 ? split(field.content) : undefined;
  if (inner && inner.length > 0 && random.next() < 0.7) return fields.with(at, { ...field, content: join(changed(inner, random, depth + 1)) });
  switch (randomInt(random, 6)) {
    case 0:
      return fields.filter((_, index) => index !== at);
    case 1:
      return [...fields, field];
    case 2:
      return [...fields.slice(0, at), made(random), ...fields.slice(at)];
    case 3:
      return fields.with(at, { ...field, number: 1 + randomInt(random, 12) });
    case 4:
      return fields.with(at, { ...field, content: contentOf(field.wireType, random) });
    default:
      return fields.with(at, { number: field.number, wireType: BYTES, content: join([field]) });
  }
}

function made(random: Random): Field {
  const wireType = pickOne(random, [VARINT, FIXED64, BYTES, FIXED32]) ?? VARINT;
  return { number: 1 + randomInt(random, 12), wireType, content: contentOf(wireType, random) };
}

function contentOf(wireType: number, random: Random): Buffer {
  if (wireType === VARINT) return varint(pickOne(random, [0n, 1n, 127n, 255n, 65_535n, 65_536n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n]) ?? 0n);
  const length = wireType === FIXED64 ? 8 : wireType === FIXED32 ? 4 : randomInt(random, 12);
  const edge = pickOne(random, [0, 0xff, undefined]);
  return Buffer.from(Array.from({ length }, () => edge ?? randomInt(random, 256)));
}

/** The fields in order; undefined when the bytes are no message. */
function split(bytes: Buffer): Field[] | undefined {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const key = readVarint(bytes, at);
    if (!key || key.value >> 3n === 0n || key.value > 0xffff_ffffn) return undefined;
    const wireType = Number(key.value & 7n);
    let start = key.end;
    let end: number;
    if (wireType === VARINT) end = readVarint(bytes, start)?.end ?? Number.NaN;
    else if (wireType === FIXED64 || wireType === FIXED32) end = start + (wireType === FIXED64 ? 8 : 4);
    else if (wireType === BYTES) {
      const length = readVarint(bytes, start);
      start = length?.end ?? Number.NaN;
      end = start + Number(length?.value ?? 0n);
    } else return undefined;
    if (!(end <= bytes.length)) return undefined;
    fields.push({ number: Number(key.value >> 3n), wireType, content: bytes.subarray(start, end) });
    at = end;
  }
  return fields;
}

function join(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(({ number, wireType, content }) => [
      varint((BigInt(number) << 3n) | BigInt(wireType)),
      ...(wireType === BYTES ? [varint(BigInt(content.length))] : []),
      content,
    ]),
  );
}

function readVarint(bytes: Buffer, at: number): { readonly value: bigint; readonly end: number } | undefined {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value, end: at + i + 1 };
  }
  return undefined;
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
