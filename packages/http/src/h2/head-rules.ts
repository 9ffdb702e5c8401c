// When a message is malformed: RFC 9113 §8.1 to §8.5, RFC 8441 §4. What a field is by itself was judged when it was made; here it is
// judged where it stands.
import type { Field } from '../field/field.ts';
import { FieldKind, isPseudo } from '../field/kind.ts';

/** What a session needs to know of a valid head. Reused from message to message. */
export interface HeadFacts {
  /** Content-Length, or -1. */
  contentLength: number;
  /** `:status` of a response. */
  status: number;
}

const METHOD = 1 << FieldKind.method;
const SCHEME = 1 << FieldKind.scheme;
const AUTHORITY = 1 << FieldKind.authority;
const PATH = 1 << FieldKind.path;
const STATUS = 1 << FieldKind.status;
const PROTOCOL = 1 << FieldKind.protocol;
const HOST = 1 << FieldKind.host;
/** Fields that are about the connection and have no place in HTTP/2: RFC 9113 §8.2.2. */
const FORBIDDEN =
  (1 << FieldKind.connection) | (1 << FieldKind.keepAlive) | (1 << FieldKind.proxyConnection) | (1 << FieldKind.transferEncoding) | (1 << FieldKind.upgrade);
const ONCE = METHOD | SCHEME | AUTHORITY | PATH | STATUS | PROTOCOL | HOST | (1 << FieldKind.contentLength);

/** Reads the head of a request; returns what is wrong with it, or null. `extended`: we allowed extended CONNECT. */
export function readRequest(list: readonly Field[], extended: boolean, facts: HeadFacts): string | null {
  const seen = readFields(list, facts);
  if (typeof seen === 'string') return seen;
  if ((seen & METHOD) === 0) return ':method is missing';
  if ((seen & STATUS) !== 0) return ':status in a request';
  const connect = valueOf(list, FieldKind.method) === 'CONNECT';
  if ((seen & PROTOCOL) !== 0 && !(connect && extended)) return ':protocol without extended CONNECT';
  if (connect && (seen & PROTOCOL) === 0) {
    if ((seen & (SCHEME | PATH)) !== 0) return 'CONNECT with :scheme or :path';
    if ((seen & AUTHORITY) === 0) return 'CONNECT without :authority';
  } else {
    if ((seen & SCHEME) === 0) return ':scheme is missing';
    if ((seen & PATH) === 0) return ':path is missing';
    if (valueOf(list, FieldKind.path) === '*' && valueOf(list, FieldKind.method) !== 'OPTIONS') return ':path * without OPTIONS';
  }
  if ((seen & (AUTHORITY | HOST)) === (AUTHORITY | HOST)) {
    const authority = valueOf(list, FieldKind.authority);
    const host = valueOf(list, FieldKind.host);
    const same = authority === host || authority.toLowerCase() === host.toLowerCase();
    if (!same && !list.some(carriesAbsoluteForm)) return 'host differs from :authority';
  }
  return null;
}

/**
 * HTTP/1 carried between proxies whose target was absolute keeps a Host that may differ: the target becomes absolute again, and
 * the receiver of an absolute target ignores Host (spec/proxy.md §4.1, RFC 9112 §3.2.2).
 */
function carriesAbsoluteForm(field: Field): boolean {
  return field.name === 'l5d-orig-proto' && field.value.endsWith('; absolute-form');
}

/** Reads the head of a response, interim ones included. */
export function readResponse(list: readonly Field[], facts: HeadFacts): string | null {
  const seen = readFields(list, facts);
  if (typeof seen === 'string') return seen;
  if ((seen & STATUS) === 0) return ':status is missing';
  if ((seen & (METHOD | SCHEME | AUTHORITY | PATH | PROTOCOL)) !== 0) return 'a pseudo-header field of requests in a response';
  facts.status = Number(valueOf(list, FieldKind.status));
  return facts.status === 101 ? 'status 101' : null;
}

/** Reads trailers. */
export function readTrailers(list: readonly Field[]): string | null {
  for (let i = 0; i < list.length; i++) {
    const field = list[i] as Field;
    if (field.fault !== null || isPseudo(field.kind)) return `bad trailer ${field.name}`;
    if (((1 << field.kind) & FORBIDDEN) !== 0) return `${field.name} in trailers`;
  }
  return null;
}

/** What holds for every head; the kinds that were seen as bits, or what is wrong. */
function readFields(list: readonly Field[], facts: HeadFacts): number | string {
  let seen = 0;
  let regular = false;
  facts.contentLength = -1;
  for (let i = 0; i < list.length; i++) {
    const field = list[i] as Field;
    if (field.fault !== null) return `bad ${field.fault} of ${field.name}`;
    const kind = field.kind;
    if (kind === FieldKind.other) {
      regular = true;
      continue;
    }
    const bit = 1 << kind;
    if (isPseudo(kind)) {
      if (regular) return `${field.name} after a regular field`;
    } else {
      regular = true;
      if ((bit & FORBIDDEN) !== 0) return `${field.name} in HTTP/2`;
      if (kind === FieldKind.te && field.value !== 'trailers') return 'te is not trailers';
      if (kind === FieldKind.contentLength) facts.contentLength = Number(field.value);
    }
    if ((seen & bit & ONCE) !== 0) return `${field.name} twice`;
    seen |= bit;
  }
  return seen;
}

function valueOf(list: readonly Field[], kind: number): string {
  for (let i = 0; i < list.length; i++) if ((list[i] as Field).kind === kind) return (list[i] as Field).value;
  return '';
}
