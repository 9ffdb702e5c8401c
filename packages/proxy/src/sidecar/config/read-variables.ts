// Reads all variables of the table from an environment; every problem is kept, none stops the reading. spec/proxy.md §1.2.
import { namesOf, VARIABLES, type Values, type Variable, type VariableName } from './variables.ts';

/** What is wrong with one variable. The value is shortened; it is absent where the variable is not set. */
export interface ConfigProblem {
  readonly variable: string;
  readonly value?: string | undefined;
  readonly problem: string;
}

export interface Reading {
  /** Variables that failed are undefined here, so it is complete only without problems. */
  readonly values: Partial<Values>;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
  /** Whether the variable is set at all, well or badly. */
  isSet(key: VariableName): boolean;
  /** The name under which the variable is set, and its text. */
  setAs(key: VariableName): { readonly name: string; readonly text: string } | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const LONGEST_SHOWN = 80;

/** `undecodable`: names whose bytes are known not to be UTF-8. Absent: every value with a replacement character is taken for one. */
export function readVariables(env: Environment, undecodable?: ReadonlySet<string>): Reading {
  const values: Partial<Record<VariableName, unknown>> = {};
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  const setAs: Reading['setAs'] = (key) => {
    for (const name of namesOf(key)) {
      const text = env[name];
      if (text !== undefined) return { name, text };
    }
    return undefined;
  };
  // A byte that cannot be decoded reaches us as the replacement character, which may also have been written as such.
  const isUtf8 = (name: string, text: string): boolean => !text.includes('\uFFFD') || (undecodable !== undefined && !undecodable.has(name));

  for (const key of Object.keys(VARIABLES) as VariableName[]) {
    const variable: Variable<unknown> = VARIABLES[key];
    const set = setAs(key);
    const text = set ? set.text : variable.fallback;
    if (text === undefined) {
      if (variable.required) problems.push({ variable: namesOf(key)[0], problem: 'must be set' });
      continue;
    }
    const name = set?.name ?? namesOf(key)[0];
    const parsed = isUtf8(name, text) ? variable.syntax.parse(text) : { ok: false as const, problem: 'is not UTF-8' };
    if (parsed.ok) values[key] = parsed.value;
    else if (variable.lenient) warnings.push({ variable: name, value: shorten(text), problem: `${parsed.problem}; it is ignored` });
    else problems.push({ variable: name, value: shorten(text), problem: parsed.problem });
  }
  return { values: values as Partial<Values>, problems, warnings, isSet: (key) => setAs(key) !== undefined, setAs };
}

/** One line that names variable and value. */
export function formatProblem({ variable, value, problem }: ConfigProblem): string {
  return value === undefined ? `${variable} ${problem}` : `${variable}=${JSON.stringify(value)} ${problem}`;
}

export function shorten(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
