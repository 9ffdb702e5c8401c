// What is in force, and where it comes from: each setting beside the place in `Config` where it arrives.
import type { Config, ServerHttp2, SocketSettings } from './config.ts';
import type { Reading } from './read-variables.ts';
import { namesOf, VARIABLES, type Values, type Variable, type VariableName } from './variables.ts';

export interface EffectiveSetting {
  readonly name: string;
  /** With its unit; absent where nothing is in force. */
  readonly value?: string | undefined;
  /** The variables that were set, or `default`. */
  readonly source: string;
}

interface Row<K extends VariableName> {
  readonly at: (config: Config) => Values[K] | undefined;
  /** Other variables that have a say. Those that are no rows of their own are seen here alone. */
  readonly from?: readonly VariableName[];
}

type Rows = { readonly [K in VariableName]?: Row<K> };
type Side = 'INBOUND' | 'OUTBOUND';

/** In the order of the table of variables. */
export function effectiveSettings(config: Config, reading: Reading): readonly EffectiveSetting[] {
  return (Object.keys(VARIABLES) as VariableName[]).flatMap((key) => {
    const row: Row<VariableName> | undefined = ROWS[key];
    if (!row) return [];
    const value = row.at(config);
    const { syntax }: Variable<unknown> = VARIABLES[key];
    const shown = value === undefined ? undefined : (syntax.show?.(value) ?? plain(value));
    return [{ name: namesOf(key)[0], value: shown, source: sourceOf(key, row, reading, shown !== undefined) }];
  });
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Variables that some row shows, its own or another's. */
export function shownVariables(): ReadonlySet<VariableName> {
  const rows = Object.entries(ROWS) as [VariableName, Row<VariableName>][];
  return new Set(rows.flatMap(([key, { from = [] }]) => [key, ...from]));
}

function sourceOf(key: VariableName, { from = [] }: Row<VariableName>, reading: Reading, inForce: boolean): string {
  const own = reading.setAs(key)?.name;
  const others = from.flatMap((other) => reading.setAs(other)?.name ?? []);
  if (own === undefined) return others.length === 0 ? 'default' : `derived from ${others.join(', ')}`;
  if (!inForce) return `${own}, without effect`;
  return JOINED.has(key) ? [own, ...others].join(', ') : own;
}

/** Rows to which the other variables add; elsewhere the own variable wins. */
const JOINED: ReadonlySet<VariableName> = new Set<VariableName>(['INBOUND_PORTS', 'CORES']);

const ROWS: Rows = {
  OUTBOUND_LISTEN_ADDRS: { at: (c) => c.outbound.listen, from: ['OUTBOUND_LISTEN_ADDR'] },
  INBOUND_LISTEN_ADDR: { at: (c) => c.inbound.listen[0] },
  CONTROL_LISTEN_ADDR: { at: (c) => c.tap?.listen },
  ADMIN_LISTEN_ADDR: { at: (c) => c.admin.listen },
  METRICS_RETAIN_IDLE: { at: (c) => c.admin.metricsRetainIdleMs },
  SHUTDOWN_ENDPOINT_ENABLED: { at: (c) => c.admin.shutdownEndpoint },
  SHUTDOWN_GRACE_PERIOD: { at: (c) => c.shutdownGraceMs },
  INGRESS_MODE: { at: (c) => c.outbound.ingress },
  LOG: { at: (c) => c.log.level },
  LOG_FORMAT: { at: (c) => c.log.format },
  ACCESS_LOG: { at: (c) => c.log.access },
  CORES: { at: (c) => c.workers, from: ['CORES_MIN', 'CORES_MAX', 'CORES_MAX_RATIO'] },
  INBOUND_HTTP_QUEUE_CAPACITY: { at: (c) => c.inbound.queueCapacity },
  INBOUND_HTTP_FAILFAST_TIMEOUT: { at: (c) => c.inbound.failfastMs },
  OUTBOUND_TCP_QUEUE_CAPACITY: { at: (c) => c.outbound.tcpQueueCapacity },
  OUTBOUND_HTTP_QUEUE_CAPACITY: { at: (c) => c.outbound.queueCapacity },
  OUTBOUND_TCP_FAILFAST_TIMEOUT: { at: (c) => c.outbound.tcpFailfastMs },
  OUTBOUND_HTTP_FAILFAST_TIMEOUT: { at: (c) => c.outbound.failfastMs },
  INBOUND_DETECT_TIMEOUT: { at: (c) => c.inbound.detectTimeoutMs },
  OUTBOUND_DETECT_TIMEOUT: { at: (c) => c.outbound.detectTimeoutMs },
  INBOUND_CONNECT_TIMEOUT: { at: (c) => c.inbound.connectTimeoutMs },
  OUTBOUND_CONNECT_TIMEOUT: { at: (c) => c.outbound.connectTimeoutMs },
  INBOUND_ACCEPT_KEEPALIVE: { at: socket('INBOUND', 'acceptKeepAliveMs') },
  OUTBOUND_ACCEPT_KEEPALIVE: { at: socket('OUTBOUND', 'acceptKeepAliveMs') },
  INBOUND_CONNECT_KEEPALIVE: { at: socket('INBOUND', 'connectKeepAliveMs') },
  OUTBOUND_CONNECT_KEEPALIVE: { at: socket('OUTBOUND', 'connectKeepAliveMs') },
  INBOUND_ACCEPT_USER_TIMEOUT: { at: socket('INBOUND', 'acceptUserTimeoutMs') },
  OUTBOUND_ACCEPT_USER_TIMEOUT: { at: socket('OUTBOUND', 'acceptUserTimeoutMs') },
  INBOUND_CONNECT_USER_TIMEOUT: { at: socket('INBOUND', 'connectUserTimeoutMs') },
  OUTBOUND_CONNECT_USER_TIMEOUT: { at: socket('OUTBOUND', 'connectUserTimeoutMs') },
  INBOUND_TCP_LISTEN_BACKLOG: { at: socket('INBOUND', 'backlog') },
  OUTBOUND_TCP_LISTEN_BACKLOG: { at: socket('OUTBOUND', 'backlog') },
  MAX_IDLE_CONNS_PER_ENDPOINT: { at: (c) => c.inbound.maxIdlePerEndpoint },
  OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT: { at: (c) => c.outbound.maxIdlePerEndpoint },
  INBOUND_MAX_IN_FLIGHT: { at: (c) => c.inbound.maxInFlight },
  OUTBOUND_MAX_IN_FLIGHT: { at: (c) => c.outbound.maxInFlight },
  INBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT: { at: (c) => c.inbound.poolIdleMs },
  OUTBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT: { at: (c) => c.outbound.poolIdleMs },
  INBOUND_DISCOVERY_IDLE_TIMEOUT: { at: (c) => c.inbound.discoveryIdleMs },
  OUTBOUND_DISCOVERY_IDLE_TIMEOUT: { at: (c) => c.outbound.discoveryIdleMs },
  INBOUND_CONNECT_EXP_BACKOFF_MIN: { at: (c) => c.inbound.connectBackoff.minMs },
  INBOUND_CONNECT_EXP_BACKOFF_MAX: { at: (c) => c.inbound.connectBackoff.maxMs },
  INBOUND_CONNECT_EXP_BACKOFF_JITTER: { at: (c) => c.inbound.connectBackoff.jitter, from: ['INBOUND_CONNECT_EXP_BACKOFF_MIN'] },
  OUTBOUND_CONNECT_EXP_BACKOFF_MIN: { at: (c) => c.outbound.connectBackoff.minMs },
  OUTBOUND_CONNECT_EXP_BACKOFF_MAX: { at: (c) => c.outbound.connectBackoff.maxMs },
  OUTBOUND_CONNECT_EXP_BACKOFF_JITTER: { at: (c) => c.outbound.connectBackoff.jitter, from: ['OUTBOUND_CONNECT_EXP_BACKOFF_MIN'] },
  IDENTITY_SPIRE_EXP_BACKOFF_MIN: { at: (c) => spire(c)?.backoff.minMs },
  IDENTITY_SPIRE_EXP_BACKOFF_MAX: { at: (c) => spire(c)?.backoff.maxMs },
  IDENTITY_SPIRE_EXP_BACKOFF_JITTER: { at: (c) => spire(c)?.backoff.jitter, from: ['IDENTITY_SPIRE_EXP_BACKOFF_MIN'] },
  OUTBOUND_DISABLE_INFORMATIONAL_HEADERS: { at: (c) => !c.outbound.informationalHeaders, from: ['INGRESS_MODE'] },
  OUTBOUND_METRICS_HOSTNAME_LABELS: { at: (c) => c.outbound.hostnameLabels },
  INBOUND_METRICS_AUTHORITY_LABELS: { at: (c) => (c.inbound.authorityLabels ? 'unsafe' : '') },
  DESTINATION_PROFILE_SUFFIXES: { at: (c) => c.destination.profileSuffixes },
  DESTINATION_PROFILE_NETWORKS: { at: (c) => c.destination.profileNetworks },
  DESTINATION_PROFILE_INITIAL_TIMEOUT: { at: (c) => c.inbound.profileTimeoutMs },
  DESTINATION_CONTEXT: { at: (c) => c.destination.context },
  DESTINATION_SVC_ADDR: { at: (c) => c.destination.address.target },
  DESTINATION_SVC_NAME: { at: (c) => c.destination.address.serverName },
  POLICY_SVC_ADDR: { at: (c) => c.policy.address.target },
  POLICY_SVC_NAME: { at: (c) => c.policy.address.serverName },
  POLICY_WORKLOAD: { at: (c) => c.policy.workload },
  POLICY_CLUSTER_NETWORKS: { at: (c) => c.policy.clusterNetworks },
  IDENTITY_SVC_ADDR: { at: (c) => identityService(c)?.address.target },
  IDENTITY_SVC_NAME: { at: (c) => identityService(c)?.address.serverName },
  CONTROL_STREAM_INITIAL_TIMEOUT: { at: (c) => limits(c).initialMs },
  CONTROL_STREAM_IDLE_TIMEOUT: { at: (c) => limits(c).idleMs },
  CONTROL_STREAM_LIFETIME: { at: (c) => limits(c).lifetimeMs },
  DNS_MIN_TTL: { at: (c) => c.dns.minTtlMs },
  DNS_MAX_TTL: { at: (c) => c.dns.maxTtlMs },
  RESOLV_CONF: { at: (c) => c.dns.resolvConf },
  INBOUND_GATEWAY_SUFFIXES: { at: (c) => c.inbound.gatewaySuffixes },
  INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION: { at: (c) => c.inbound.opaquePorts },
  INBOUND_DEFAULT_POLICY: { at: (c) => c.inbound.defaultPolicy },
  INBOUND_PORTS: { at: (c) => c.inbound.ports, from: ['ADMIN_LISTEN_ADDR'] },
  INBOUND_IPS: { at: (c) => (c.inbound.ips.length === 0 ? undefined : c.inbound.ips) },
  IDENTITY_DISABLED: { at: () => undefined },
  IDENTITY_DIR: { at: (c) => identityService(c)?.dir },
  IDENTITY_TRUST_ANCHORS: { at: (c) => c.identity.anchors },
  IDENTITY_TOKEN_FILE: { at: (c) => identityService(c)?.tokenFile },
  IDENTITY_MIN_REFRESH: { at: (c) => identityService(c)?.minRefreshMs },
  IDENTITY_MAX_REFRESH: { at: (c) => identityService(c)?.maxRefreshMs },
  IDENTITY_SERVER_ID: { at: (c) => c.identity.name, from: ['IDENTITY_LOCAL_NAME'] },
  IDENTITY_SERVER_NAME: { at: (c) => c.identity.serverName, from: ['IDENTITY_LOCAL_NAME'] },
  IDENTITY_SPIRE_WORKLOAD_API_ADDRESS: { at: (c) => spire(c)?.socket },
  TAP_SVC_NAME: { at: (c) => c.tap?.client },
  HTTP2_INITIAL_STREAM_WINDOW_SIZE: { at: (c) => c.http2.initialStreamWindow },
  HTTP2_INITIAL_CONNECTION_WINDOW_SIZE: { at: (c) => c.http2.initialConnectionWindow },
  ...serverRows('INBOUND'),
  ...serverRows('OUTBOUND'),
  TRACE_COLLECTOR_SVC_ADDR: { at: (c) => c.tracing.collector?.target },
  TRACE_COLLECTOR_SVC_NAME: { at: (c) => c.tracing.collector?.serverName },
  TRACE_SERVICE_NAME: { at: (c) => c.tracing.serviceName },
  TRACE_ATTRIBUTES_PATH: { at: (c) => c.tracing.attributesPath },
  TRACE_EXTRA_ATTRIBUTES: { at: (c) => c.tracing.extraAttributes || undefined },
  OTEL_RESOURCE_ATTRIBUTES: { at: (c) => c.tracing.otelAttributes || undefined },
  HOSTNAME: { at: (c) => c.tracing.hostname },
  ORIGINAL_DST: { at: (c) => (c.addressBook === undefined ? c.originalDst : undefined) },
  ADDRESS_BOOK: { at: (c) => c.addressBook },
  DETECT: { at: (c) => c.detect },
  HTTP2_EXTENDED_CONNECT: { at: (c) => c.inbound.serverHttp2.extendedConnect },
};

function serverRows(side: Side): Rows {
  const http2 =
    <K extends keyof ServerHttp2>(key: K) =>
    (c: Config): ServerHttp2[K] =>
      (side === 'INBOUND' ? c.inbound : c.outbound).serverHttp2[key];
  const keepAlive = http2('keepAlive');
  return {
    [`${side}_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL` as const]: { at: http2('adaptive') },
    [`${side}_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE` as const]: { at: http2('initialStreamWindow') },
    [`${side}_SERVER_HTTP2_INITIAL_CONNECTION_WINDOW_SIZE` as const]: { at: http2('initialConnectionWindow') },
    [`${side}_SERVER_HTTP2_KEEP_ALIVE_INTERVAL` as const]: { at: (c: Config) => keepAlive(c)?.intervalMs },
    [`${side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT` as const]: { at: (c: Config) => keepAlive(c)?.timeoutMs },
    [`${side}_SERVER_HTTP2_MAX_CONCURRENT_STREAMS` as const]: { at: http2('maxConcurrentStreams') },
    [`${side}_SERVER_HTTP2_MAX_FRAME_SIZE` as const]: { at: http2('maxFrameSize') },
    [`${side}_SERVER_HTTP2_MAX_HEADER_LIST_SIZE` as const]: { at: http2('maxHeaderListSize') },
    [`${side}_SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS` as const]: { at: http2('maxPendingAcceptResetStreams') },
    [`${side}_SERVER_HTTP2_MAX_SEND_BUF_SIZE` as const]: { at: http2('maxSendBufferBytes') },
  };
}

function socket(side: Side, key: keyof SocketSettings): (c: Config) => number | undefined {
  return (c) => (side === 'INBOUND' ? c.inbound : c.outbound).sockets[key];
}

function spire({ identity: { source } }: Config): Extract<Config['identity']['source'], { kind: 'spire' }> | undefined {
  return source.kind === 'spire' ? source : undefined;
}

function identityService({ identity: { source } }: Config): Extract<Config['identity']['source'], { kind: 'linkerd' }> | undefined {
  return source.kind === 'linkerd' ? source : undefined;
}

/** They hold only for services that are not in the own pod. */
function limits({ destination, policy, streamLimits }: Config): Config['streamLimits'] {
  return destination.address.target.loopback && policy.address.target.loopback ? {} : streamLimits;
}
