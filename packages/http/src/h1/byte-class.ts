// Which bytes may stand where in an HTTP/1 head, as one table look-up a byte: RFC 9110 §5.6.2, RFC 9112 §3, §5.

/** May stand in a method or a field name. */
export const TOKEN = 1;
/** May stand in a field value or a reason phrase: visible, obs-text, space and tab. */
export const VALUE = 2;

export const HTAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;

const TOKEN_MARKS = "!#$%&'*+-.^_`|~";

/** The classes of each byte, as bits. */
export const BYTE_CLASS: Uint8Array = new Uint8Array(256).map((_, byte) => {
  const alphanumeric = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
  const visible = (byte >= 0x21 && byte <= 0x7e) || byte >= 0x80;
  let bits = 0;
  if (alphanumeric || (byte < 0x80 && TOKEN_MARKS.includes(String.fromCharCode(byte)))) bits |= TOKEN;
  if (visible || byte === SP || byte === HTAB) bits |= VALUE;
  return bits;
});
