// A header block that cannot be decoded. The compression state is lost with it: the connection must end (RFC 9113 §4.3).

export class HpackError extends Error {
  override readonly name = 'HpackError';
}
