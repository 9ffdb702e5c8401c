// What a TLS client says first, byte by byte. RFC 8446 §4.1.2, RFC 6066 §3.

/** The first record of a TLS client that was asked for this name. */
export function clientHelloFor(name: string): Buffer {
  const host = Buffer.from(name, 'latin1');
  const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
  const withLength = (bytes: Buffer): Buffer => Buffer.concat([u16(bytes.length), bytes]);
  const serverName = withLength(Buffer.concat([Buffer.from([0]), withLength(host)]));
  const extensions = withLength(Buffer.concat([u16(0), withLength(serverName)]));
  const body = Buffer.concat([u16(0x0303), Buffer.alloc(32, 7), Buffer.from([0]), withLength(u16(0x1301)), Buffer.from([1, 0]), extensions]);
  const handshake = Buffer.concat([Buffer.from([1, 0]), withLength(body)]);
  return Buffer.concat([Buffer.from([22, 3, 1]), withLength(handshake)]);
}
