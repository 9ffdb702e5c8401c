// Which bytes field names and values may hold: RFC 9110 §5.1 and §5.5, RFC 9113 §8.2.1 and §8.3. Strict, so that a message which is
// written again in another version of HTTP cannot change its meaning.
import { FieldKind, isPseudo } from './kind.ts';

/** Lower-case token characters (RFC 9110 §5.6.2); upper-case names are folded by HTTP/1 and refused by HTTP/2 before they come here. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** No control but the tab, and no white space at either end. */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const PATH = /^(?:\/[\x21-\x7e\x80-\xff]*|\*)$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*$/;
/** Host and port without user information (RFC 9113 §8.3.1). */
const AUTHORITY = /^[\x21\x24-\x2e\x30-\x3b\x3d\x41-\x5b\x5d\x5f\x61-\x7a\x7e]*$/;
const STATUS = /^[1-9][0-9]{2}$/;
const LENGTH = /^[0-9]{1,15}$/;

/** What is wrong with a field in itself, wherever it stands; null when nothing is. */
export type FieldFault = 'name' | 'value' | null;

/** Judges a field once; the answer is kept with it. */
export function faultOf(kind: number, name: string, value: string): FieldFault {
  if (kind === FieldKind.unknownPseudo) return 'name';
  if (isPseudo(kind)) return pseudoValue(kind, value) ? null : 'value';
  if (kind === FieldKind.other && !NAME.test(name)) return 'name';
  if (kind === FieldKind.contentLength) return LENGTH.test(value) ? null : 'value';
  if (kind === FieldKind.host) return AUTHORITY.test(value) ? null : 'value';
  return VALUE.test(value) ? null : 'value';
}

function pseudoValue(kind: number, value: string): boolean {
  switch (kind) {
    case FieldKind.method:
    case FieldKind.protocol:
      return TOKEN.test(value);
    case FieldKind.path:
      return PATH.test(value);
    case FieldKind.scheme:
      return SCHEME.test(value);
    case FieldKind.authority:
      return AUTHORITY.test(value);
    default:
      return STATUS.test(value);
  }
}
