// The field names that an HTTP proxy itself must understand, as small integers, so that the request path switches on a number.

/** What a field's name means to HTTP. Pseudo-header fields (RFC 9113 §8.3) come first: `isPseudo` is a comparison. */
export const FieldKind = {
  other: 0,
  method: 1,
  scheme: 2,
  authority: 3,
  path: 4,
  status: 5,
  protocol: 6,
  /** A name that starts with a colon and is not defined. */
  unknownPseudo: 7,
  host: 8,
  contentLength: 9,
  transferEncoding: 10,
  connection: 11,
  keepAlive: 12,
  proxyConnection: 13,
  upgrade: 14,
  te: 15,
  trailer: 16,
  expect: 17,
  cookie: 18,
  setCookie: 19,
  authorization: 20,
} as const;

const KINDS: ReadonlyMap<string, number> = new Map([
  [':method', FieldKind.method],
  [':scheme', FieldKind.scheme],
  [':authority', FieldKind.authority],
  [':path', FieldKind.path],
  [':status', FieldKind.status],
  [':protocol', FieldKind.protocol],
  ['host', FieldKind.host],
  ['content-length', FieldKind.contentLength],
  ['transfer-encoding', FieldKind.transferEncoding],
  ['connection', FieldKind.connection],
  ['keep-alive', FieldKind.keepAlive],
  ['proxy-connection', FieldKind.proxyConnection],
  ['upgrade', FieldKind.upgrade],
  ['te', FieldKind.te],
  ['trailer', FieldKind.trailer],
  ['expect', FieldKind.expect],
  ['cookie', FieldKind.cookie],
  ['set-cookie', FieldKind.setCookie],
  ['authorization', FieldKind.authorization],
  ['proxy-authorization', FieldKind.authorization],
]);

/** The kind of a lower-case name. */
export function kindOf(name: string): number {
  return KINDS.get(name) ?? (name.charCodeAt(0) === 0x3a ? FieldKind.unknownPseudo : FieldKind.other);
}

/** Whether a kind is a pseudo-header field of HTTP/2. */
export function isPseudo(kind: number): boolean {
  return kind !== FieldKind.other && kind <= FieldKind.unknownPseudo;
}
