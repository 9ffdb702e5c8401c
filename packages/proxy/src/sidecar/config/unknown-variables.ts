// Variables that look like ours and are none: most are spelling errors, and the reference ignores them silently.
import type { ConfigProblem, Environment } from './read-variables.ts';
import { IGNORED_NAMES, namesOf, PREFIX, VARIABLES, type VariableName } from './variables.ts';

/** Of this program alone. */
const OWN_PREFIXES = [PREFIX, 'WEFT_PROXY_'];
/** Names further away than this are not taken for a misspelling. */
const MOST_EDITS = 3;
/** Longer names are not compared: the work grows with the square. */
const LONGEST_COMPARED = 100;

export function unknownVariables(env: Environment): readonly ConfigProblem[] {
  const known = (Object.keys(VARIABLES) as VariableName[]).flatMap(namesOf);
  const all = new Set([...known, ...IGNORED_NAMES]);
  const unknown = Object.keys(env).filter((name) => OWN_PREFIXES.some((prefix) => name.startsWith(prefix)) && !all.has(name));
  return unknown.map((name) => {
    const near = nearest(name, known);
    return { variable: name, problem: near === undefined ? 'is not a known variable' : `is not a known variable; did you mean ${near}?` };
  });
}

function nearest(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > LONGEST_COMPARED) return undefined;
  let best: string | undefined;
  let least = MOST_EDITS + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = edits(name, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein distance: insertions, deletions and replacements of one character. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
