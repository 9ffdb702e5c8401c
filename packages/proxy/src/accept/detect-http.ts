// Tells HTTP from other protocols by the first bytes of a connection. spec/proxy.md §2.1.

export type HttpVerdict = 'http/1' | 'http/2' | 'not-http';

/** Most bytes looked at. */
export const DETECT_BYTES = 1_024;

const H2_PREFACE = Buffer.from('PRI * HTTP/2.0', 'latin1');

/** Fewer bytes than this say nothing. */
export const MIN_DETECT_BYTES = 14;

/** Judges one read. What follows the first 1024 bytes is not looked at. */
export function detectHttp(bytes: Uint8Array): HttpVerdict {
  if (bytes.length < MIN_DETECT_BYTES) return 'not-http';
  if (H2_PREFACE.equals(bytes.subarray(0, MIN_DETECT_BYTES))) return 'http/2';
  return isHttp1(bytes.subarray(0, DETECT_BYTES)) ? 'http/1' : 'not-http';
}

/** Whether a request line, or a part of one, stands here. Header lines are not parsed beyond their first character. */
function isHttp1(bytes: Uint8Array): boolean {
  let at = 0;
  while (bytes[at] === 13 || bytes[at] === 10) {
    if (bytes[at] === 13 && at + 1 < bytes.length && bytes[at + 1] !== 10) return false;
    at += bytes[at] === 13 ? 2 : 1;
  }
  const method = at;
  while (at < bytes.length && isToken(bytes[at] as number)) at += 1;
  if (at >= bytes.length) return true;
  if (at === method || bytes[at] !== 32) return false;
  at += 1;
  const target = at;
  while (at < bytes.length && isTarget(bytes[at] as number)) at += 1;
  if (at >= bytes.length) return true;
  if (at === target || bytes[at] !== 32) return false;
  at += 1;
  for (const wanted of 'HTTP/1.') {
    if (at >= bytes.length) return true;
    if (bytes[at] !== wanted.charCodeAt(0)) return false;
    at += 1;
  }
  if (at >= bytes.length) return true;
  if (bytes[at] !== 48 && bytes[at] !== 49) return false;
  at += 1;
  if (bytes[at] === 13) at += 1;
  if (at >= bytes.length) return true;
  if (bytes[at] !== 10) return false;
  at += 1;
  if (at >= bytes.length || bytes[at] === 10) return true;
  if (bytes[at] === 13) return at + 1 >= bytes.length || bytes[at + 1] === 10;
  return isToken(bytes[at] as number);
}

/** RFC 9110 §5.6.2 tchar. */
function isToken(byte: number): boolean {
  if (byte >= 48 && byte <= 57) return true;
  if (byte >= 65 && byte <= 90) return true;
  if (byte >= 94 && byte <= 122) return true;
  return byte === 33 || (byte >= 35 && byte <= 39) || byte === 42 || byte === 43 || byte === 45 || byte === 46 || byte === 124 || byte === 126;
}

function isTarget(byte: number): boolean {
  return byte > 32 && byte !== 127;
}
