// Regular expressions of policies: Rust's syntax, written by other people, matched in time linear in pattern and text by re2js, never by
// the engine of JavaScript, which backtracks. Whole values must match (spec/proxy.md §7.2). What is too big is refused when it is compiled.
import { RE2JS } from 're2js';
import { ReasonError, reason } from '../reasons/reason.ts';

/** A compiled pattern. */
export interface Pattern {
  /** As the policy has it. */
  readonly source: string;
  /** Instructions of the program: a match takes at most this many steps for each character of the text. */
  readonly size: number;
  /** What every matching text begins with, to tell most others without running the program. */
  readonly prefix: string;
  /** Whether the whole text matches. */
  matches(text: string): boolean;
}

/** Compiles the patterns of one policy. Throws POLICY_INVALID, naming the pattern. */
export type CompilePattern = (regex: string) => Pattern;

const MAX_LENGTH = 4_096;
const MAX_SIZE = 10_000;
const MAX_SIZE_OF_POLICY = 100_000;

/** One per policy: equal patterns are compiled once, and all together are bounded. */
export function patternCompiler(): CompilePattern {
  const known = new Map<string, Pattern>();
  let total = 0;
  return (regex) => {
    const same = known.get(regex);
    if (same) return same;
    const pattern = compile(regex);
    total += pattern.size;
    if (total > MAX_SIZE_OF_POLICY) throw invalid(regex, `the patterns of the policy are too large together: more than ${MAX_SIZE_OF_POLICY} instructions`);
    known.set(regex, pattern);
    return pattern;
  };
}

function compile(regex: string): Pattern {
  if (regex.length > MAX_LENGTH) throw invalid(regex, `it has ${regex.length} characters, and may have ${MAX_LENGTH}`);
  let program: RE2JS;
  try {
    program = RE2JS.compile(regex);
  } catch (error) {
    throw invalid(regex, error instanceof Error ? error.message : String(error));
  }
  const size = program.programSize();
  if (size > MAX_SIZE) throw invalid(regex, `it has ${size} instructions, and may have ${MAX_SIZE}`);
  // Not `testExact`: the automaton it builds takes megabytes, and with hostile text more time than it saves.
  return { source: regex, size, prefix: literalPrefix(regex), matches: (text) => program.matches(text) };
}

function invalid(regex: string, why: string): ReasonError {
  const shown = regex.length > 100 ? `${regex.slice(0, 100)}…` : regex;
  return new ReasonError(reason('POLICY_INVALID', `the pattern ${JSON.stringify(shown)} cannot be used: ${why}`));
}

/** Empty where the beginning is not plain characters, or where there is another one. */
function literalPrefix(regex: string): string {
  if (hasAlternatives(regex)) return '';
  const plain = /^(?:[^\\.+*?()[\]{}^$|]|\\[/.\-_])*/.exec(regex)?.[0] ?? '';
  // A quantifier may do without the character before it.
  const whole = /^[*?{]/.test(regex.slice(plain.length)) ? plain.replace(/\\?.$/su, '') : plain;
  return whole.replaceAll('\\', '');
}

/** Outside of groups; quoted text counts as if it had some. */
function hasAlternatives(regex: string): boolean {
  if (!regex.includes('|')) return false;
  if (regex.includes('\\Q')) return true;
  const structure = regex.replace(/\\./gsu, '').replace(/\[\^?\]?(?:\[:\^?\w+:\]|[^\]])*\]/gu, '');
  let depth = 0;
  for (const character of structure) {
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === '|' && depth === 0) return true;
  }
  return false;
}
