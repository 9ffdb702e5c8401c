// The PROXY protocol's header, versions 1 (text) and 2 (binary), as a pure function of what has arrived.
// https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt §2
import { canonicalIp, formatIp, type SocketAddress, unmapIp } from '@weft/core';

export type ProxyHeader =
  /** Whoever forwards speaks for itself (LOCAL), or does not know for whom (UNKNOWN, UNSPEC): the socket's own addresses hold. */
  { readonly kind: 'own' } | { readonly kind: 'forwarded'; readonly source: SocketAddress; readonly destination: SocketAddress };

export type ProxyHeaderResult =
  /** A beginning: more bytes are needed. */
  | { readonly kind: 'incomplete' }
  /** No header, whatever follows. */
  | { readonly kind: 'invalid'; readonly detail: string }
  /** `length` bytes are the header; what follows belongs to the connection. */
  | { readonly kind: 'complete'; readonly header: ProxyHeader; readonly length: number };

/** The longest line of version 1, CRLF included. */
const V1_BYTES = 107;
/** Addresses and TLVs of version 2. The length field allows 65535; what senders add are some hundred bytes. */
const V2_BODY_BYTES = 4_096;
const V2_HEAD_BYTES = 16;
const V1_START = Buffer.from('PROXY ', 'latin1');
const V2_START = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const CR = 13;

/** A verdict never changes with more bytes; at most 4112 bytes are ever asked for. */
export function parseProxyHeader(bytes: Buffer): ProxyHeaderResult {
  if (startsAs(bytes, V2_START)) return bytes.length < V2_HEAD_BYTES ? checkStart(bytes) : parseV2(bytes);
  if (startsAs(bytes, V1_START)) return parseV1(bytes);
  return invalid('the connection does not begin with a PROXY protocol header');
}

function parseV1(bytes: Buffer): ProxyHeaderResult {
  const end = bytes.subarray(0, V1_BYTES).indexOf(CR);
  if (end < 0) return bytes.length < V1_BYTES ? { kind: 'incomplete' } : invalid(`the line has no end within ${V1_BYTES} bytes`);
  // Room for the line feed too.
  if (end === V1_BYTES - 1) return invalid(`the line has no end within ${V1_BYTES} bytes`);
  if (end + 1 === bytes.length) return { kind: 'incomplete' };
  if (bytes[end + 1] !== 10) return invalid('a line feed must follow the carriage return');
  const [, protocol, source, destination, sourcePort, destinationPort, ...rest] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (protocol === 'UNKNOWN') return { kind: 'complete', header: { kind: 'own' }, length };
  if (protocol !== 'TCP4' && protocol !== 'TCP6') return invalid('the protocol is none of TCP4, TCP6 and UNKNOWN');
  const from = addressOf(protocol, source, sourcePort);
  const to = addressOf(protocol, destination, destinationPort);
  if (!from || !to || rest.length > 0) return invalid(`the addresses are not two of ${protocol} with their ports`);
  return forwarded(from, to, length);
}

function addressOf(protocol: 'TCP4' | 'TCP6', ipText = '', portText = ''): SocketAddress | undefined {
  const ip = canonicalIp(ipText);
  if (ip === undefined || ipText.includes(':') !== (protocol === 'TCP6') || !/^(0|[1-9][0-9]{0,4})$/.test(portText)) return undefined;
  const port = Number(portText);
  return port <= 65_535 ? { ip: unmapIp(ip), port } : undefined;
}

/** What can be said of a version 2 header before its first 16 bytes are there. */
function checkStart(bytes: Buffer): ProxyHeaderResult {
  const command = bytes[12];
  return command === undefined ? { kind: 'incomplete' } : (badCommand(command) ?? { kind: 'incomplete' });
}

function badCommand(command: number): ProxyHeaderResult | undefined {
  if (command >> 4 !== 2) return invalid(`version ${command >> 4} is not known`);
  return (command & 0x0f) > 1 ? invalid(`command ${command & 0x0f} is not known`) : undefined;
}

function parseV2(bytes: Buffer): ProxyHeaderResult {
  const command = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const size = bytes.readUInt16BE(14);
  const bad = badCommand(command);
  if (bad) return bad;
  if (size > V2_BODY_BYTES) return invalid(`the header is longer than ${V2_BODY_BYTES} bytes (${size})`);
  const isLocal = (command & 0x0f) === 0 || family === 0;
  const addressBytes = isLocal ? 0 : V2_ADDRESS_BYTES[family];
  if (addressBytes === undefined) return invalid(`family and protocol 0x${family.toString(16).padStart(2, '0')} are not TCP over IPv4 or IPv6`);
  if (size < 2 * addressBytes + 4 && !isLocal) return invalid(`${size} bytes are too few for the addresses`);
  const length = V2_HEAD_BYTES + size;
  if (bytes.length < length) return { kind: 'incomplete' };
  if (isLocal) return { kind: 'complete', header: { kind: 'own' }, length };
  const ports = V2_HEAD_BYTES + 2 * addressBytes;
  return forwarded(
    { ip: ipAt(bytes, V2_HEAD_BYTES, addressBytes), port: bytes.readUInt16BE(ports) },
    { ip: ipAt(bytes, V2_HEAD_BYTES + addressBytes, addressBytes), port: bytes.readUInt16BE(ports + 2) },
    length,
  );
}

/** Bytes of one address, by family and protocol: stream over IPv4, stream over IPv6. */
const V2_ADDRESS_BYTES: Readonly<Record<number, number>> = { 0x11: 4, 0x21: 16 };

function ipAt(bytes: Buffer, at: number, size: number): string {
  if (size === 4) return formatIp({ family: 4, value: BigInt(bytes.readUInt32BE(at)) });
  return unmapIp(formatIp({ family: 6, value: (bytes.readBigUInt64BE(at) << 64n) | bytes.readBigUInt64BE(at + 8) }));
}

function forwarded(source: SocketAddress, destination: SocketAddress, length: number): ProxyHeaderResult {
  if (destination.port === 0) return invalid('the destination has port 0');
  return { kind: 'complete', header: { kind: 'forwarded', source, destination }, length };
}

/** Whether the bytes begin with the signature, or are a beginning of it. */
function startsAs(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return signature.compare(bytes, 0, length, 0, length) === 0;
}

function invalid(detail: string): ProxyHeaderResult {
  return { kind: 'invalid', detail };
}
