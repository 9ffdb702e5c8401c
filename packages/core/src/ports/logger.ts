// Logging as a port. Messages are constant sentences; what varies goes in the fields.

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** Called from anywhere, hot paths only at debug and trace. Must not throw. */
export interface Logger {
  log(level: LogLevel, message: string, fields?: LogFields): void;
  /** Whether a record at this level would be written; lets callers skip building fields. */
  enabled(level: LogLevel): boolean;
  /** A logger that adds these fields to every record. */
  child(fields: LogFields): Logger;
}

export const silentLogger: Logger = {
  log: () => undefined,
  enabled: () => false,
  child: () => silentLogger,
};

export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Keeps records in memory, for tests. */
export function memoryLogger(): Logger & { readonly records: LogRecord[] } {
  const records: LogRecord[] = [];
  const make = (bound: LogFields): Logger & { readonly records: LogRecord[] } => ({
    records,
    log: (level, message, fields) => void records.push({ level, message, fields: { ...bound, ...fields } }),
    enabled: () => true,
    child: (fields) => make({ ...bound, ...fields }),
  });
  return make({});
}
