// Digest and comparison of runs of bytes, four at a time: between two rounds of a loop V8 looks at the buffer anew, which costs more than a byte does.

const BASE = 31;
const BASE_2 = BASE * BASE;
const BASE_3 = BASE_2 * BASE;
const BASE_4 = BASE_3 * BASE;

/** Of `bytes[start, end)`, as 32 bits. Every byte counts: values of one name often differ in one digit. */
export function digestOf(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed | 0;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const four = (bytes[i] as number) * BASE_3 + (bytes[i + 1] as number) * BASE_2 + (bytes[i + 2] as number) * BASE + (bytes[i + 3] as number);
    hash = (Math.imul(hash, BASE_4) + four) | 0;
  }
  for (; i < end; i++) hash = (Math.imul(hash, BASE) + (bytes[i] as number)) | 0;
  return hash ^ (hash >>> 15);
}

/** Whether `length` bytes of `a` from `from` on are those of `b` from `at` on. Both have so many. */
export function sameBytes(a: Uint8Array, from: number, b: Uint8Array, at: number, length: number): boolean {
  let i = from;
  let k = at;
  const end = from + length;
  for (; i + 4 <= end; i += 4, k += 4) {
    if (a[i] !== b[k] || a[i + 1] !== b[k + 1] || a[i + 2] !== b[k + 2] || a[i + 3] !== b[k + 3]) return false;
  }
  for (; i < end; i++, k++) if (a[i] !== b[k]) return false;
  return true;
}
