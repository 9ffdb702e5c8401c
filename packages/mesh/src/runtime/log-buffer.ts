// The last lines that a container wrote, kept in memory within a bound, for `kubectl logs` and for printing with a prefix.

export interface LogBuffer {
  append(line: string): void;
  /** The newest lines, oldest first. Default: all that are kept. */
  tail(count?: number): readonly string[];
  /** Called with each further line. Returns the way to stop. */
  subscribe(fn: (line: string) => void): () => void;
}

export interface LogBufferOptions {
  /** Lines kept at most. Default 2000. */
  readonly maxLines?: number;
  /** Longer lines are cut, in characters. Default 8192. */
  readonly maxLineLength?: number;
}

export function logBuffer(options: LogBufferOptions = {}): LogBuffer {
  const maxLines = options.maxLines ?? 2000;
  const maxLineLength = options.maxLineLength ?? 8192;
  let lines: string[] = [];
  const subscribers = new Set<(line: string) => void>();
  return {
    append(line) {
      const kept = line.length > maxLineLength ? `${line.slice(0, maxLineLength)}…` : line;
      lines.push(kept);
      if (lines.length > maxLines * 2) lines = lines.slice(-maxLines);
      for (const fn of subscribers) fn(kept);
    },
    tail: (count = maxLines) => (count <= 0 ? [] : lines.slice(-Math.min(count, maxLines))),
    subscribe(fn) {
      subscribers.add(fn);
      return () => void subscribers.delete(fn);
    },
  };
}
