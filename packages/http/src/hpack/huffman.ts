// Huffman coding of strings, driven by tables built when loaded: four bits a step when decoding. RFC 7541 §5.2.
import { codeLengths, codes, EOS } from './huffman-code.ts';

const EMITS = 0x10000;
const FAILS = 0x20000;
/** For state × nibble: next state, symbol << 8, EMITS, FAILS. A state is an inner node of the code tree. */
const steps = new Uint32Array(256 * 16);
/** States in which a string may end: fewer than eight bits since the last symbol, all ones. */
const accepts = new Uint8Array(256);

buildTables();

function buildTables(): void {
  // children[2n + bit]: an inner node, or -1 - symbol for a leaf. Node 0 is the root.
  const children: number[] = [0, 0];
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0;
    for (let bit = (codeLengths[symbol] as number) - 1; bit >= 0; bit--) {
      const edge = node * 2 + (((codes[symbol] as number) >>> bit) & 1);
      if (bit === 0) children[edge] = -1 - symbol;
      else if ((children[edge] as number) === 0) {
        children[edge] = children.length / 2;
        children.push(0, 0);
      }
      node = children[edge] as number;
    }
  }
  for (let state = 0; state < 256; state++) for (let nibble = 0; nibble < 16; nibble++) steps[state * 16 + nibble] = step(children, state, nibble);
  for (let depth = 0, node = 0; depth < 8; depth++, node = children[node * 2 + 1] as number) accepts[node] = 1;
}

function step(children: readonly number[], state: number, nibble: number): number {
  let node = state;
  let flags = 0;
  for (let bit = 3; bit >= 0; bit--) {
    node = children[node * 2 + ((nibble >> bit) & 1)] as number;
    if (node >= 0) continue;
    if (node === -1 - EOS) return FAILS;
    flags = EMITS | ((-1 - node) << 8);
    node = 0;
  }
  return flags | node;
}

/** Most octets that so many octets of Huffman code can decode to. */
export function decodedBound(length: number): number {
  return Math.floor((length * 8) / 5);
}

/** Decodes `bytes[start, end)` to the beginning of `out`; returns the octets written, or -1 if the code is broken (EOS, bad padding). */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let state = 0;
  let written = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    const high = steps[(state << 4) | (byte >> 4)] as number;
    if (high >= EMITS) {
      if (high >= FAILS) return -1;
      out[written++] = (high >> 8) & 0xff;
    }
    const low = steps[((high & 0xff) << 4) | (byte & 15)] as number;
    if (low >= EMITS) {
      if (low >= FAILS) return -1;
      out[written++] = (low >> 8) & 0xff;
    }
    state = low & 0xff;
  }
  return accepts[state] === 1 ? written : -1;
}

/** Octets that a latin1 string takes in Huffman code. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += codeLengths[text.charCodeAt(i)] as number;
  return (bits + 7) >> 3;
}

/** Writes a latin1 string in Huffman code at `pos`; returns the position after it. */
export function huffmanEncode(text: string, out: Uint8Array, pos: number): number {
  let pending = 0;
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    let length = codeLengths[symbol] as number;
    let code = codes[symbol] as number;
    if (length > 16) {
      // At most 7 bits are pending: two halves keep the accumulator within 32 bits.
      length -= 16;
      pending = (pending << length) | (code >>> 16);
      count += length;
      while (count >= 8) out[pos++] = pending >>> (count -= 8);
      code &= 0xffff;
      length = 16;
    }
    pending = (pending << length) | code;
    count += length;
    while (count >= 8) out[pos++] = pending >>> (count -= 8);
  }
  if (count > 0) out[pos++] = (pending << (8 - count)) | (0xff >>> count);
  return pos;
}
