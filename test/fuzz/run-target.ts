// The loop over one target: corpus and seeds first, then changed inputs until told to stop or something does not hold.
import { type Random, randomInt, seeded } from '@weft/core';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

export interface RunOptions {
  readonly target: FuzzTarget;
  readonly corpus: readonly Buffer[];
  readonly seed: number;
  /** Asked before each changed input. */
  more(executions: number): boolean;
  /** An input that takes longer, three times in a row, is a finding. Default 400. */
  readonly slowMs?: number;
  /** Told of each input before it is tried. */
  onInput?(input: Buffer): void;
}

export interface Finding {
  readonly error: Error;
  /** As found. */
  readonly input: Buffer;
  readonly minimised: Buffer;
}

export interface Report {
  readonly executions: number;
  /** Kinds of outcome, each with the first input that brought it. */
  readonly kinds: ReadonlyMap<string, Buffer>;
  readonly finding?: Finding | undefined;
}

const MAX_POOL = 1_000;

export async function runTarget(options: RunOptions): Promise<Report> {
  const { target, onInput, slowMs = 400 } = options;
  const random = seeded(options.seed);
  const kinds = new Map<string, Buffer>();
  const pool: Buffer[] = [];
  let executions = 0;

  const failure = async (input: Buffer): Promise<Error | undefined> => {
    executions++;
    onInput?.(input);
    const outcome = await tryOnce(target, input, slowMs);
    if (outcome instanceof Error) return outcome;
    if (!kinds.has(outcome)) {
      kinds.set(outcome, input);
      if (pool.length < MAX_POOL) pool.push(input);
    }
    return undefined;
  };
  const found = async (input: Buffer, error: Error): Promise<Report> => {
    const fails = async (smaller: Buffer): Promise<boolean> => {
      onInput?.(smaller);
      const outcome = await tryOnce(target, smaller, slowMs);
      return outcome instanceof Error && outcome.name === error.name;
    };
    const maxTries = error instanceof SlowError ? 20 : 2_000;
    return { executions, kinds, finding: { error, input, minimised: await minimise({ input, fails, maxTries }) } };
  };

  for (const input of [...options.corpus, ...target.seeds()]) {
    pool.push(input);
    const error = await failure(input);
    if (error) return found(input, error);
  }
  if (pool.length === 0) pool.push(Buffer.alloc(0));
  while (options.more(executions)) {
    const input = mutate(target, parentOf(pool, random), pool, random);
    const error = await failure(input);
    if (error) return found(input, error);
  }
  return { executions, kinds };
}

/** Half of the time one of the latest, which lead to places seen least. */
function parentOf(pool: readonly Buffer[], random: Random): Buffer {
  const from = random.next() < 0.5 ? Math.max(0, pool.length - 16) : 0;
  return pool[from + randomInt(random, pool.length - from)] ?? Buffer.alloc(0);
}

class SlowError extends Error {
  override readonly name = 'SlowError';
}

/** The kind of outcome, or what is wrong. */
async function tryOnce(target: FuzzTarget, input: Buffer, slowMs: number): Promise<string | Error> {
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    let kind: string;
    try {
      const result = target.run(input);
      kind = typeof result === 'string' ? result : await result;
    } catch (error) {
      return error instanceof Error ? error : new Error(`something was thrown that is no Error: ${String(error)}`);
    }
    fastestMs = Math.min(fastestMs, performance.now() - started);
    if (fastestMs <= slowMs) return kind;
  }
  return new SlowError(`takes ${Math.round(fastestMs)} ms for ${input.length} bytes`);
}
