// The Forwarded header between gateways: who passed a request on, so that one that comes round is noticed. RFC 7239, spec/proxy.md §2.6.
import type { FieldList } from '@weft/http';

const FORWARDED = 'forwarded';

export interface Hop {
  /** Identity of this proxy. */
  readonly by: string;
  /** Identity of the client. */
  readonly for: string;
  /** Authority of the target. */
  readonly host: string;
}

/** Added as a line of its own, after those that are there. */
export function appendForwarded(headers: FieldList, hop: Hop): void {
  headers.push(FORWARDED, `by=${hop.by};for=${hop.for};host=${hop.host};proto=https`);
}

/** Whether a request has passed the proxy of this identity before. */
export function passedBy(headers: FieldList, identity: string): boolean {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === FORWARDED && elements(headers[i + 1] as string).some((by) => by === identity)) return true;
  }
  return false;
}

/** What is read of a line. */
type Line = Pick<string, 'length' | 'charCodeAt' | 'slice'>;

const TAB = 9;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const SEMICOLON = 59;
const EQUALS = 61;
const BACKSLASH = 92;

/**
 * The `by` of each element, as far as the line can be read; what cannot is left out up to the next separator. No octet is looked at more often
 * than a few times. Identities that are URIs may stand without quotes.
 */
export function elements(line: Line): string[] {
  const found: string[] = [];
  for (let at = 0; at < line.length; ) {
    const nameFrom = blanks(line, at);
    const nameTo = token(line, nameFrom, true);
    const equals = blanks(line, nameTo);
    const from = blanks(line, equals + 1);
    const quoted = line.charCodeAt(from) === QUOTE;
    const to = quoted ? closingQuote(line, from + 1) : token(line, from, false);
    const end = blanks(line, quoted ? to + 1 : to);
    const readable = nameTo > nameFrom && line.charCodeAt(equals) === EQUALS && to <= line.length && separates(line, end);
    if (readable && line.slice(nameFrom, nameTo).toLowerCase() === 'by') {
      found.push(quoted ? line.slice(from + 1, to).replace(/\\(.)/g, '$1') : line.slice(from, to));
    }
    at = (readable ? end : separator(line, at)) + 1;
  }
  return found;
}

function blanks(line: Line, at: number): number {
  while (at < line.length && (line.charCodeAt(at) === SPACE || line.charCodeAt(at) === TAB)) at++;
  return at;
}

/** Where a name, or a value without quotes, ends. */
function token(line: Line, at: number, name: boolean): number {
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === SPACE || code === TAB || code === QUOTE || code === COMMA || code === SEMICOLON || (name && code === EQUALS)) break;
  }
  return at;
}

/** Beyond the end of the line where there is none. */
function closingQuote(line: Line, at: number): number {
  for (; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return line.length + 1;
}

function separates(line: Line, at: number): boolean {
  return at >= line.length || line.charCodeAt(at) === SEMICOLON || line.charCodeAt(at) === COMMA;
}

function separator(line: Line, at: number): number {
  while (!separates(line, at)) at++;
  return at;
}
