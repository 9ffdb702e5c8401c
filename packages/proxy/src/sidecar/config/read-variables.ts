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
}

export type Environment = Readonly<Record<string, string | undefined>>;

const LONGEST_SHOWN = 80;

export function readVariables(env: Environment): Reading {
  const values: Partial<Record<VariableName, unknown>> = {};
  const problems: ConfigProblem[] = [];
  const warnings: ConfigProblem[] = [];
  const nameOf = (key: VariableName): string | undefined => namesOf(key).find((name) => env[name] !== undefined);

  for (const key of Object.keys(VARIABLES) as VariableName[]) {
    const variable: Variable<unknown> = VARIABLES[key];
    const name = nameOf(key);
    const text = name === undefined ? variable.fallback : env[name];
    if (text === undefined) {
      if (variable.required) problems.push({ variable: namesOf(key)[0], problem: 'must be set' });
      continue;
    }
    // An undecodable byte reaches us as the replacement character.
    const parsed = text.includes('\uFFFD') ? { ok: false as const, problem: 'is not UTF-8' } : variable.syntax.parse(text);
    if (parsed.ok) values[key] = parsed.value;
    else (variable.lenient ? warnings : problems).push({ variable: name ?? namesOf(key)[0], value: shorten(text), problem: parsed.problem });
  }
  return { values: values as Partial<Values>, problems, warnings, isSet: (key) => nameOf(key) !== undefined };
}

/** One line that names variable and value. */
export function formatProblem({ variable, value, problem }: ConfigProblem): string {
  return value === undefined ? `${variable} ${problem}` : `${variable}=${JSON.stringify(value)} ${problem}`;
}

export function shorten(text: string): string {
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
}
