// Log filter directives as LINKERD2_PROXY_LOG carries them: `warn,linkerd=info`. spec/proxy.md §1.3.
import type { LogLevel } from '@weft/core';
import type { Parsed, Syntax } from './syntax.ts';

export type FilterLevel = LogLevel | 'off';

/** One directive; an empty target is the default for every target. */
export interface LogDirective {
  readonly target: string;
  readonly level: FilterLevel;
}

const LEVELS: readonly FilterLevel[] = ['off', 'error', 'warn', 'info', 'debug', 'trace'];

export const LOG_FILTER: Syntax<readonly LogDirective[]> = {
  form: 'directives, such as warn,linkerd=info',
  parse(text): Parsed<readonly LogDirective[]> {
    const directives: LogDirective[] = [];
    for (const item of text.split(',')) {
      const trimmed = item.trim();
      if (trimmed === '') continue;
      const directive = parseDirective(trimmed);
      if (!directive) return { ok: false, problem: `holds ${JSON.stringify(trimmed)}, which is not a log directive` };
      directives.push(directive);
    }
    return { ok: true, value: directives };
  },
};

/** The level of a target: that of the longest directive it begins with; without any, errors only. */
export function levelOf(directives: readonly LogDirective[], target: string): FilterLevel {
  let best: LogDirective | undefined;
  for (const directive of directives) {
    if (target.startsWith(directive.target) && (best === undefined || directive.target.length >= best.target.length)) best = directive;
  }
  return best?.level ?? 'error';
}

function parseDirective(text: string): LogDirective | undefined {
  const bare = parseLevel(text);
  if (bare) return { target: '', level: bare };
  // A span part in brackets is accepted and ignored: this implementation has no spans to filter by.
  const match = /^([A-Za-z0-9_:.-]*)(?:\[[^\]]*\])?(?:=([A-Za-z0-9]+))?$/.exec(text);
  if (!match || (match[1] === '' && match[2] === undefined)) return undefined;
  const level = match[2] === undefined ? 'trace' : parseLevel(match[2]);
  return level && { target: match[1] ?? '', level };
}

function parseLevel(text: string): FilterLevel | undefined {
  const word = text.toLowerCase();
  return LEVELS.find((level, index) => level === word || String(index) === word);
}
