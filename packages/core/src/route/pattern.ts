// Regular expressions of policies: Rust's syntax, written by other people, matched in time linear in pattern and text by re2js, never by
// the engine of JavaScript, which backtracks. Whole values must match (spec/proxy.md §7.2). What is too big is refused before it is compiled.
import { RE2JS } from 're2js';
import { ReasonError, reason } from '../reasons/reason.ts';
import { literalPrefix, patternShape } from './pattern-shape.ts';

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
/** Of all patterns of one policy: some tens of milliseconds, which nothing else is done in. */
const MAX_WORK = 50_000;
/** A text that is not even compiled is read once. */
const WORK_OF_ANY = 10;
const LENGTH_PER_WORK = 8;

/** One per policy: equal patterns are compiled once, and all together are bounded before they are, those that then are refused too. */
export function patternCompiler(): CompilePattern {
  const known = new Map<string, Pattern | ReasonError>();
  let left = MAX_WORK;
  const compileOnce = (regex: string): Pattern | ReasonError => {
    if (regex.length > MAX_LENGTH) return invalid(regex, `it has ${regex.length} characters, and may have ${MAX_LENGTH}`);
    const reading = WORK_OF_ANY + Math.ceil(regex.length / LENGTH_PER_WORK);
    if (reading > left) return tooMuch(regex, reading);
    left -= reading;
    const { size, work, hasAnchors } = patternShape(regex);
    if (size > MAX_SIZE) return invalid(regex, `it has up to ${size} instructions, and may have ${MAX_SIZE}`);
    if (work > left) return tooMuch(regex, Math.ceil(work));
    left -= Math.ceil(work);
    return compile(regex, hasAnchors);
  };
  const tooMuch = (regex: string, work: number): ReasonError =>
    invalid(regex, `the patterns of the policy take too long to compile together: this one needs ${work} steps, and ${left} of ${MAX_WORK} are left`);
  return (regex) => {
    const result = known.get(regex) ?? compileOnce(regex);
    known.set(regex, result);
    if (result instanceof ReasonError) throw result;
    return result;
  };
}

function compile(regex: string, hasAnchors: boolean): Pattern | ReasonError {
  let program: RE2JS;
  try {
    program = RE2JS.compile(hasAnchors ? withoutOnePass(regex) : regex);
  } catch (error) {
    return invalid(regex, error instanceof Error ? error.message : String(error));
  }
  // With a matcher, and not `program.matches`: the automaton that builds takes megabytes, and with hostile text more time than it saves.
  return { source: regex, size: program.programSize(), prefix: literalPrefix(regex), matches: (text) => program.matcher(text).matches() };
}

/** What begins with `^`, re2js prepares for another engine, in seconds for some hundred instructions. A beginning that fits everywhere keeps it from that. */
function withoutOnePass(regex: string): string {
  return /^[*+?{]/.test(regex) ? regex : `\\B?${regex}`;
}

function invalid(regex: string, why: string): ReasonError {
  const shown = regex.length > 100 ? `${regex.slice(0, 100)}…` : regex;
  return new ReasonError(reason('POLICY_INVALID', `the pattern ${JSON.stringify(shown)} cannot be used: ${why}`));
}
