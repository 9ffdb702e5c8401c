// Codes of HTTP/2 that this engine itself gives as reasons: RFC 9113 §7.

export const ErrorCode = { noError: 0, protocolError: 1, internalError: 2, refusedStream: 7, cancel: 8 } as const;
