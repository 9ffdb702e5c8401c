// What the fuzz loop knows of a parser: how to begin, how to change an input, and what must hold for every input.
import type { Random } from '@weft/core';

/** A change to an input that knows its format; undefined where the input is not of that format. */
export type Mutator = (input: Buffer, random: Random) => Buffer | undefined;

export interface FuzzTarget {
  /** Also the name of its folder below `corpus/`. */
  readonly name: string;
  /** Well-formed inputs to start from, beside those of the corpus. Asked once. */
  seeds(): readonly Buffer[];
  /** Words of the format, put into inputs now and then. */
  readonly tokens: readonly (string | Buffer)[];
  readonly mutator?: Mutator;
  /**
   * Parses one input and checks what must hold. Anything thrown is a finding.
   * The answer names the kind of outcome: inputs that bring a new kind are kept and changed further.
   */
  run(input: Buffer): string | Promise<string>;
}

/** A property that does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export function hold(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Violation(what);
}

type ErrorClass = new (...args: never[]) => Error;

/** The value, or the error when it is of one of the classes that the parser declares. Every other error goes on. */
export function attempt<T, E extends ErrorClass>(fn: () => T, ...declared: readonly E[]): { readonly value: T } | { readonly error: InstanceType<E> } {
  try {
    return { value: fn() };
  } catch (error) {
    if (declared.some((one) => error instanceof one)) return { error: error as InstanceType<E> };
    throw error;
  }
}

/** The first words of a message without what is quoted or no plain word: they name the kind of error, not the input. */
export function kindOf(error: Error): string {
  const words = error.message.replace(/"(?:[^"\\]|\\.)*"/g, ' ').match(/\b[a-z]+\b/gi) ?? [];
  return words.slice(0, 3).join(' ');
}

/** Bytes written as latin1. */
export const raw = (...all: readonly string[]): readonly Buffer[] => all.map((text) => Buffer.from(text, 'latin1'));
export const texts = (...all: readonly string[]): readonly Buffer[] => all.map((text) => Buffer.from(text));
