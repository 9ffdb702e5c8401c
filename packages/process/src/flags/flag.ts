// What a flag accepts. Each constructor gives a typed definition; `parseFlags` reads them.
import { isDnsName, type Millis, type PortSet, parseGoDuration, parsePortSet } from '@weft/core';
import { type LogThreshold, parseLogFilter, parseLogLevel } from '../logging/log-level.ts';

/** A value, or why the text is none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

export interface Flag<T> {
  /** What `--help` shows for the value. */
  readonly placeholder: string;
  readonly help: string;
  readonly default: T;
  /** How the default is shown; empty: not at all. */
  readonly defaultText: string;
  /** Takes no separate value: `-flag` alone means true. */
  readonly bare: boolean;
  /** One letter, used as `-p`. */
  readonly short?: string | undefined;
  /** Combines with what earlier occurrences gave; undefined the first time. */
  parse(text: string, earlier: T | undefined): Parsed<T>;
}

export interface FlagOptions<T> {
  readonly default: T;
  readonly help: string;
  /** One letter, used as `-p`. */
  readonly short?: string;
}

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (error: string): Parsed<never> => ({ ok: false, error });

/** Any form: `parse` says what it means. */
export function customFlag<T>(
  options: FlagOptions<T> & { readonly placeholder: string; readonly defaultText?: string; readonly parse: (text: string) => Parsed<T> },
): Flag<T> {
  const { placeholder, help, short, parse } = options;
  return { placeholder, help, short, default: options.default, defaultText: options.defaultText ?? String(options.default ?? ''), bare: false, parse };
}

export function stringFlag(options: FlagOptions<string>): Flag<string> {
  return customFlag({ ...options, placeholder: 'string', parse: ok });
}

/** Empty means the default, as Linkerd's controllers take it. */
export function dnsNameFlag(options: FlagOptions<string>): Flag<string> {
  return customFlag({
    ...options,
    placeholder: 'name',
    parse: (text) => (text === '' ? ok(options.default) : isDnsName(text) ? ok(text) : bad('not a DNS name')),
  });
}

/** A level of Go's loggers. */
export function logLevelFlag(options: FlagOptions<LogThreshold>): Flag<LogThreshold> {
  return customFlag({
    ...options,
    placeholder: 'level',
    parse(text) {
      const value = parseLogLevel(text);
      return value === undefined ? bad('not one of panic, fatal, error, warn, info, debug, trace') : ok(value);
    },
  });
}

/** A filter as Linkerd's Rust programs take it, such as `linkerd=info,warn`. */
export function logFilterFlag(options: FlagOptions<LogThreshold> & { readonly defaultText: string }): Flag<LogThreshold> {
  return customFlag({
    ...options,
    placeholder: 'filter',
    parse(text) {
      const value = parseLogFilter(text);
      return value === undefined ? bad('not a log filter such as linkerd=info,warn') : ok(value);
    },
  });
}

/** Go's spellings: 1, t, T, true, TRUE, True and their opposites. */
export function boolFlag(options: FlagOptions<boolean>): Flag<boolean> {
  const { help, short } = options;
  return {
    placeholder: '',
    help,
    short,
    default: options.default,
    defaultText: options.default ? 'true' : '',
    bare: true,
    parse(text) {
      if (/^(1|t|T|true|TRUE|True)$/.test(text)) return ok(true);
      if (/^(0|f|F|false|FALSE|False)$/.test(text)) return ok(false);
      return bad('not true or false');
    },
  };
}

export function intFlag(options: FlagOptions<number> & { readonly min?: number; readonly max?: number }): Flag<number> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  return customFlag({
    ...options,
    placeholder: 'int',
    parse(text) {
      if (!/^[+-]?[0-9]{1,16}$/.test(text)) return bad('not a whole number');
      const value = Number(text);
      return value >= min && value <= max ? ok(value) : bad(`not between ${min} and ${max}`);
    },
  });
}

export function floatFlag(options: FlagOptions<number>): Flag<number> {
  return customFlag({
    ...options,
    placeholder: 'float',
    parse: (text) => (/^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$/.test(text) ? ok(Number(text)) : bad('not a number')),
  });
}

/** Go durations such as `1h30m`; the value is in milliseconds. */
export function durationFlag(options: FlagOptions<Millis>): Flag<Millis> {
  return customFlag({
    ...options,
    placeholder: 'duration',
    defaultText: options.default % 1000 === 0 ? `${options.default / 1000}s` : `${options.default}ms`,
    parse(text) {
      const value = parseGoDuration(text);
      return value === undefined ? bad('not a duration such as 10s or 1h30m') : ok(value);
    },
  });
}

export function oneOfFlag<const T extends string>(options: FlagOptions<T> & { readonly values: readonly T[] }): Flag<T> {
  return customFlag<T>({
    ...options,
    placeholder: options.values.join('|'),
    parse(text) {
      const value = options.values.find((one) => one === text);
      return value === undefined ? bad(`not one of ${options.values.join(', ')}`) : ok(value);
    },
  });
}

/** `80,443,1000-2000`. */
export function portSetFlag(options: FlagOptions<PortSet>): Flag<PortSet> {
  return customFlag({
    ...options,
    placeholder: 'ports',
    defaultText: '',
    parse(text) {
      const value = parsePortSet(text);
      return value === undefined ? bad('not a list of ports and port ranges') : ok(value);
    },
  });
}

/** Comma lists, repeated: all items in order. The first occurrence replaces the default. */
export function listFlag(options: FlagOptions<readonly string[]>): Flag<readonly string[]> {
  const { help, short } = options;
  return {
    placeholder: 'list',
    help,
    short,
    default: options.default,
    defaultText: options.default.join(','),
    bare: false,
    parse(text, earlier) {
      const items = text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== '');
      return ok([...(earlier ?? []), ...items]);
    },
  };
}
