// Reads field lines in place: RFC 9112 §5, RFC 9110 §5.5. A line seen before is found by its bytes, without making a string.
import { LINE } from '../field/byte-cache.ts';
import type { Field } from '../field/field.ts';
import { FieldKind } from '../field/kind.ts';
import type { FieldTable } from '../field/table.ts';
import { BYTE_CLASS, COLON, CR, HTAB, LF, SP, TOKEN, VALUE } from './byte-class.ts';
import { H1Error, type H1ErrorCode } from './h1-error.ts';

/** End of the line that starts at `pos` (index of its CR), or -1 while the line is incomplete. Throws on a lone CR or LF. */
export function endOfLine(bytes: Uint8Array, pos: number, end: number): number {
  let p = pos;
  // Four bytes at a time that are no control characters, as most are: see byte-runs.ts.
  while (p + 4 <= end && (bytes[p] as number) > CR && (bytes[p + 1] as number) > CR && (bytes[p + 2] as number) > CR && (bytes[p + 3] as number) > CR) p += 4;
  for (; p < end; p++) {
    const byte = bytes[p] as number;
    if (byte === CR) {
      if (p + 1 >= end) return -1;
      if (bytes[p + 1] !== LF) throw new H1Error('BARE_CR', 'CR without LF');
      return p;
    }
    if (byte === LF) throw new H1Error('BARE_LF', 'LF without CR');
  }
  return -1;
}

/** The field of the line `bytes[pos, end)`, without its CRLF. Throws `H1Error`. */
export function readField(table: FieldTable, bytes: Buffer, pos: number, end: number): Field {
  return table.find(LINE, null, bytes, pos, end) ?? readNewField(table, bytes, pos, end);
}

function readNewField(table: FieldTable, bytes: Buffer, pos: number, end: number): Field {
  let colon = pos;
  while (colon < end && ((BYTE_CLASS[bytes[colon] as number] as number) & TOKEN) !== 0) colon++;
  if (colon === pos && (bytes[pos] === SP || bytes[pos] === HTAB)) throw new H1Error('FOLDED_FIELD', 'a field line is folded');
  if (colon === end || bytes[colon] !== COLON || colon === pos) {
    const space = colon < end && (bytes[colon] === SP || bytes[colon] === HTAB);
    throw new H1Error(space ? 'SPACE_BEFORE_COLON' : 'FIELD_NAME', `invalid field name: ${excerpt(bytes, pos, end)}`);
  }
  let from = colon + 1;
  let to = end;
  while (from < to && isSpace(bytes[from] as number)) from++;
  while (to > from && isSpace(bytes[to - 1] as number)) to--;
  for (let p = from; p < to; p++) {
    if (((BYTE_CLASS[bytes[p] as number] as number) & VALUE) === 0) throw new H1Error('FIELD_VALUE', `invalid byte in field: ${excerpt(bytes, pos, colon)}`);
  }
  const field = table.field(bytes.toString('latin1', pos, colon).toLowerCase(), bytes.toString('latin1', from, to));
  if (field.fault !== null) throw new H1Error(faultCode(field), `invalid field: ${excerpt(bytes, pos, end)}`);
  table.remember(LINE, null, bytes, pos, end, field);
  return field;
}

function faultCode(field: Field): H1ErrorCode {
  if (field.kind === FieldKind.contentLength) return 'CONTENT_LENGTH';
  if (field.kind === FieldKind.host) return 'HOST';
  return field.fault === 'name' ? 'FIELD_NAME' : 'FIELD_VALUE';
}

function isSpace(byte: number): boolean {
  return byte === SP || byte === HTAB;
}

function excerpt(bytes: Buffer, start: number, end: number): string {
  return JSON.stringify(bytes.toString('latin1', start, Math.min(end, start + 100)));
}
