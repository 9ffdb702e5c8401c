// Concatenated DER, as the SPIFFE Workload API sends chains of certificates: cut where one ends and the next begins. X.690 §8.1.3, §10.1.

const SEQUENCE = 0x30;

/** The pieces, in order; views into `bytes`. Undefined when they are not whole SEQUENCEs, or more than `most` of them. */
export function splitDer(bytes: Uint8Array, most: number): readonly Uint8Array[] | undefined {
  const pieces: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = endOf(bytes, start);
    if (end === undefined || end > bytes.length || pieces.length === most) return undefined;
    pieces.push(bytes.subarray(start, end));
    start = end;
  }
  return pieces;
}

/** Where the value that begins at `start` says it ends. */
function endOf(bytes: Uint8Array, start: number): number | undefined {
  const first = bytes[start + 1];
  if (bytes[start] !== SEQUENCE || first === undefined) return undefined;
  if (first < 0x80) return start + 2 + first;
  const digits = first & 0x7f;
  // No indefinite length, and nothing that would need more than 24 bits.
  if (digits === 0 || digits > 3 || start + 2 + digits > bytes.length) return undefined;
  let length = 0;
  for (const digit of bytes.subarray(start + 2, start + 2 + digits)) length = length * 256 + digit;
  return start + 2 + digits + length;
}
