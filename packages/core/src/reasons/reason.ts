// The closed table of reasons: why something was refused, ejected, detected or failed. Log, metric, header, tap and CLI
// all render the same value. The table is documented in docs/reasons.md, which is generated from it.

export type ReasonCode = keyof typeof REASONS;

/** One occurrence: the stable code, and what it was about. */
export interface Reason {
  readonly code: ReasonCode;
  /** The variable part: which rule, endpoint, limit or value. One line, no secrets. */
  readonly detail?: string | undefined;
  /** Where a policy says what the client is to be answered, that; it takes the place of the answer that the code has otherwise. */
  readonly answer?: ConfiguredAnswer | undefined;
}

/** Of a filter of a route. spec/proxy.md §4.6, §7.4. */
export type ConfiguredAnswer =
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'http-failure'; readonly status: number; readonly message: string }
  | { readonly kind: 'grpc-failure'; readonly code: number; readonly message: string };

interface ReasonEntry {
  /** What happened, as a sentence without a full stop. */
  readonly sentence: string;
  /** What a person can do about it. */
  readonly action: string;
}

const entry = (sentence: string, action: string): ReasonEntry => ({ sentence, action });

export const REASONS = {
  // accepting connections
  ORIGINAL_DST_UNKNOWN: entry(
    'the original destination of the connection is unknown',
    'check that the redirect rules are installed in this network namespace (weft-init)',
  ),
  CONNECTION_LOOP: entry(
    'the connection leads back to the proxy itself',
    'do not connect to the ports of the proxy; check redirect rules and endpoint addresses',
  ),
  INBOUND_IP_NOT_ALLOWED: entry('the original destination is not an address of this pod', 'check LINKERD2_PROXY_INBOUND_IPS against the addresses of the pod'),
  PROXY_HEADER_INVALID: entry(
    'the PROXY protocol header could not be read',
    'whoever forwards connections here must send a header of version 1 or 2 (send-proxy), or WEFT_PROXY_ORIGINAL_DST must be another source',
  ),
  PROXY_HEADER_TIMEOUT: entry('no PROXY protocol header came in time', 'check that whoever forwards connections here sends a header, and sends it first'),
  PROXY_HEADER_UNTRUSTED: entry(
    'this peer may not send PROXY protocol headers',
    'name the network of whoever forwards connections in WEFT_PROXY_ORIGINAL_DST (proxy-protocol:CIDR)',
  ),
  // detection
  DETECT_TIMEOUT: entry(
    'the client sent nothing before the detection timeout',
    'mark the port opaque if the server speaks first (config.linkerd.io/opaque-ports)',
  ),
  DETECT_CLOSED: entry('the connection was closed before its protocol was known', 'none: a port scan or a health check looks like this'),
  DETECTED_HTTP1: entry('the first bytes are an HTTP/1 request', 'none: an ordinary verdict'),
  DETECTED_HTTP2: entry('the first bytes are the preface of HTTP/2', 'none: an ordinary verdict'),
  DETECTED_OPAQUE: entry('the first bytes are not HTTP', 'mark the port opaque to spare the detection (config.linkerd.io/opaque-ports)'),
  DETECTED_SHORT: entry(
    'fewer than 14 bytes came first, which counts as not HTTP',
    'a client that sends its request line in pieces is not recognised: declare the protocol of the port (Server, appProtocol)',
  ),
  DETECTED_SERVER_FIRST: entry(
    'the server spoke before the client, so the connection is opaque',
    'mark the port opaque to spare the detection (config.linkerd.io/opaque-ports)',
  ),
  DETECTED_REMEMBERED: entry('the server of this target spoke first a while ago, so the connection is opaque', 'none: the verdict expires by itself'),
  // identity and TLS
  IDENTITY_NOT_READY: entry(
    'no certificate has been issued to this proxy yet',
    'check that the identity service is reachable and accepts the token of the pod',
  ),
  TLS_PEER_UNTRUSTED: entry(
    'the certificate of the peer does not chain to the trust anchors',
    'check that both sides have the same trust anchors and that the certificate has not expired',
  ),
  TLS_PEER_EXPIRED: entry('the certificate of the peer has expired', 'check the clock of the peer and that it can reach the identity service'),
  TLS_PEER_NAME_MISMATCH: entry(
    'the certificate of the peer carries another identity than expected',
    'check that the address really belongs to the expected workload; discovery may be out of date',
  ),
  TLS_PEER_NO_CERTIFICATE: entry('the peer presented no certificate', 'the peer must be meshed to connect here'),
  TLS_HANDSHAKE_FAILED: entry('the TLS handshake failed', 'check that the peer speaks TLS 1.3 and was not cut off'),
  TLS_HANDSHAKE_TIMEOUT: entry('the TLS handshake did not finish in time', 'check the load of the peer and the network between'),
  TRANSPORT_HEADER_REQUIRED: entry(
    'a direct connection arrived without a transport header',
    'only meshed peers that negotiate transport.l5d.io/v1 may connect to the inbound port directly',
  ),
  TRANSPORT_HEADER_INVALID: entry('the transport header could not be read', 'check the version of the peer proxy'),
  // gateway
  GATEWAY_DOMAIN_INVALID: entry(
    'this proxy is no gateway for the name',
    'check LINKERD2_PROXY_INBOUND_GATEWAY_SUFFIXES of the gateway, and that its control plane knows the service',
  ),
  GATEWAY_LOOP: entry('the request has passed this gateway before', 'check that the name does not lead from one cluster back to the other'),
  // discovery
  DISCOVERY_REJECTED: entry('the control plane refuses to resolve this target', 'check the name and port that the client uses'),
  DISCOVERY_UNAVAILABLE: entry(
    'the control plane could not be reached',
    'check the destination and policy controllers; the last known state is served meanwhile',
  ),
  CONTROL_NAME_UNRESOLVED: entry(
    'the name of a control-plane service cannot be resolved',
    'check DNS and the LINKERD2_PROXY_*_SVC_ADDR variables; addresses that were known before stay in force',
  ),
  DISCOVERY_LIMIT: entry(
    'too many destinations are in use at once',
    'look for a client that connects to very many addresses; destinations without connections make room',
  ),
  POLICY_INVALID: entry('the policy for this target could not be understood', 'check the routes and backends of the target; the detail names the field'),
  BACKEND_INVALID: entry('the policy names a backend that cannot be used', 'check the backendRefs of the route; the detail says what is wrong with it'),
  // routing and balancing
  ROUTE_NOT_FOUND: entry('no route matches the request', 'check hostnames, path, method and header matches of the routes'),
  REDIRECTED: entry('a route redirects the request', 'none: the policy says so; the detail names the route and the location'),
  REDIRECT_INVALID: entry(
    'a route redirects the request to what is no location',
    'check the redirect filter of the route against the requests that it matches',
  ),
  FAILURE_INJECTED: entry('a route fails the request on purpose', 'none: the policy says so; the detail names the route and the message'),
  MATCH_LIMIT: entry(
    'the request takes too long to match against the patterns of the routes',
    'patterns cost the length of the path or value times their size: shorten them, or refuse such requests before they come here',
  ),
  CONNECTION_FORBIDDEN: entry('the route forbids the connection', 'check the filters of the route'),
  NO_ENDPOINTS: entry('the target has no endpoints', 'check that pods of the Service are running and ready'),
  NO_READY_ENDPOINT: entry('none of the endpoints is ready', 'check the state and last error of each endpoint'),
  FAILFAST: entry(
    'requests are failed at once because no endpoint became ready in time',
    'check the endpoints of the target; the gate opens when one is ready',
  ),
  GATE_SHUT: entry(
    'requests are refused at once because those before waited in vain',
    'the detail says for what; check the endpoints of the target: the gate opens when one is ready',
  ),
  LOAD_SHED: entry('too many requests are in flight', 'raise the in-flight limit or add replicas'),
  QUEUE_FULL: entry('the queue in front of the target is full', 'raise the queue capacity or add replicas'),
  EJECTED_CONSECUTIVE_FAILURES: entry(
    'an endpoint gets no requests for a while because it failed too often in a row',
    'the detail names the endpoint and its last failures; it is probed with one request after the backoff',
  ),
  EJECTED_SUCCESS_RATE: entry(
    'an endpoint gets no requests for a while because too few of its responses were successes',
    'the detail names the endpoint and its last failures; it is probed with one request after the backoff',
  ),
  EJECTED_PROBE_FAILED: entry(
    'an endpoint gets no requests for longer because its probe failed',
    'the detail names the endpoint and what its probe got; the backoff grows with each probe that fails',
  ),
  IDENTITY_REQUIRED: entry('the endpoint does not have the identity that the request requires', 'check l5d-require-id against the identity of the endpoint'),
  // connecting
  CONNECT_REFUSED: entry('the endpoint refused the connection', 'check that the application listens on that address and port'),
  CONNECT_TIMEOUT: entry('the connection was not established in time', 'check the endpoint and the network between'),
  CONNECT_UNSUPPORTED: entry(
    'the application does not take this protocol',
    'the detail names what it lacks: give it a server for that, or send something else',
  ),
  CONNECT_FAILED: entry('the connection could not be established', 'the detail carries the error of the operating system'),
  APPLICATION_UNREACHABLE: entry(
    'requests are shed because the application could not be connected to in time',
    'check that the application listens; requests are taken again as soon as it does',
  ),
  CONNECT_LOOPBACK_REFUSED: entry(
    'an outbound connection to a loopback address is refused',
    'endpoints must have pod addresses; a loopback address would lead back to this proxy',
  ),
  // exchanges
  UPSTREAM_CLOSED: entry('the connection was closed before the response was complete', 'check the application for crashes and timeouts'),
  UPSTREAM_RESET: entry('the peer reset the stream', 'the detail carries the code of the reset'),
  UPSTREAM_PROTOCOL_ERROR: entry('the peer sent a response that could not be understood', 'check that the application speaks the protocol of the port'),
  DOWNGRADED: entry('an upgraded request was reset by the peer', 'the error arose between the peer proxy and its application'),
  REQUEST_INVALID: entry('the request could not be understood', 'the detail says which part of the request is malformed'),
  RESPONSE_TIMEOUT: entry('the response did not arrive in time', 'check the route timeouts and the latency of the application'),
  PROFILE_TIMEOUT: entry(
    'the request took longer than its route in the ServiceProfile allows',
    'check the timeout of the route and the latency of the application',
  ),
  CLIENT_GONE: entry('the client went away before the response was complete', 'none, unless client timeouts are too short'),
  // authorization
  UNAUTHORIZED: entry(
    'no authorization admits the client',
    'the detail names client, server and route; add an AuthorizationPolicy or change the default policy',
  ),
  RATE_LIMITED: entry('a rate limit is exceeded', 'the detail names the limit'),
  // lifecycle
  DRAINING: entry('the proxy is shutting down', 'none: retry on another connection'),
  // certification
  CSR_INVALID: entry('the certificate signing request is not acceptable', 'the detail names the field'),
  CSR_NAME_MISMATCH: entry('the certificate signing request names another identity', 'CSR, request and token must agree on the identity'),
  TOKEN_INVALID: entry('the token was not accepted', 'check that the token is of audience identity.l5d.io and has not expired'),
  TOKEN_IDENTITY_MISMATCH: entry('the token belongs to another identity', 'the service account of the token must be the one in the requested name'),
  ISSUER_UNAVAILABLE: entry('the certificate issuer is not usable', 'check the issuer certificate, its expiry and the trust anchors'),
  CERTIFY_FAILED: entry('the identity service did not issue a certificate', 'the detail carries the answer of the identity service'),
  CERTIFICATE_UNUSABLE: entry('the issued certificate is not usable', 'the detail says what is wrong with it; check trust anchors and clocks'),
  // ordinary verdicts
  UNEXPECTED: entry('an unexpected error occurred', 'this is likely a defect; please report the detail'),
} as const satisfies Record<string, ReasonEntry>;

