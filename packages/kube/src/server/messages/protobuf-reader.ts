// Walking over bytes of protobuf. Protocol Buffers "Encoding". Throws RangeError for bytes that end early or make no sense.

export interface WireField {
  readonly number: number;
  /** Of a varint; zero for a field of bytes. */
  readonly value: bigint;
  /** Of a field with a length. */
  readonly bytes: Uint8Array | undefined;
}

/** The fields of one message in the order they stand. Fixed-width fields, which no message here has, are passed over. */
export function* readFields(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new RangeError('the message ends within a number');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new RangeError('a number is too long');
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new RangeError('the message ends within a field');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    if (number === 0) throw new RangeError('field number 0');
    const wire = tag % 8;
    if (wire === 0) yield { number, value: varint(), bytes: undefined };
    else if (wire === 2) yield { number, value: 0n, bytes: take(Number(varint())) };
    else if (wire === 1) take(8);
    else if (wire === 5) take(4);
    else throw new RangeError(`wire type ${wire} is not known`);
  }
}
