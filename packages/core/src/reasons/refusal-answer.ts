// With what HTTP is answered where a request is refused for a reason. spec/proxy.md §4.6.
import type { ReasonCode } from './reason.ts';

export interface RefusalAnswer {
  readonly status: number;
  readonly grpcStatus: number;
  /** Whether the client's connection is closed afterwards. */
  readonly close: boolean;
}

export const INTERNAL_ERROR: RefusalAnswer = { status: 500, grpcStatus: 13, close: true };
const BAD_GATEWAY: RefusalAnswer = { status: 502, grpcStatus: 14, close: true };
const GATEWAY_TIMEOUT: RefusalAnswer = { status: 504, grpcStatus: 4, close: true };
const RESPONSE_TIMEOUT: RefusalAnswer = { status: 504, grpcStatus: 4, close: false };
const UNAVAILABLE: RefusalAnswer = { status: 503, grpcStatus: 14, close: true };
const FORBIDDEN: RefusalAnswer = { status: 403, grpcStatus: 7, close: false };
const RATE_LIMITED: RefusalAnswer = { status: 429, grpcStatus: 8, close: false };
const LOOP: RefusalAnswer = { status: 508, grpcStatus: 10, close: true };
const NOT_FOUND: RefusalAnswer = { status: 404, grpcStatus: 5, close: false };
const BAD_REQUEST: RefusalAnswer = { status: 400, grpcStatus: 3, close: true };

const ANSWERS: Partial<Record<ReasonCode, RefusalAnswer>> = {
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
  BACKEND_INVALID: BAD_GATEWAY,
  ROUTE_NOT_FOUND: NOT_FOUND,
  NO_ENDPOINTS: GATEWAY_TIMEOUT,
  NO_READY_ENDPOINT: GATEWAY_TIMEOUT,
  FAILFAST: GATEWAY_TIMEOUT,
  GATE_SHUT: UNAVAILABLE,
  LOAD_SHED: UNAVAILABLE,
  APPLICATION_UNREACHABLE: UNAVAILABLE,
  QUEUE_FULL: UNAVAILABLE,
  DRAINING: UNAVAILABLE,
  IDENTITY_REQUIRED: BAD_GATEWAY,
  CONNECT_REFUSED: BAD_GATEWAY,
  CONNECT_TIMEOUT: GATEWAY_TIMEOUT,
  CONNECT_FAILED: BAD_GATEWAY,
  CONNECT_UNSUPPORTED: BAD_GATEWAY,
  CONNECT_LOOPBACK_REFUSED: BAD_GATEWAY,
  UPSTREAM_CLOSED: BAD_GATEWAY,
  UPSTREAM_RESET: BAD_GATEWAY,
  UPSTREAM_PROTOCOL_ERROR: BAD_GATEWAY,
  DOWNGRADED: BAD_GATEWAY,
  REQUEST_INVALID: BAD_REQUEST,
  RESPONSE_TIMEOUT,
  PROFILE_TIMEOUT: GATEWAY_TIMEOUT,
  UNAUTHORIZED: FORBIDDEN,
  RATE_LIMITED,
};

/** Everything not listed is an internal error. */
export function refusalAnswer(code: ReasonCode): RefusalAnswer {
  return ANSWERS[code] ?? INTERNAL_ERROR;
}
