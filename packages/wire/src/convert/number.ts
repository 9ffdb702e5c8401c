// Numbers whose wire form is not a JavaScript number: 64-bit integers and single-precision floats.
import Long from 'long';

const LOW = 0xffffffffn;

/** The unsigned 64-bit value, exactly. */
export function bigintFromLong(value: Long | undefined): bigint {
  return value === undefined ? 0n : (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
}

/** `value` modulo 2^64, unsigned. Codecs take only Long: they would silently write a bigint as zero. */
export function longFromBigint(value: bigint): Long {
  return Long.fromBits(Number(value & LOW) | 0, Number((value >> 32n) & LOW) | 0, true);
}

/** The number with the fewest digits that is the same float: 0.1 and not 0.10000000149011612. */
export function shortestFloat(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 1; digits <= 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === Math.fround(value)) return candidate;
  }
  return value;
}
