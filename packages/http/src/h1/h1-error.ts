// Why bytes are refused as HTTP/1: a closed set of codes, and the status that answers each. RFC 9112, design.md §4.

export type H1ErrorCode =
  | 'BARE_CR'
  | 'BARE_LF'
  | 'FOLDED_FIELD'
  | 'SPACE_BEFORE_COLON'
  | 'FIELD_NAME'
  | 'FIELD_VALUE'
  | 'METHOD'
  | 'TARGET'
  | 'VERSION'
  | 'STATUS'
  | 'HOST'
  | 'CONTENT_LENGTH'
  | 'TRANSFER_ENCODING'
  | 'LENGTH_AND_CODING'
  | 'CHUNK_SIZE'
  | 'CHUNK_EXTENSION'
  | 'CHUNK_END'
  | 'TRAILER'
  | 'UPGRADE'
  | 'EMPTY_LINES'
  | 'HEAD_TOO_LARGE'
  | 'TOO_MANY_FIELDS'
  | 'HEAD_TIMEOUT'
  | 'TRUNCATED';

export class H1Error extends Error {
  readonly code: H1ErrorCode;

  constructor(code: H1ErrorCode, message: string) {
    super(message);
    this.name = 'H1Error';
    this.code = code;
  }
}

/** The status that a server answers. RFC 6585 §5 for 431. */
export function statusOfH1Error(code: H1ErrorCode): number {
  if (code === 'HEAD_TOO_LARGE' || code === 'TOO_MANY_FIELDS') return 431;
  return code === 'HEAD_TIMEOUT' ? 408 : 400;
}
