// Responses that the proxy makes itself: which status a reason has, and how it is written. spec/proxy.md §4.6.
import { formatReason, type Reason, type ReasonCode } from '@weft/core';
import { type Exchange, type FieldList, field, type LocalResponse, type RequestHead } from '@weft/http';

interface Answer {
  readonly status: number;
  readonly grpcStatus: number;
  /** Whether the client's connection is closed afterwards. */
  readonly close: boolean;
}

const INTERNAL: Answer = { status: 500, grpcStatus: 13, close: true };
const BAD_GATEWAY: Answer = { status: 502, grpcStatus: 14, close: true };
const GATEWAY_TIMEOUT: Answer = { status: 504, grpcStatus: 4, close: true };
const RESPONSE_TIMEOUT: Answer = { status: 504, grpcStatus: 4, close: false };
const UNAVAILABLE: Answer = { status: 503, grpcStatus: 14, close: true };
const FORBIDDEN: Answer = { status: 403, grpcStatus: 7, close: false };
const RATE_LIMITED: Answer = { status: 429, grpcStatus: 8, close: false };
const LOOP: Answer = { status: 508, grpcStatus: 10, close: true };
const NOT_FOUND: Answer = { status: 404, grpcStatus: 5, close: false };
const BAD_REQUEST: Answer = { status: 400, grpcStatus: 3, close: true };

/** Everything not listed is an internal error. */
const ANSWERS: Partial<Record<ReasonCode, Answer>> = {
  CONNECTION_LOOP: LOOP,
  GATEWAY_LOOP: LOOP,
  GATEWAY_DOMAIN_INVALID: NOT_FOUND,
  TLS_PEER_UNTRUSTED: BAD_GATEWAY,
  TLS_PEER_EXPIRED: BAD_GATEWAY,
  TLS_PEER_NAME_MISMATCH: BAD_GATEWAY,
  TLS_PEER_NO_CERTIFICATE: BAD_GATEWAY,
  TLS_HANDSHAKE_FAILED: BAD_GATEWAY,
  TLS_HANDSHAKE_TIMEOUT: GATEWAY_TIMEOUT,
  DISCOVERY_REJECTED: BAD_GATEWAY,
  DISCOVERY_UNAVAILABLE: BAD_GATEWAY,
  DISCOVERY_LIMIT: UNAVAILABLE,
  ROUTE_NOT_FOUND: NOT_FOUND,
  NO_ENDPOINTS: GATEWAY_TIMEOUT,
  NO_READY_ENDPOINT: GATEWAY_TIMEOUT,
  FAILFAST: GATEWAY_TIMEOUT,
  LOAD_SHED: UNAVAILABLE,
  QUEUE_FULL: UNAVAILABLE,
  DRAINING: UNAVAILABLE,
  IDENTITY_REQUIRED: BAD_GATEWAY,
  CONNECT_REFUSED: BAD_GATEWAY,
  CONNECT_TIMEOUT: GATEWAY_TIMEOUT,
  CONNECT_FAILED: BAD_GATEWAY,
  CONNECT_LOOPBACK_REFUSED: BAD_GATEWAY,
  UPSTREAM_CLOSED: BAD_GATEWAY,
  UPSTREAM_RESET: BAD_GATEWAY,
  UPSTREAM_PROTOCOL_ERROR: BAD_GATEWAY,
  DOWNGRADED: BAD_GATEWAY,
  REQUEST_INVALID: BAD_REQUEST,
  RESPONSE_TIMEOUT,
  UNAUTHORIZED: FORBIDDEN,
  RATE_LIMITED,
};

export function isGrpcRequest(request: RequestHead): boolean {
  return request.version === '2' && field(request.headers, 'content-type')?.startsWith('application/grpc') === true;
}

/** `informational`: whether the client may see why (`l5d-proxy-error`, `l5d-proxy-connection`, `grpc-message`). */
export function synthesize(exchange: Exchange, why: Reason, informational: boolean): void {
  exchange.respond(localResponse(exchange.request, why, informational));
}

export function localResponse(request: RequestHead, why: Reason, informational: boolean): LocalResponse {
  const answer = ANSWERS[why.code] ?? INTERNAL;
  const headers: FieldList = [];
  const message = informational ? headerText(`${why.code}: ${formatReason(why)}`) : undefined;
  const grpc = isGrpcRequest(request);
  if (grpc) headers.push('content-type', 'application/grpc', 'grpc-status', String(answer.grpcStatus));
  if (grpc && message !== undefined) headers.push('grpc-message', percentEncoded(message));
  if (message !== undefined) headers.push('l5d-proxy-error', message);
  if (message !== undefined && answer.close) headers.push('l5d-proxy-connection', 'close');
  return { status: grpc ? 200 : answer.status, headers, close: answer.close };
}

/** What cannot stand in a header is not shown at all. */
function headerText(text: string): string {
  return /^[\x20-\x7e\x80-\xff]*$/.test(text) ? text : 'unexpected error';
}

/** gRPC over HTTP/2, "Status-Message". */
function percentEncoded(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
