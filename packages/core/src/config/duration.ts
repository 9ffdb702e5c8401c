// Durations as Linkerd's proxy and Go programs write them. spec/proxy.md §1.2; https://pkg.go.dev/time#ParseDuration
import type { Millis } from '../time/clock.ts';

const PROXY_UNITS: Readonly<Record<string, Millis>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const GO_UNITS: Readonly<Record<string, Millis>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** Go counts nanoseconds in a signed 64-bit integer. */
const GO_MAX_MS = 9_223_372_036_854.775;

/** One whole number with a unit `ms|s|m|h|d`, blanks around; the unit may be missing only from `0`. Undefined on anything else. */
export function parseDuration(text: string): Millis | undefined {
  const match = /^\s*([0-9]+)(ms|s|m|h|d)?\s*$/.exec(text);
  if (!match) return undefined;
  const [, digits = '', unit] = match;
  const count = Number(digits);
  if (unit === undefined) return count === 0 ? 0 : undefined;
  const ms = count * (PROXY_UNITS[unit] ?? Number.NaN);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** The text that `parseDuration` reads back: whole milliseconds in the largest unit that divides them. Fractions are cut off. */
export function formatDuration(ms: Millis): string {
  const whole = Math.trunc(ms);
  if (whole === 0) return '0';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = PROXY_UNITS[unit] ?? 1;
    if (whole % size === 0) return `${whole / size}${unit}`;
  }
  return `${whole}ms`;
}

/** Go's form: signed, several numbers with units `ns us µs ms s m h`, fractions allowed, such as `1h30m` or `1.5s`; `0` alone. */
export function parseGoDuration(text: string): Millis | undefined {
  const match = /^([+-]?)(.+)$/.exec(text);
  if (!match) return undefined;
  const [, sign, rest = ''] = match;
  if (rest === '0') return 0;
  const part = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/y;
  let ms = 0;
  while (part.lastIndex < rest.length) {
    const found = part.exec(rest);
    if (!found) return undefined;
    ms += Number(found[1]) * (GO_UNITS[found[2] ?? ''] ?? Number.NaN);
  }
  if (!(ms <= GO_MAX_MS)) return undefined;
  return sign === '-' && ms !== 0 ? -ms : ms;
}
