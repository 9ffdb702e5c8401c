// The little of DER that reading a certificate's names needs: definite lengths, single-byte tags. ITU-T X.690 §8, §10.

export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The one element that fills `bytes`; undefined when malformed or followed by anything. */
export function derElement(bytes: Uint8Array): DerElement | undefined {
  const first = read(bytes, 0);
  return first?.end === bytes.length ? first : undefined;
}

/** The elements inside a constructed one; undefined when any is malformed. */
export function derChildren(parent: DerElement): readonly DerElement[] | undefined {
  const children: DerElement[] = [];
  for (let offset = 0; offset < parent.content.length; ) {
    const child = read(parent.content, offset);
    if (!child) return undefined;
    children.push(child);
    offset = child.end;
  }
  return children;
}

function read(bytes: Uint8Array, offset: number): (DerElement & { readonly end: number }) | undefined {
  const tag = bytes[offset];
  const short = bytes[offset + 1];
  if (tag === undefined || short === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let start = offset + 2;
  let length = short;
  if (short >= 0x80) {
    const size = short & 0x7f;
    if (size === 0 || size > 4) return undefined;
    length = 0;
    for (let i = 0; i < size; i++) length = length * 256 + (bytes[start++] ?? Number.POSITIVE_INFINITY);
    if (length < 0x80 || (size > 1 && length < 256 ** (size - 1))) return undefined;
  }
  const end = start + length;
  return end <= bytes.length ? { tag, content: bytes.subarray(start, end), end } : undefined;
}
