// Recognises a TLS ClientHello in the first bytes of a connection. RFC 8446 §4.1.2, RFC 6066 §3, spec/proxy.md §2.1.

/** What is read of a connection before it is given up as not TLS. */
export const MAX_CLIENT_HELLO_BYTES = 8192;

export interface ClientHello {
  /** Server name, lower-case. */
  readonly sni: string;
  /** Offered protocols in order; empty without the extension. */
  readonly alpn: readonly string[];
}

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const HOST_NAME = 0;

/**
 * Looks at what has arrived so far. `incomplete` asks for more bytes; `not-tls` is final, and is also the answer for a
 * hello without server name, one spread over several records and one larger than MAX_CLIENT_HELLO_BYTES. Never throws.
 */
export function detectClientHello(bytes: Uint8Array): ClientHello | 'incomplete' | 'not-tls' {
  if (!prefixMatches(bytes)) return 'not-tls';
  if (bytes.length < RECORD_HEADER_BYTES) return 'incomplete';
  const recordEnd = RECORD_HEADER_BYTES + uint16(bytes, 3);
  if (recordEnd > MAX_CLIENT_HELLO_BYTES) return 'not-tls';
  if (bytes.length < recordEnd) return 'incomplete';
  return parseHello(new Cursor(bytes, RECORD_HEADER_BYTES, recordEnd)) ?? 'not-tls';
}

/** Rejects on the first wrong byte, so that other protocols need not wait for a whole record. */
function prefixMatches(bytes: Uint8Array): boolean {
  const [type, major, minor, , , handshake, lengthTop] = bytes;
  return (
    (type === undefined || type === HANDSHAKE_RECORD) &&
    (major === undefined || major === 3) &&
    (minor === undefined || minor === 1 || minor === 3) &&
    (handshake === undefined || handshake === CLIENT_HELLO) &&
    (lengthTop === undefined || lengthTop === 0)
  );
}

function parseHello(record: Cursor): ClientHello | undefined {
  if (record.byte() !== CLIENT_HELLO || record.byte() !== 0) return undefined;
  const body = record.slice(record.uint16());
  if (body?.uint16() !== 0x0303) return undefined;
  if (!body.skip(32) || !body.skip(body.byte()) || !body.skip(body.uint16()) || !body.skip(body.byte())) return undefined;
  const extensions = body.slice(body.uint16());
  if (!extensions) return undefined;
  let sni: string | undefined;
  let alpn: readonly string[] | undefined;
  while (extensions.remaining > 0) {
    const type = extensions.uint16();
    const extension = extensions.slice(extensions.uint16());
    if (!extension) break;
    if (type === EXTENSION_SERVER_NAME && sni === undefined) sni = parseServerName(extension);
    else if (type === EXTENSION_ALPN && alpn === undefined) alpn = parseProtocols(extension);
  }
  return sni === undefined ? undefined : { sni, alpn: alpn ?? [] };
}

function parseServerName(extension: Cursor): string | undefined {
  const list = extension.slice(extension.uint16());
  if (list?.byte() !== HOST_NAME) return undefined;
  const name = list.text(list.uint16())?.toLowerCase();
  return name !== undefined && name.length <= 254 && HOST.test(name) ? name : undefined;
}

/** Underscores are not LDH but are seen in server names. */
const HOST = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/;

/** A malformed list counts as none: what it means is for the TLS implementation to say. */
function parseProtocols(extension: Cursor): readonly string[] {
  const list = extension.slice(extension.uint16());
  const protocols: string[] = [];
  while (list && list.remaining > 0) {
    const name = list.text(list.byte());
    if (name === undefined || name === '') return [];
    protocols.push(name);
  }
  return protocols;
}

/** Reads big-endian fields; everything past the end is undefined. */
class Cursor {
  readonly #bytes: Uint8Array;
  #offset: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, offset: number, end: number) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  byte(): number | undefined {
    return this.remaining < 1 ? undefined : this.#bytes[this.#offset++];
  }

  uint16(): number | undefined {
    if (this.remaining < 2) return undefined;
    this.#offset += 2;
    return uint16(this.#bytes, this.#offset - 2);
  }

  skip(length: number | undefined): boolean {
    if (length === undefined || length > this.remaining) return false;
    this.#offset += length;
    return true;
  }

  slice(length: number | undefined): Cursor | undefined {
    const start = this.#offset;
    return this.skip(length) ? new Cursor(this.#bytes, start, this.#offset) : undefined;
  }

  text(length: number | undefined): string | undefined {
    const start = this.#offset;
    return this.skip(length) ? Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, this.#offset - start).toString('latin1') : undefined;
  }
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}
