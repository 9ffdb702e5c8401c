// Another implementation of HPACK, the npm package `hpack.js`, with types: what one writes the other must read.
// @ts-expect-error -- it has no types.
import hpackJs from 'hpack.js';

/** A field as `hpack.js` gives and takes it. */
export interface Line {
  readonly name: string;
  readonly value: string;
  readonly neverIndex: boolean;
}

interface Coder<In, Out> {
  write(input: In): void;
  read(): Out | null;
}

export interface Compressor extends Coder<readonly (Line & { huffman: boolean; incremental: boolean })[], Buffer> {
  /** Empties the table: sizes 0 and full in front of the next block. */
  reset(): void;
}

export interface Decompressor extends Coder<Buffer, Line> {
  /** Throws for what it does not understand. */
  execute(): void;
}

interface Options {
  readonly table: { readonly maxSize: number };
}

export const { compressor, decompressor } = hpackJs as {
  compressor: { create(options: Options): Compressor };
  decompressor: { create(options: Options): Decompressor };
};

/** Everything that it has to say. */
export function drain<Out>(coder: Coder<never, Out>): Out[] {
  const all: Out[] = [];
  for (let one = coder.read(); one !== null; one = coder.read()) all.push(one);
  return all;
}
