// How a call ended, from what HTTP/2 shows of it. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and http-grpc-status-mapping.md
import { constants, type IncomingHttpHeaders } from 'node:http2';
import { RpcCode, RpcError } from './channel.ts';

export interface CallEnd {
  /** Of the response head; undefined when none arrived. */
  readonly headers: IncomingHttpHeaders | undefined;
  readonly trailers: IncomingHttpHeaders | undefined;
  /** RST_STREAM code, 0 for a regular end. */
  readonly resetCode: number;
  /** The connection is gone, not just the stream. */
  readonly connectionLost: boolean;
  readonly cause: unknown;
}

/** Undefined for status OK. */
export function errorOf(end: CallEnd): RpcError | undefined {
  const own = end.trailers?.['grpc-status'] !== undefined ? end.trailers : end.headers;
  const status = own?.['grpc-status'];
  if (own && typeof status === 'string') return statusError(status, own['grpc-message']);
  if (end.connectionLost) return new RpcError(RpcCode.UNAVAILABLE, 'the connection was lost', { cause: end.cause });
  if (end.resetCode !== 0) return new RpcError(codeOfReset(end.resetCode), `the stream was reset with code ${end.resetCode}`, { cause: end.cause });
  const http = Number(end.headers?.[':status']);
  if (end.headers && http !== 200) return new RpcError(codeOfHttp(http), `the answer has HTTP status ${http}`);
  if (end.headers && !isGrpc(end.headers)) return new RpcError(RpcCode.UNKNOWN, `the answer has content-type ${end.headers['content-type'] ?? '(none)'}`);
  return new RpcError(RpcCode.UNKNOWN, 'the answer ended without a status', { cause: end.cause });
}

export function isGrpc(headers: IncomingHttpHeaders): boolean {
  return /^application\/grpc($|[+;])/.test(headers['content-type'] ?? '');
}

function statusError(status: string, message: string | string[] | undefined): RpcError | undefined {
  const code = /^\d{1,2}$/.test(status) ? Number(status) : RpcCode.UNKNOWN;
  if (code === RpcCode.OK) return undefined;
  const text = typeof message === 'string' ? decodeMessage(message) : '';
  return new RpcError(code <= RpcCode.UNAUTHENTICATED ? code : RpcCode.UNKNOWN, text);
}

/** `grpc-message` is percent-encoded UTF-8; what does not decode is shown as it is. */
function decodeMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function codeOfReset(code: number): number {
  switch (code) {
    case constants.NGHTTP2_REFUSED_STREAM:
      return RpcCode.UNAVAILABLE;
    case constants.NGHTTP2_CANCEL:
      return RpcCode.CANCELLED;
    case constants.NGHTTP2_ENHANCE_YOUR_CALM:
      return RpcCode.RESOURCE_EXHAUSTED;
    case constants.NGHTTP2_INADEQUATE_SECURITY:
      return RpcCode.PERMISSION_DENIED;
    default:
      return RpcCode.INTERNAL;
  }
}

function codeOfHttp(status: number): number {
  switch (status) {
    case 400:
      return RpcCode.INTERNAL;
    case 401:
      return RpcCode.UNAUTHENTICATED;
    case 403:
      return RpcCode.PERMISSION_DENIED;
    case 404:
      return RpcCode.UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
      return RpcCode.UNAVAILABLE;
    default:
      return RpcCode.UNKNOWN;
  }
}
