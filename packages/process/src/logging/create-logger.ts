// The logger of a process: pino behind core's Logger, one line per record on stderr.
import type { Writable } from 'node:stream';
import type { LogFields, Logger, LogLevel } from '@weft/core';
import { destination, type Logger as Pino, pino } from 'pino';
import type { LogThreshold } from './log-level.ts';
import { plainLine } from './plain-line.ts';

export type LogFormat = 'plain' | 'json';

export interface CreateLoggerOptions {
  readonly level: LogThreshold;
  /** Default plain. */
  readonly format?: LogFormat;
  /** The part of the program, shown in every record. */
  readonly name: string;
  /** How plain lines are stamped: wall time, or seconds since the start as Linkerd's proxy does. Default wall. */
  readonly stamp?: 'wall' | 'uptime';
  /** Default: stderr, written synchronously, so that nothing is lost at exit. */
  readonly output?: Pick<Writable, 'write'>;
}

/** A logger whose threshold can be changed while it runs; its children follow. */
export interface ProcessLogger extends Logger {
  setLevel(level: LogThreshold): void;
  readonly level: LogThreshold;
}

const RANK: Readonly<Record<LogThreshold, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, off: 5 };

/** Whole lines on stderr, written synchronously, so that nothing is lost at exit. */
export function stderrLines(): { write(line: string): void } {
  return destination({ dest: 2, sync: true });
}

export function createLogger(options: CreateLoggerOptions): ProcessLogger {
  const { format = 'plain', name, stamp = 'wall' } = options;
  const raw = options.output ?? stderrLines();
  const output = format === 'json' ? raw : { write: (line: string) => raw.write(plainLine(line, stamp)) };
  const root = pino(
    {
      // The threshold is kept here, so that children need no change when it moves.
      level: 'trace',
      base: null,
      messageKey: 'message',
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: {},
    },
    output as { write(line: string): void },
  );
  const threshold = { level: options.level };
  return {
    ...wrap(root.child({ name }), threshold),
    setLevel(level) {
      threshold.level = level;
    },
    get level() {
      return threshold.level;
    },
  };
}

function wrap(sink: Pino, threshold: { level: LogThreshold }): Logger {
  const enabled = (level: LogLevel): boolean => RANK[level] >= RANK[threshold.level];
  return {
    enabled,
    log(level, message, fields) {
      if (!enabled(level)) return;
      if (fields) sink[level](presentable(fields), message);
      else sink[level](message);
    },
    child: (fields) => wrap(sink.child(presentable(fields)), threshold),
  };
}

/** Errors become their message (with stack at the end of the causes), big integers text; names of the record itself get a `_`. */
function presentable(fields: LogFields): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    out[RESERVED.has(key) ? `${key}_` : key] = value instanceof Error ? errorText(value) : typeof value === 'bigint' ? String(value) : value;
  }
  return out;
}

const RESERVED = new Set(['level', 'timestamp', 'name', 'message']);

function errorText(error: Error): string {
  const { cause } = error;
  return cause instanceof Error ? `${error.message}: ${errorText(cause)}` : error.message;
}
