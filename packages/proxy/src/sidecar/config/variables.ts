// Every environment variable of the proxy, as data: name, syntax, default, meaning. spec/proxy.md §1.3.
import { DEFAULT_POLICY_NAMES } from '@weft/core';
import { originalDst } from './original-dst-syntax.ts';
import {
  bool,
  controlTarget,
  cores,
  DEFAULT_LOG_FILTER,
  duration,
  identityId,
  identityName,
  integer,
  ipSet,
  jitter,
  logFilter,
  networks,
  nonEmpty,
  oneOf,
  oneOfAnyCase,
  pemCertificates,
  portSet,
  type Syntax,
  socketAddress,
  socketAddresses,
  string,
  suffixList,
  u32,
  u32Bytes,
  unixPath,
} from './syntax.ts';

export interface Variable<T> {
  readonly syntax: Syntax<NonNullable<T>>;
  /** Parsed by the same syntax. */
  readonly fallback?: string;
  readonly required?: boolean;
  /** The full name, where it is not `LINKERD2_PROXY_` and the key; further names are alternatives, the first one set wins. */
  readonly names?: readonly string[];
  /** A bad value is only warned about, and then as if unset. */
  readonly lenient?: boolean;
  readonly meaning: string;
}

type Extra = Pick<Variable<unknown>, 'names' | 'lenient'>;

const withDefault = <T>(syntax: Syntax<T>, fallback: string, meaning: string): Variable<T> => ({ syntax: syntax as Syntax<NonNullable<T>>, fallback, meaning });
const required = <T>(syntax: Syntax<T>, meaning: string): Variable<T> => ({ syntax: syntax as Syntax<NonNullable<T>>, required: true, meaning });
const optional = <T>(syntax: Syntax<T>, meaning: string, extra: Extra = {}): Variable<T | undefined> => ({
  syntax: syntax as Syntax<NonNullable<T | undefined>>,
  meaning,
  ...extra,
});

export const PREFIX = 'LINKERD2_PROXY_';
/** What the chart sets, or the reference declares, and nothing reads. */
export const IGNORED_NAMES: readonly string[] = ['TRACE_ANNOTATIONS_PATH', 'TRACE_PROTOCOL', 'INBOUND_PORTS_REQUIRE_IDENTITY', 'INBOUND_PORTS_REQUIRE_TLS'].map(
  (key) => `${PREFIX}${key}`,
);
const SPIRE_BACKOFF = 'IDENTITY_SPIRE_EXP_BACKOFF';
/** The reference implementation doubles the prefix of these by mistake; both spellings are accepted. */
const doubled = (key: string): Extra => ({ names: [`${PREFIX}${PREFIX}${key}`, `${PREFIX}${key}`] });

