// One header field as an object that decoder, relay and encoder share, so that what is known about it is found once: RFC 9110 §5.
import { FieldKind, kindOf } from './kind.ts';
import { type FieldFault, faultOf } from './validity.ts';

/** What a field costs in an HPACK table and in SETTINGS_MAX_HEADER_LIST_SIZE besides its octets: RFC 7541 §4.1. */
const ENTRY_OVERHEAD_BYTES = 32;
/** Cookies shorter than this could be guessed through a compression table: RFC 7541 §7.1. */
const SHORT_COOKIE_BYTES = 20;

/** A field line: immutable but for what is remembered about it. Equal fields of one `FieldTable` are mostly the same object. */
export class Field {
  /** Lower-case; latin1. Starts with a colon for pseudo-header fields. */
  readonly name: string;
  /** Latin1, without surrounding white space. */
  readonly value: string;
  /** One of `FieldKind`. */
  readonly kind: number;
  /** What makes it invalid in any message; null for a good field. */
  readonly fault: FieldFault;
  /** Must stay out of every compression table on every further hop (RFC 7541 §6.2.3): as received, or a credential. */
  readonly neverIndexed: boolean;
  /** Octets of name and value plus 32: the measure of header list limits and of HPACK tables. */
  readonly size: number;
  /** Number given by the `FieldTable` that keeps it; 0 while it is not interned. Only interned fields enter compression tables. */
  id = 0;
  /** Index in HPACK's static table of this field (≥ 1), else 0; -1 before the first look-up. */
  staticIndex = -1;
  /** Index in HPACK's static table of an entry with its name, else 0. Set with `staticIndex`. */
  staticName = 0;
  /** The HTTP/1 line, once it was asked for. */
  private text: string | undefined = undefined;

  constructor(name: string, value: string, neverIndexed = false) {
    this.name = name;
    this.value = value;
    this.kind = kindOf(name);
    this.fault = faultOf(this.kind, name, value);
    this.neverIndexed = neverIndexed || isCredential(this.kind, value);
    this.size = name.length + value.length + ENTRY_OVERHEAD_BYTES;
  }

  /** `name: value` and CRLF, as HTTP/1 writes it. Kept, so that a head is a concatenation of kept strings. */
  get line(): string {
    this.text ??= `${this.name}: ${this.value}\r\n`;
    return this.text;
  }

  /** Whether a `FieldTable` may keep it: not when it is secret or meant for one client. */
  get shareable(): boolean {
    return !this.neverIndexed && this.kind !== FieldKind.setCookie;
  }
}

function isCredential(kind: number, value: string): boolean {
  return kind === FieldKind.authorization || (kind === FieldKind.cookie && value.length < SHORT_COOKIE_BYTES);
}
