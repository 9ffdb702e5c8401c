// `weft-proxy --check-config`: what is in force and where it comes from, or everything that is wrong. Starts nothing.
import { type ConfigOptions, readConfig } from './config.ts';
import { effectiveSettings } from './effective.ts';
import { type ConfigProblem, formatProblem, shorten } from './read-variables.ts';
import { unsupportedSettings } from './unsupported.ts';
import { namesOf } from './variables.ts';

export interface CheckOptions extends ConfigOptions {
  readonly json: boolean;
}

export interface CheckedConfig {
  readonly valid: boolean;
  /** A table, or one JSON document. Ends with a line break. */
  readonly text: string;
}

export function checkConfig({ json, ...options }: CheckOptions): CheckedConfig {
  const result = readConfig(options);
  const report = {
    valid: result.ok,
    problems: result.ok ? [] : result.problems,
    warnings: result.ok ? [...result.warnings, ...withoutEffect(result)] : result.warnings,
    settings: result.ok ? effectiveSettings(result.config, result.reading) : [],
  };
  if (json) return { valid: result.ok, text: `${JSON.stringify(report, undefined, 2)}\n` };
  const sections = [
    table(report.settings.map(({ name, value = '(unset)', source }) => [name, oneLine(value), source])),
    list('Warnings:', report.warnings),
    list('The configuration is not acceptable:', report.problems),
  ];
  return { valid: result.ok, text: sections.filter((section) => section !== '').join('\n') };
}

function withoutEffect({ config, reading }: Extract<ReturnType<typeof readConfig>, { ok: true }>): readonly ConfigProblem[] {
  return unsupportedSettings(config).map((key) => {
    const set = reading.setAs(key);
    return { variable: set?.name ?? namesOf(key)[0], value: set && shorten(set.text), problem: 'has no effect in this version' };
  });
}

function table(rows: readonly (readonly [name: string, value: string, source: string])[]): string {
  if (rows.length === 0) return '';
  const all = [['NAME', 'VALUE', 'SOURCE'] as const, ...rows];
  const width = (column: 0 | 1): number => Math.max(...all.map((row) => row[column].length));
  const [names, values] = [width(0), width(1)];
  return all.map(([name, value, source]) => `${name.padEnd(names)}  ${value.padEnd(values)}  ${source}\n`).join('');
}

function list(title: string, problems: readonly ConfigProblem[]): string {
  return problems.length === 0 ? '' : `${title}\n${problems.map((problem) => `  ${formatProblem(problem)}\n`).join('')}`;
}

/** Text of people may hold line breaks and control characters. */
function oneLine(value: string): string {
  const plain = /^[\x20-\x7e\u00a0-\uffff]*$/.test(value) ? value : JSON.stringify(value);
  return plain === '' ? '""' : shorten(plain);
}
