// The protobuf wire format, as far as one small message needs it. https://protobuf.dev/programming-guides/encoding/

export type ProtobufField =
  | { readonly number: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Buffer }
  | { readonly number: number; readonly kind: 'fixed' };

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

/** Every field in order; undefined when anything is malformed, groups included. */
export function protobufFields(bytes: Buffer): readonly ProtobufField[] | undefined {
  const fields: ProtobufField[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const key = readVarint(bytes, offset);
    if (!key) return undefined;
    const number = Number(key.value >> 3n);
    if (number < 1 || number > MAX_FIELD_NUMBER) return undefined;
    const field = readField(bytes, key.end, number, Number(key.value & 7n));
    if (!field) return undefined;
    fields.push(field.field);
    offset = field.end;
  }
  return fields;
}

/** The fields of an embedded message; undefined when it is none or malformed. */
export function message(field: ProtobufField): readonly ProtobufField[] | undefined {
  return field.kind === 'bytes' ? protobufFields(field.value) : undefined;
}

export function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint((number << 3) | VARINT), varint(value)]);
}

export function bytesField(number: number, value: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | BYTES), varint(value.length), value]);
}

function readField(bytes: Buffer, offset: number, number: number, wireType: number): { readonly field: ProtobufField; readonly end: number } | undefined {
  if (wireType === FIXED64 || wireType === FIXED32) {
    const end = offset + (wireType === FIXED64 ? 8 : 4);
    return end <= bytes.length ? { field: { number, kind: 'fixed' }, end } : undefined;
  }
  if (wireType !== VARINT && wireType !== BYTES) return undefined;
  const read = readVarint(bytes, offset);
  if (!read || wireType === VARINT) return read && { field: { number, kind: 'varint', value: read.value }, end: read.end };
  if (read.value > BigInt(bytes.length - read.end)) return undefined;
  const end = read.end + Number(read.value);
  return { field: { number, kind: 'bytes', value: bytes.subarray(read.end, end) }, end };
}

/** At most ten bytes, at most 64 bits. */
function readVarint(bytes: Buffer, offset: number): { readonly value: bigint; readonly end: number } | undefined {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[offset + i];
    if (byte === undefined || (i === 9 && byte > 1)) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value, end: offset + i + 1 };
  }
  return undefined;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
