// How much to log: Go's level names and the filter syntax of Linkerd's proxy. spec/control-plane.md §0, spec/proxy.md §1.3 (LOG).
import type { LogLevel } from '@weft/core';

/** `off`: nothing at all. */
export type LogThreshold = LogLevel | 'off';

const LEVELS: Readonly<Record<string, LogThreshold>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  fatal: 'error',
  panic: 'error',
  off: 'off',
};

/** A plain level, any case: trace, debug, info, warn(ing), error, fatal, panic, off. Undefined otherwise. */
export function parseLogLevel(text: string): LogThreshold | undefined {
  const name = text.toLowerCase();
  return Object.hasOwn(LEVELS, name) ? LEVELS[name] : undefined;
}

/** Targets that mean this program in filters written for Linkerd's proxy. */
const OWN_TARGETS = ['weft', 'linkerd', 'linkerd2_proxy', 'linkerd_app'];

/**
 * The threshold of a filter such as `warn,linkerd=info,hickory=error`: comma-separated `level`, `target=level` or `target` (everything of it).
 * One threshold holds for the whole process: that of `weft`, else of `linkerd`, `linkerd2_proxy` or `linkerd_app`, else the bare level, else `error`.
 * Other targets and span filters (`target[span{field}]=level`, of which there is nothing here) must be well-formed and change nothing. Undefined when anything is malformed.
 */
export function parseLogFilter(text: string): LogThreshold | undefined {
  let bare: LogThreshold | undefined;
  const byTarget = new Map<string, LogThreshold>();
  for (const directive of directivesOf(text)) {
    const trimmed = directive.trim();
    if (trimmed === '') continue;
    const level = parseLogLevel(trimmed);
    if (level) {
      bare = level;
      continue;
    }
    const span = /^(?:[a-zA-Z_][\w:.-]*)?\[[^[\]]*\](?:=([a-zA-Z]+))?$/.exec(trimmed);
    if (span && (span[1] === undefined || parseLogLevel(span[1]))) continue;
    const match = /^([a-zA-Z_][\w:.-]*)(?:=([a-zA-Z]+))?$/.exec(trimmed);
    const threshold = match?.[2] === undefined ? 'trace' : parseLogLevel(match[2]);
    if (!match || !threshold) return undefined;
    byTarget.set(match[1] ?? '', threshold);
  }
  for (const target of OWN_TARGETS) {
    const own = byTarget.get(target);
    if (own) return own;
  }
  return bare ?? (byTarget.size > 0 ? 'error' : undefined);
}

/** Commas separate directives, except inside of the brackets of a span. */
function directivesOf(text: string): readonly string[] {
  return text.match(/(?:\[[^\]]*\]|[^,])+/g) ?? [];
}
