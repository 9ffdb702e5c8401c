// An error that ends a connection: RFC 9113 §5.4.1. Errors of one stream are no exceptions; they reset it.

export class Http2Error extends Error {
  override readonly name = 'Http2Error';
  /** The code of the GOAWAY frame: one of `ErrorCode`, or what the peer sent. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
