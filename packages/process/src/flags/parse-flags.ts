// Command lines as Go programs read them: one or two dashes, `=` or a separate value. spec/control-plane.md §0; https://pkg.go.dev/flag
import type { Flag } from './flag.ts';

/** Flag definitions by name. */
export type FlagSpec = Readonly<Record<string, Flag<unknown>>>;

export type FlagValues<S extends FlagSpec> = { readonly [K in keyof S]: S[K] extends Flag<infer T> ? T : never };

export type FlagResult<S extends FlagSpec> =
  | {
      readonly kind: 'ok';
      readonly values: FlagValues<S>;
      /** What is neither flag nor value, in order. */
      readonly positional: readonly string[];
      /** Names that were given. */
      readonly given: ReadonlySet<keyof S & string>;
    }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  /** Everything that is wrong, one line each. */
  | { readonly kind: 'errors'; readonly errors: readonly string[] };

export interface ParseFlagsOptions {
  /** Words that are no flags are kept. Default false: they are errors. */
  readonly positional?: boolean;
}

/** Reads `argv` without the program's name. `--` ends the flags. `help`, `h` and `version` are known unless the definitions say otherwise. */
export function parseFlags<S extends FlagSpec>(spec: S, argv: readonly string[], options: ParseFlagsOptions = {}): FlagResult<S> {
  const values = new Map<string, unknown>();
  const positional: string[] = [];
  const errors: string[] = [];
  let asked: 'help' | 'version' | undefined;

  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    if (word === '--') {
      positional.push(...argv.slice(index + 1));
      break;
    }
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word);
    if (!match) {
      if (word.startsWith('-') && word !== '-') errors.push(`bad flag syntax: ${word}`);
      else positional.push(word);
      continue;
    }
    const [, written = '', inline] = match;
    const name = nameOf(spec, written, word.startsWith('--'));
    const flag = name === undefined ? undefined : spec[name];
    if (name === undefined || !flag) {
      if (written === 'help' || written === 'h') asked ??= 'help';
      else if (written === 'version') asked ??= 'version';
      else errors.push(`unknown flag: -${written}`);
      continue;
    }
    const text = inline ?? (flag.bare ? 'true' : argv[++index]);
    if (text === undefined) {
      errors.push(`flag -${name} needs a value`);
      continue;
    }
    const parsed = flag.parse(text, values.get(name));
    if (parsed.ok) values.set(name, parsed.value);
    else errors.push(`invalid value ${JSON.stringify(text)} for flag -${name}: ${parsed.error}`);
  }

  if (asked) return { kind: asked };
  if (options.positional !== true) errors.push(...positional.map((word) => `unexpected argument: ${JSON.stringify(word)}`));
  if (errors.length > 0) return { kind: 'errors', errors };
  const entries = Object.entries(spec).map(([name, flag]) => [name, values.has(name) ? values.get(name) : flag.default]);
  return { kind: 'ok', values: Object.fromEntries(entries) as FlagValues<S>, positional, given: new Set(values.keys()) };
}

/** The full name of what was written: itself, or with one dash the flag of that letter. */
function nameOf(spec: FlagSpec, written: string, twoDashes: boolean): string | undefined {
  if (Object.hasOwn(spec, written)) return written;
  if (twoDashes || written.length !== 1) return undefined;
  return Object.keys(spec).find((name) => spec[name]?.short === written);
}

/** The text of `--help`. */
export function renderUsage(
  spec: FlagSpec,
  program: { readonly name: string; readonly description?: string | undefined; readonly arguments?: string | undefined },
): string {
  const lines = [`Usage: ${program.name} [flags]${program.arguments === undefined ? '' : ` ${program.arguments}`}`];
  if (program.description !== undefined) lines.push('', program.description);
  lines.push('', 'Flags:');
  const all: FlagSpec = {
    ...spec,
    ...(spec['help'] ? {} : { help: BUILT_IN('print this text and exit') }),
    ...(spec['version'] ? {} : { version: BUILT_IN('print the version and exit') }),
  };
  for (const name of Object.keys(all).sort()) {
    const flag = all[name];
    if (!flag) continue;
    lines.push(`  ${flag.short === undefined ? '' : `-${flag.short}, `}--${name}${flag.placeholder === '' ? '' : ` ${flag.placeholder}`}`);
    lines.push(`        ${flag.help}${flag.defaultText === '' ? '' : ` (default ${flag.defaultText})`}`);
  }
  return `${lines.join('\n')}\n`;
}

const BUILT_IN = (help: string): Flag<boolean> => ({
  placeholder: '',
  help,
  default: false,
  defaultText: '',
  bare: true,
  parse: () => ({ ok: true, value: true }),
});