export function reason(code: ReasonCode, detail?: string): Reason {
  return detail === undefined ? { code } : { code, detail };
}

/** `REDIRECTED` or `FAILURE_INJECTED`, with what the client gets. */
export function configuredReason(route: string, answer: ConfiguredAnswer): Reason {
  if (answer.kind === 'redirect') return { code: 'REDIRECTED', detail: `${route}: ${answer.status} ${answer.location}`, answer };
  const status = answer.kind === 'http-failure' ? answer.status : `gRPC status ${answer.code}`;
  return { code: 'FAILURE_INJECTED', detail: `${route}: ${status} ${answer.message}`, answer };
}

/** The sentence, followed by the detail where there is one: what headers and logs show. Always one line: details may carry what a peer sent. */
export function formatReason(value: Reason): string {
  const { sentence } = REASONS[value.code];
  return value.detail === undefined ? sentence : `${sentence}: ${value.detail.replace(/\p{Cc}+/gu, ' ')}`;
}

/** An error that carries a reason, for code that throws. */
export class ReasonError extends Error {
  override readonly name = 'ReasonError';
  readonly reason: Reason;

  constructor(value: Reason, options?: ErrorOptions) {
    super(formatReason(value), options);
    this.reason = value;
  }
}

/** The reason carried by an error, or UNEXPECTED with its message. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof ReasonError) return error.reason;
  return reason('UNEXPECTED', error instanceof Error ? error.message : String(error));
}
