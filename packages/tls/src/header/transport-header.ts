// The transport header: what a meshed client writes before its bytes on a direct connection. spec/proxy.md §3.5.
import { canonicalDnsName } from '@weft/core';
import { bytesField, message, protobufFields, varintField } from './protobuf.ts';

/** Offered and accepted where a transport header follows the handshake. */
export const TRANSPORT_ALPN = 'transport.l5d.io/v1';

/** Longest message accepted, in bytes. */
export const MAX_TRANSPORT_HEADER_BYTES = 65_535;

export interface TransportHeader {
  /** 1 – 65535. */
  readonly port: number;
  /** Target name; absent means a port of the receiving pod. */
  readonly name?: string | undefined;
  /** Absent: opaque. */
  readonly sessionProtocol?: 'http1' | 'http2' | undefined;
}

export type TransportHeaderResult =
  | { readonly kind: 'incomplete' }
  /** `consumed`: bytes taken by the header; the rest belongs to the connection. */
  | { readonly kind: 'header'; readonly header: TransportHeader; readonly consumed: number }
  | { readonly kind: 'invalid'; readonly detail: string };

const PREFACE = Buffer.from(`${TRANSPORT_ALPN}\r\n\r\n`, 'latin1');
const LENGTH_BYTES = 4;
const FIELD = { port: 1, name: 2, sessionProtocol: 3 } as const;
const KIND = { http1: 1, http2: 2 } as const;
const INCOMPLETE: TransportHeaderResult = { kind: 'incomplete' };

/** Preface, length and message. Throws RangeError on a port or name that no receiver would take. */
export function encodeTransportHeader(header: TransportHeader): Uint8Array {
  const { port, name, sessionProtocol } = header;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new RangeError(`transport header: port ${port} is not within 1 – 65535`);
  if (name !== undefined && canonicalDnsName(name) === undefined) throw new RangeError(`transport header: ${JSON.stringify(name)} is not a name`);
  const body = Buffer.concat([
    varintField(FIELD.port, port),
    name === undefined ? EMPTY : bytesField(FIELD.name, Buffer.from(name, 'latin1')),
    sessionProtocol === undefined ? EMPTY : bytesField(FIELD.sessionProtocol, bytesField(KIND[sessionProtocol], EMPTY)),
  ]);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(body.length);
  return Buffer.concat([PREFACE, length, body]);
}

const EMPTY = Buffer.alloc(0);

/** Looks at what has arrived so far, from the first byte after the handshake. Never throws; `invalid` is said on the first wrong byte. */
export function decodeTransportHeader(bytes: Uint8Array): TransportHeaderResult {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const seen = Math.min(buffer.length, PREFACE.length);
  if (buffer.compare(PREFACE, 0, seen, 0, seen) !== 0) return invalid('it does not begin with the preface');
  const bodyStart = PREFACE.length + LENGTH_BYTES;
  if (buffer.length < bodyStart) return INCOMPLETE;
  const length = buffer.readUInt32BE(PREFACE.length);
  if (length > MAX_TRANSPORT_HEADER_BYTES) return invalid(`its length ${length} exceeds ${MAX_TRANSPORT_HEADER_BYTES}`);
  const end = bodyStart + length;
  if (buffer.length < end) return INCOMPLETE;
  const header = decodeMessage(buffer.subarray(bodyStart, end));
  return typeof header === 'string' ? invalid(header) : { kind: 'header', header, consumed: end };
}

function invalid(detail: string): TransportHeaderResult {
  return { kind: 'invalid', detail };
}

/** The message, or what is wrong with it. Unknown fields are skipped; of a repeated field the last one counts. */
function decodeMessage(bytes: Buffer): TransportHeader | string {
  const fields = protobufFields(bytes);
  if (!fields) return 'its message is malformed';
  let port = 0n;
  let name: Buffer | undefined;
  let sessionProtocol: 'http1' | 'http2' | undefined;
  for (const field of fields) {
    if (field.number === FIELD.port) {
      if (field.kind !== 'varint') return 'its port has the wrong wire type';
      port = field.value;
    } else if (field.number === FIELD.name) {
      if (field.kind !== 'bytes') return 'its name has the wrong wire type';
      name = field.value;
    } else if (field.number === FIELD.sessionProtocol) {
      const kinds = message(field);
      if (!kinds) return 'its session protocol is malformed';
      for (const kind of kinds) {
        if (kind.number !== KIND.http1 && kind.number !== KIND.http2) continue;
        if (!message(kind)) return 'its session protocol is malformed';
        sessionProtocol = kind.number === KIND.http1 ? 'http1' : 'http2';
      }
    }
  }
  if (port < 1n || port > 65_535n) return `its port ${port} is not within 1 – 65535`;
  const text = name?.toString('latin1') ?? '';
  if (text !== '' && canonicalDnsName(text) === undefined) return 'its name is not a DNS name';
  return { port: Number(port), ...(text === '' ? {} : { name: text }), ...(sessionProtocol === undefined ? {} : { sessionProtocol }) };
}
