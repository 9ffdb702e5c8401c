// Makes a failing input smaller while it keeps failing in the same way: pieces are cut out, large ones first.

export interface MinimiseOptions {
  readonly input: Buffer;
  /** Whether an input fails in the same way. */
  fails(input: Buffer): Promise<boolean>;
  /** Most tries. Default 2000. */
  readonly maxTries?: number;
}

export async function minimise(options: MinimiseOptions): Promise<Buffer> {
  let { input } = options;
  let tries = options.maxTries ?? 2000;
  for (let size = Math.ceil(input.length / 2); size >= 1 && tries > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < input.length && tries > 0; tries--) {
      const smaller = Buffer.concat([input.subarray(0, at), input.subarray(at + size)]);
      if (await options.fails(smaller)) input = smaller;
      else at += size;
    }
  }
  return input;
}
