// Reads Prometheus text exposition (format 0.0.4) strictly and within bounds: tables, dashboards and tests look at /metrics through this.

export interface Sample {
  /** As written: of a histogram `…_bucket`, `…_sum` or `…_count`. */
  readonly name: string;
  /** Without prototype. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly timestampMs?: number | undefined;
}

export interface ExpositionLimits {
  /** In UTF-16 units. Default 64 Mi. */
  readonly maxLength?: number;
  /** Default 1,000,000. */
  readonly maxSamples?: number;
}

/** Text that is no exposition; `line` counts from 1. */
export class ExpositionError extends Error {
  override readonly name = 'ExpositionError';
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.line = line;
  }
}

const METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;
const LABEL = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const NUMBER = /[^ \t]+/y;
const BLANKS = /[ \t]*/y;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

/** All samples in order. Throws ExpositionError at the first line that is not well-formed, at a repeated series, and beyond the limits. */
export function parseExposition(text: string, limits: ExpositionLimits = {}): Sample[] {
  const { maxLength = 64 * 1024 * 1024, maxSamples = 1_000_000 } = limits;
  if (text.length > maxLength) throw new ExpositionError(1, `longer than ${maxLength}`);
  const samples: Sample[] = [];
  const types = new Set<string>();
  const series = new Set<string>();
  let number = 0;
  for (let start = 0; start < text.length; ) {
    number++;
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    start = end + 1;
    if (line.startsWith('#')) checkComment(line, number, types);
    else if (line.trim() !== '') {
      if (samples.length >= maxSamples) throw new ExpositionError(number, `more than ${maxSamples} samples`);
      const sample = parseSample(line, number);
      const key = `${sample.name}{${Object.entries(sample.labels)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .sort()
        .join(',')}}`;
      if (series.has(key)) throw new ExpositionError(number, `repeated series ${key}`);
      series.add(key);
      samples.push(sample);
    }
  }
  return samples;
}

function checkComment(line: string, number: number, types: Set<string>): void {
  const match = /^#[ \t]+TYPE[ \t]+(\S+)[ \t]+(\S+)[ \t]*$/.exec(line);
  if (!match) {
    if (/^#[ \t]+TYPE([ \t]|$)/.test(line)) throw new ExpositionError(number, 'malformed TYPE');
    return;
  }
  const [, name = '', type = ''] = match;
  if (!TYPES.includes(type)) throw new ExpositionError(number, `unknown type ${type}`);
  if (types.has(name)) throw new ExpositionError(number, `second TYPE of ${name}`);
  types.add(name);
}

function parseSample(line: string, number: number): Sample {
  const cursor = { at: 0 };
  const take = (pattern: RegExp, what: string): string => {
    pattern.lastIndex = cursor.at;
    const match = pattern.exec(line);
    if (!match) throw new ExpositionError(number, `expected ${what} at column ${cursor.at + 1}`);
    cursor.at = pattern.lastIndex;
    return match[0];
  };
  take(BLANKS, 'blanks');
  const name = take(METRIC, 'a metric name');
  take(BLANKS, 'blanks');
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  if (line[cursor.at] === '{') {
    cursor.at++;
    take(BLANKS, 'blanks');
    while (line[cursor.at] !== '}') {
      const label = take(LABEL, 'a label name');
      if (label in labels) throw new ExpositionError(number, `repeated label ${label}`);
      take(/[ \t]*=[ \t]*"/y, '="');
      labels[label] = takeQuoted(line, cursor, number);
      take(BLANKS, 'blanks');
      if (line[cursor.at] === ',') cursor.at++;
      else if (line[cursor.at] !== '}') throw new ExpositionError(number, `expected , or } at column ${cursor.at + 1}`);
      take(BLANKS, 'blanks');
    }
    cursor.at++;
  }
  take(BLANKS, 'blanks');
  const value = parseValue(take(NUMBER, 'a value'), number);
  take(BLANKS, 'blanks');
  if (cursor.at === line.length) return { name, labels, value };
  const stamp = take(NUMBER, 'a timestamp');
  take(BLANKS, 'blanks');
  if (!/^-?\d+$/.test(stamp) || !Number.isSafeInteger(Number(stamp)) || cursor.at !== line.length) throw new ExpositionError(number, 'malformed timestamp');
  return { name, labels, value, timestampMs: Number(stamp) };
}

/** The rest of a quoted value; the cursor stands behind the opening quote and ends behind the closing one. */
function takeQuoted(line: string, cursor: { at: number }, number: number): string {
  let value = '';
  for (;;) {
    const char = line[cursor.at];
    if (char === undefined) throw new ExpositionError(number, 'unterminated label value');
    cursor.at++;
    if (char === '"') return value;
    if (char !== '\\') {
      value += char;
      continue;
    }
    const escaped = line[cursor.at];
    cursor.at++;
    if (escaped === 'n') value += '\n';
    else if (escaped === '\\' || escaped === '"') value += escaped;
    else throw new ExpositionError(number, `unknown escape \\${escaped ?? ''}`);
  }
}

function parseValue(text: string, number: number): number {
  if (DECIMAL.test(text)) return Number(text);
  const special = /^([+-]?)inf(inity)?$/i.exec(text);
  if (special) return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  throw new ExpositionError(number, `not a number: ${text}`);
}
