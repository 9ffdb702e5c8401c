// The text of `--help`, made from the table of variables.
import { namesOf, VARIABLES, type Variable, type VariableName } from './config/variables.ts';

export function usage(): string {
  const lines = (Object.keys(VARIABLES) as VariableName[]).map((key) => {
    const { fallback, required, meaning, syntax }: Variable<unknown> = VARIABLES[key];
    const note = required ? 'required' : fallback === undefined || fallback === '' ? '' : `default ${fallback}`;
    return `  ${namesOf(key)[0]}${note === '' ? '' : ` (${note})`}\n      ${meaning}; ${syntax.form}`;
  });
  return [
    'Usage: weft-proxy [--check-config [--json] | --help | --version]',
    '',
    'The mesh proxy of one pod. It is configured by environment variables alone; --check-config prints what is in force and',
    'where it comes from, or everything that is wrong, and starts nothing.',
    '',
    ...lines,
    '',
    'Exit codes: 0 after an orderly shutdown, 1 when it could not start, 64 when the configuration is not acceptable.',
    '',
  ].join('\n');
}