export const VARIABLES = {
  // listeners
  OUTBOUND_LISTEN_ADDR: withDefault(socketAddress, '127.0.0.1:4140', 'outbound listener; OUTBOUND_LISTEN_ADDRS wins'),
  OUTBOUND_LISTEN_ADDRS: optional(socketAddresses, 'outbound listeners'),
  INBOUND_LISTEN_ADDR: withDefault(socketAddress, '0.0.0.0:4143', 'inbound listener'),
  CONTROL_LISTEN_ADDR: withDefault(socketAddress, '0.0.0.0:4190', 'tap listener'),
  ADMIN_LISTEN_ADDR: withDefault(socketAddress, '127.0.0.1:4191', 'admin listener'),
  // process
  METRICS_RETAIN_IDLE: withDefault(duration, '10m', 'life of idle label sets'),
  SHUTDOWN_ENDPOINT_ENABLED: withDefault(bool, 'false', 'enables POST /shutdown'),
  SHUTDOWN_GRACE_PERIOD: withDefault(duration, '2m', 'drain time limit'),
  INGRESS_MODE: withDefault(bool, 'false', 'outbound runs as ingress'),
  LOG: withDefault(logFilter, DEFAULT_LOG_FILTER, 'filter directives; off disables logging'),
  LOG_FORMAT: withDefault(oneOfAnyCase('PLAIN', 'JSON'), 'PLAIN', 'form of log lines'),
  ACCESS_LOG: optional(oneOfAnyCase('', 'apache', 'json'), 'access log of inbound requests, to stderr'),
  CORES: optional(cores, 'fewest worker threads, where CORES_MIN is not set', { lenient: true }),
  CORES_MIN: optional(cores, 'fewest worker threads', { lenient: true }),
  CORES_MAX: optional(cores, 'most worker threads', { lenient: true }),
  CORES_MAX_RATIO: optional(jitter, 'most worker threads, as a share of the processors', { lenient: true }),
  // queues and timeouts
  INBOUND_HTTP_QUEUE_CAPACITY: withDefault(integer({ unit: 'requests' }), '10000', 'inbound queue per service'),
  INBOUND_HTTP_FAILFAST_TIMEOUT: withDefault(duration, '1s', 'inbound wait for a ready service'),
  OUTBOUND_TCP_QUEUE_CAPACITY: withDefault(integer({ unit: 'connections' }), '10000', 'outbound connection queue'),
  OUTBOUND_HTTP_QUEUE_CAPACITY: withDefault(integer({ unit: 'requests' }), '10000', 'outbound request queue'),
  OUTBOUND_TCP_FAILFAST_TIMEOUT: withDefault(duration, '3s', 'outbound wait for a ready endpoint (TCP)'),
  OUTBOUND_HTTP_FAILFAST_TIMEOUT: withDefault(duration, '3s', 'outbound wait for a ready endpoint (HTTP)'),
  INBOUND_DETECT_TIMEOUT: withDefault(duration, '10s', 'inbound TLS and protocol detection'),
  OUTBOUND_DETECT_TIMEOUT: withDefault(duration, '10s', 'outbound protocol detection'),
  INBOUND_CONNECT_TIMEOUT: withDefault(duration, '300ms', 'connecting to the application'),
  OUTBOUND_CONNECT_TIMEOUT: withDefault(duration, '1s', 'connecting to an endpoint'),
  // sockets
  INBOUND_ACCEPT_KEEPALIVE: optional(duration, 'TCP keep-alive time'),
  OUTBOUND_ACCEPT_KEEPALIVE: optional(duration, 'TCP keep-alive time'),
  INBOUND_CONNECT_KEEPALIVE: optional(duration, 'TCP keep-alive time'),
  OUTBOUND_CONNECT_KEEPALIVE: optional(duration, 'TCP keep-alive time'),
  INBOUND_ACCEPT_USER_TIMEOUT: optional(duration, 'TCP_USER_TIMEOUT'),
  OUTBOUND_ACCEPT_USER_TIMEOUT: optional(duration, 'TCP_USER_TIMEOUT'),
  INBOUND_CONNECT_USER_TIMEOUT: optional(duration, 'TCP_USER_TIMEOUT'),
  OUTBOUND_CONNECT_USER_TIMEOUT: optional(duration, 'TCP_USER_TIMEOUT'),
  INBOUND_TCP_LISTEN_BACKLOG: optional(u32, 'listen backlog'),
  OUTBOUND_TCP_LISTEN_BACKLOG: optional(u32, 'listen backlog'),
  // pools and limits
  MAX_IDLE_CONNS_PER_ENDPOINT: withDefault(integer({ unit: 'connections' }), '10000', 'inbound HTTP/1 pool size'),
  OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT: withDefault(integer({ unit: 'connections' }), '10000', 'outbound HTTP/1 pool size'),
  INBOUND_MAX_IN_FLIGHT: withDefault(integer({ unit: 'requests' }), '100000', 'inbound requests in flight; more are shed'),
  OUTBOUND_MAX_IN_FLIGHT: withDefault(integer({ unit: 'requests' }), '100000', 'outbound requests in flight; more are shed'),
  INBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT: withDefault(duration, '3s', 'life of an idle pooled HTTP/1 connection'),
  OUTBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT: withDefault(duration, '3s', 'life of an idle pooled HTTP/1 connection'),
  INBOUND_DISCOVERY_IDLE_TIMEOUT: withDefault(duration, '90s', 'idle eviction of inbound policies'),
  OUTBOUND_DISCOVERY_IDLE_TIMEOUT: withDefault(duration, '5s', 'idle eviction of outbound discovery'),
  // backoff
  INBOUND_CONNECT_EXP_BACKOFF_MIN: optional(duration, 'least inbound reconnect delay; together with MAX; default 100ms'),
  INBOUND_CONNECT_EXP_BACKOFF_MAX: optional(duration, 'most inbound reconnect delay; default 10s'),
  INBOUND_CONNECT_EXP_BACKOFF_JITTER: optional(jitter, 'random share of the delay; default 0.1, or 0 with MIN and MAX'),
  OUTBOUND_CONNECT_EXP_BACKOFF_MIN: optional(duration, 'least outbound reconnect delay; together with MAX; default 100ms'),
  OUTBOUND_CONNECT_EXP_BACKOFF_MAX: optional(duration, 'most outbound reconnect delay; default 60s'),
  OUTBOUND_CONNECT_EXP_BACKOFF_JITTER: optional(jitter, 'random share of the delay; default 0.1, or 0 with MIN and MAX'),
  IDENTITY_SPIRE_EXP_BACKOFF_MIN: optional(duration, 'least delay towards SPIRE; default 100ms', doubled(`${SPIRE_BACKOFF}_MIN`)),
  IDENTITY_SPIRE_EXP_BACKOFF_MAX: optional(duration, 'most delay towards SPIRE; default 1s', doubled(`${SPIRE_BACKOFF}_MAX`)),
  IDENTITY_SPIRE_EXP_BACKOFF_JITTER: optional(jitter, 'random share of the delay', doubled(`${SPIRE_BACKOFF}_JITTER`)),
  // headers and labels
  OUTBOUND_DISABLE_INFORMATIONAL_HEADERS: optional(bool, 'suppresses outbound l5d-proxy-error and l5d-proxy-connection; default as INGRESS_MODE'),
  OUTBOUND_METRICS_HOSTNAME_LABELS: withDefault(bool, 'false', 'fills the hostname label of outbound routes'),
  INBOUND_METRICS_AUTHORITY_LABELS: withDefault(oneOfAnyCase('', 'unsafe'), '', 'unsafe adds the authority label to inbound requests'),
  // discovery
  DESTINATION_PROFILE_SUFFIXES: withDefault(suffixList, 'svc.cluster.local.', 'names whose profile may be looked up'),
  DESTINATION_PROFILE_NETWORKS: withDefault(networks, '', 'networks whose profile may be looked up'),
  DESTINATION_PROFILE_INITIAL_TIMEOUT: withDefault(duration, '500ms', 'inbound profile lookup is skipped after this'),
  DESTINATION_CONTEXT: withDefault(string, '', 'opaque token of discovery requests'),
  DESTINATION_SVC_ADDR: required(controlTarget, 'destination service'),
  DESTINATION_SVC_NAME: optional(identityName, 'identity of the destination service'),
  POLICY_SVC_ADDR: required(controlTarget, 'policy service'),
  POLICY_SVC_NAME: optional(identityName, 'identity of the policy service'),
  POLICY_WORKLOAD: required(string, 'who this proxy is, for the policy service'),
  POLICY_CLUSTER_NETWORKS: withDefault(networks, '', 'networks of the cluster-* default policies'),
  IDENTITY_SVC_ADDR: optional(controlTarget, 'identity service'),
  IDENTITY_SVC_NAME: optional(identityName, 'identity of the identity service'),
  CONTROL_STREAM_INITIAL_TIMEOUT: optional(duration, 'longest wait for the first message of a control-plane stream'),
  CONTROL_STREAM_IDLE_TIMEOUT: optional(duration, 'longest silence on a control-plane stream'),
  CONTROL_STREAM_LIFETIME: optional(duration, 'longest life of a control-plane stream'),
  DNS_MIN_TTL: optional(duration, 'least life of a DNS answer'),
  DNS_MAX_TTL: optional(duration, 'most life of a DNS answer'),
  RESOLV_CONF: withDefault(nonEmpty, '/etc/resolv.conf', 'DNS servers'),
  // inbound
  INBOUND_GATEWAY_SUFFIXES: withDefault(suffixList, '', 'names the proxy is a gateway for'),
  INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION: withDefault(portSet, '', 'ports that are opaque until the control plane answers'),
  INBOUND_DEFAULT_POLICY: optional(oneOf(...DEFAULT_POLICY_NAMES), 'policy until the control plane answers; default all-unauthenticated'),
  INBOUND_PORTS: withDefault(portSet, '', 'ports whose policy is watched from the start'),
  INBOUND_IPS: optional(ipSet, 'addresses of the own pod; unset allows all'),
  // identity
  IDENTITY_DISABLED: optional(string, 'must not be set: identity is mandatory'),
  IDENTITY_DIR: optional(nonEmpty, 'directory of key.p8 and csr.der; required without SPIRE'),
  IDENTITY_TRUST_ANCHORS: required(pemCertificates, 'trust anchors'),
  IDENTITY_TOKEN_FILE: optional(nonEmpty, 'service account token, read for each certification; required without SPIRE'),
  IDENTITY_MIN_REFRESH: withDefault(duration, '10s', 'least time between certifications'),
  IDENTITY_MAX_REFRESH: withDefault(duration, '24h', 'most time between certifications'),
  IDENTITY_LOCAL_NAME: optional(identityName, 'identity and server name of this proxy'),
  IDENTITY_SERVER_ID: optional(nonEmpty, 'identity of this proxy, with IDENTITY_SERVER_NAME'),
  IDENTITY_SERVER_NAME: optional(identityName, 'server name of this proxy'),
  IDENTITY_SPIRE_WORKLOAD_API_ADDRESS: optional(
    unixPath,
    'Unix socket of the SPIFFE Workload API, from which certificates come instead of the identity service',
    {
      names: [`${PREFIX}IDENTITY_SPIRE_WORKLOAD_API_ADDRESS`, `${PREFIX}IDENTITY_SPIRE_SOCKET`],
    },
  ),
  TAP_SVC_NAME: optional(identityId, 'identity that may tap; unset disables tap'),
  // HTTP/2
  HTTP2_INITIAL_STREAM_WINDOW_SIZE: withDefault(u32Bytes, '65535', 'HTTP/2 window towards endpoints'),
  HTTP2_INITIAL_CONNECTION_WINDOW_SIZE: withDefault(u32Bytes, '1048576', 'HTTP/2 connection window towards endpoints'),
  INBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL: optional(bool, 'adaptive windows'),
  INBOUND_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE: optional(u32Bytes, 'stream window'),
  INBOUND_SERVER_HTTP2_INITIAL_CONNECTION_WINDOW_SIZE: optional(u32Bytes, 'connection window'),
  INBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL: optional(duration, 'time between PINGs'),
  INBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT: optional(duration, 'wait for a PING answer'),
  INBOUND_SERVER_HTTP2_MAX_CONCURRENT_STREAMS: optional(integer({ max: 0xffffffff, unit: 'streams' }), 'advertised stream limit'),
  INBOUND_SERVER_HTTP2_MAX_FRAME_SIZE: optional(u32Bytes, 'largest frame accepted'),
  INBOUND_SERVER_HTTP2_MAX_HEADER_LIST_SIZE: optional(u32Bytes, 'largest header list accepted'),
  INBOUND_SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS: optional(integer(), 'resets before a stream is accepted'),
  INBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE: optional(integer({ unit: 'bytes' }), 'bytes buffered per stream'),
  OUTBOUND_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL: optional(bool, 'adaptive windows'),
  OUTBOUND_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE: optional(u32Bytes, 'stream window'),
  OUTBOUND_SERVER_HTTP2_INITIAL_CONNECTION_WINDOW_SIZE: optional(u32Bytes, 'connection window'),
  OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL: optional(duration, 'time between PINGs'),
  OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT: optional(duration, 'wait for a PING answer'),
  OUTBOUND_SERVER_HTTP2_MAX_CONCURRENT_STREAMS: optional(integer({ max: 0xffffffff, unit: 'streams' }), 'advertised stream limit'),
  OUTBOUND_SERVER_HTTP2_MAX_FRAME_SIZE: optional(u32Bytes, 'largest frame accepted'),
  OUTBOUND_SERVER_HTTP2_MAX_HEADER_LIST_SIZE: optional(u32Bytes, 'largest header list accepted'),
  OUTBOUND_SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS: optional(integer(), 'resets before a stream is accepted'),
  OUTBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE: optional(integer({ unit: 'bytes' }), 'bytes buffered per stream'),
  // tracing
  TRACE_COLLECTOR_SVC_ADDR: optional(controlTarget, 'OTLP gRPC collector'),
  TRACE_COLLECTOR_SVC_NAME: optional(identityName, 'identity of the collector'),
  TRACE_SERVICE_NAME: optional(string, 'service.name of spans'),
  TRACE_ATTRIBUTES_PATH: optional(string, 'file of key="value" lines added to spans'),
  TRACE_EXTRA_ATTRIBUTES: optional(string, 'lines of key=value added to spans'),
  OTEL_RESOURCE_ATTRIBUTES: optional(string, 'lines of key=value added to spans', { names: ['OTEL_RESOURCE_ATTRIBUTES'] }),
  HOSTNAME: optional(string, 'host.name of spans', { names: ['HOSTNAME'] }),
  // additions of this implementation
  ORIGINAL_DST: optional(originalDst, 'where original destinations come from; default socket', { names: ['WEFT_PROXY_ORIGINAL_DST'] }),
  ADDRESS_BOOK: optional(nonEmpty, 'file that maps virtual addresses to loopback ports', { names: ['WEFT_PROXY_ADDRESS_BOOK'] }),
  DETECT: {
    ...withDefault(oneOf('wait', 'race'), 'wait', 'race connects to the target while the client is silent, and takes it for opaque if it speaks first'),
    names: ['WEFT_PROXY_DETECT'],
  },
  HTTP2_EXTENDED_CONNECT: {
    ...withDefault(bool, 'false', 'lets HTTP/2 clients use extended CONNECT (WebSocket over HTTP/2)'),
    names: ['WEFT_PROXY_HTTP2_EXTENDED_CONNECT'],
  },
} as const;

export type VariableName = keyof typeof VARIABLES;
type ValueOf<V> = V extends Variable<infer T> ? T : never;
export type Values = { readonly [K in VariableName]: ValueOf<(typeof VARIABLES)[K]> };

/** Names under which a variable may be set, most preferred first. */
export function namesOf(key: VariableName): readonly [string, ...string[]] {
  const { names }: Variable<unknown> = VARIABLES[key];
  const [first = `${PREFIX}${key}`, ...rest] = names ?? [];
  return [first, ...rest];
}
