// Whether what a server says unasked makes it a protocol in which servers speak first. HTTP servers talk unasked too:
// HTTP/2 ones begin with SETTINGS (RFC 9113 §3.4), overloaded HTTP/1 ones with a response.

export type ServerWords = 'server-first' | 'http' | 'undecided';

const HTTP1 = Buffer.from('HTTP/', 'latin1');
const FRAME_HEADER_BYTES = 9;
const SETTINGS = 4;
const GOAWAY = 7;

/** Judges what the server has said so far. `undecided` asks for more bytes. */
export function judgeServerWords(bytes: Uint8Array): ServerWords {
  if (bytes.length === 0) return 'undecided';
  const shared = Math.min(bytes.length, HTTP1.length);
  if (HTTP1.compare(bytes, 0, shared, 0, shared) === 0) return bytes.length < HTTP1.length ? 'undecided' : 'http';
  if (!beginsFrame(bytes)) return 'server-first';
  return bytes.length < FRAME_HEADER_BYTES ? 'undecided' : 'http';
}

/** A short SETTINGS or GOAWAY frame on stream 0, without flags, as far as its header has arrived. */
function beginsFrame(bytes: Uint8Array): boolean {
  const [top, middle, , type, flags] = bytes;
  if (top !== 0 || (middle !== undefined && middle > 1)) return false;
  if (type !== undefined && type !== SETTINGS && type !== GOAWAY) return false;
  return (flags ?? 0) === 0 && bytes.subarray(5, FRAME_HEADER_BYTES).every((byte) => byte === 0);
}
