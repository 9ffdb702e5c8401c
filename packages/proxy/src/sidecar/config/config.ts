// The sidecar's configuration: environment → one typed, frozen object, or every problem at once. spec/proxy.md §1.3, §1.4.
import { type DefaultPolicyName, type ExponentialBackoff, type IpNetwork, type PortSet, portSet, type SocketAddress } from '@weft/core';
import type { Http2Params } from '@weft/http';
import type { LogThreshold } from '@weft/process';
import { type IdentitySource, identitySource, localIdentity } from './identity.ts';
import type { OriginalDstSource } from './original-dst-syntax.ts';
import { type ConfigProblem, type Environment, type Reading, readVariables } from './read-variables.ts';
import { backoff, type ControlAddress, collectorAddress, controlAddress, type Rules, rulesOf, serverHttp2, streamLimits, workers } from './rules.ts';
import { unknownVariables } from './unknown-variables.ts';
import type { Values } from './variables.ts';

/** TCP settings of one side; a value left out is the operating system's. */
export interface SocketSettings {
  readonly acceptKeepAliveMs?: number | undefined;
  readonly connectKeepAliveMs?: number | undefined;
  readonly acceptUserTimeoutMs?: number | undefined;
  readonly connectUserTimeoutMs?: number | undefined;
  readonly backlog?: number | undefined;
}

/** HTTP/2 towards whoever connects to the proxy. */
export interface ServerHttp2 extends Http2Params {
  readonly adaptive: boolean;
  readonly maxPendingAcceptResetStreams?: number | undefined;
  readonly maxSendBufferBytes?: number | undefined;
}

interface SideSettings {
  readonly listen: readonly SocketAddress[];
  readonly detectTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly connectBackoff: ExponentialBackoff;
  readonly discoveryIdleMs: number;
  readonly queueCapacity: number;
  readonly failfastMs: number;
  readonly maxIdlePerEndpoint: number;
  readonly poolIdleMs: number;
  readonly maxInFlight: number;
  readonly serverHttp2: ServerHttp2;
  readonly sockets: SocketSettings;
}

/** Limits on streams from the control plane, in milliseconds; absent: none. */
export interface StreamLimits {
  readonly initialMs?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly lifetimeMs?: number | undefined;
}

export interface Config {
  readonly outbound: SideSettings & {
    readonly ingress: boolean;
    readonly tcpQueueCapacity: number;
    readonly tcpFailfastMs: number;
    readonly informationalHeaders: boolean;
    readonly hostnameLabels: boolean;
  };
  readonly inbound: SideSettings & {
    readonly defaultPolicy: DefaultPolicyName;
    readonly ports: PortSet;
    readonly opaquePorts: PortSet;
    readonly ips: readonly string[];
    readonly gatewaySuffixes: readonly string[];
    readonly profileTimeoutMs: number;
    readonly authorityLabels: boolean;
  };
  /** Towards endpoints and applications. */
  readonly http2: Http2Params;
  readonly admin: { readonly listen: SocketAddress; readonly shutdownEndpoint: boolean; readonly metricsRetainIdleMs: number };
  /** Absent: tap is off. */
  readonly tap?: { readonly listen: SocketAddress; readonly client: string } | undefined;
  readonly destination: {
    readonly address: ControlAddress;
    readonly context: string;
    readonly profileSuffixes: readonly string[];
    readonly profileNetworks: readonly IpNetwork[];
  };
  readonly policy: { readonly address: ControlAddress; readonly workload: string; readonly clusterNetworks: readonly IpNetwork[] };
  readonly identity: {
    readonly name: string;
    readonly serverName: string;
    readonly anchors: readonly Uint8Array[];
    readonly source: IdentitySource;
  };
  readonly streamLimits: StreamLimits;
  readonly dns: { readonly resolvConf: string; readonly minTtlMs?: number | undefined; readonly maxTtlMs?: number | undefined };
  readonly tracing: {
    readonly collector?: ControlAddress | undefined;
    readonly serviceName?: string | undefined;
    readonly attributesPath?: string | undefined;
    readonly extraAttributes: string;
    readonly otelAttributes: string;
    readonly hostname?: string | undefined;
  };
  readonly log: { readonly level: LogThreshold; readonly format: 'PLAIN' | 'JSON'; readonly access?: 'apache' | 'json' | undefined };
  readonly detect: 'wait' | 'race';
  readonly workers: number;
  readonly shutdownGraceMs: number;
  /** Not asked where there is an address book. */
  readonly originalDst: OriginalDstSource;
  readonly addressBook?: string | undefined;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly reading: Reading; readonly warnings: readonly ConfigProblem[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[]; readonly warnings: readonly ConfigProblem[] };

export interface ConfigOptions {
  readonly env: Environment;
  /** Processors that may be used, for CORES_MAX_RATIO. */
  readonly processors: number;
  /** Names whose bytes are not UTF-8, where that is known. Default: told by the replacement character. */
  readonly undecodable?: ReadonlySet<string> | undefined;
}

/** Reads everything before it decides anything: the result holds either the whole configuration or every problem. */
export function readConfig({ env, processors, undecodable }: ConfigOptions): ConfigResult {
  const reading = readVariables(env, undecodable);
  const rules = rulesOf(reading);
  const values = reading.values as Values;
  const config = assemble(values, rules, processors);
  const warnings = [...reading.warnings, ...rules.warnings, ...unknownVariables(env)];
  const problems = [...reading.problems, ...rules.problems];
  return problems.length > 0 ? { ok: false, problems, warnings } : { ok: true, config: deepFreeze(config), reading, warnings };
}

/** Must not throw where values are missing: it also runs when there are problems, to find the remaining ones. */
function assemble(v: Values, rules: Rules, processors: number): Config {
  if (rules.isSet('IDENTITY_DISABLED') && v.IDENTITY_DISABLED !== '') rules.problem('IDENTITY_DISABLED', 'is not supported: identity is mandatory');
  if (!rules.isSet('INBOUND_DEFAULT_POLICY')) rules.warning('INBOUND_DEFAULT_POLICY', 'is not set: using all-unauthenticated');
  if (rules.isSet('ORIGINAL_DST') && rules.isSet('ADDRESS_BOOK')) rules.problem('ORIGINAL_DST', 'must not be set together with WEFT_PROXY_ADDRESS_BOOK');
  const clusterNetworks = v.POLICY_CLUSTER_NETWORKS ?? [];
  const policyName: DefaultPolicyName = v.INBOUND_DEFAULT_POLICY ?? 'all-unauthenticated';
  if (clusterNetworks.length === 0 && (policyName.startsWith('cluster-') || policyName === 'audit')) {
    rules.problem('INBOUND_DEFAULT_POLICY', 'needs LINKERD2_PROXY_POLICY_CLUSTER_NETWORKS, which is empty');
  }
  return {
    outbound: {
      listen: v.OUTBOUND_LISTEN_ADDRS ?? [v.OUTBOUND_LISTEN_ADDR],
      detectTimeoutMs: v.OUTBOUND_DETECT_TIMEOUT,
      connectTimeoutMs: v.OUTBOUND_CONNECT_TIMEOUT,
      connectBackoff: backoff(rules, 'OUTBOUND_CONNECT_EXP_BACKOFF', { minMs: 100, maxMs: 60_000, jitter: 0.1 }),
      discoveryIdleMs: v.OUTBOUND_DISCOVERY_IDLE_TIMEOUT,
      queueCapacity: v.OUTBOUND_HTTP_QUEUE_CAPACITY,
      failfastMs: v.OUTBOUND_HTTP_FAILFAST_TIMEOUT,
      tcpQueueCapacity: v.OUTBOUND_TCP_QUEUE_CAPACITY,
      tcpFailfastMs: v.OUTBOUND_TCP_FAILFAST_TIMEOUT,
      maxIdlePerEndpoint: v.OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT,
      poolIdleMs: v.OUTBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT,
      maxInFlight: v.OUTBOUND_MAX_IN_FLIGHT,
      serverHttp2: serverHttp2(rules, 'OUTBOUND'),
      sockets: {
        acceptKeepAliveMs: v.OUTBOUND_ACCEPT_KEEPALIVE,
        connectKeepAliveMs: v.OUTBOUND_CONNECT_KEEPALIVE,
        acceptUserTimeoutMs: v.OUTBOUND_ACCEPT_USER_TIMEOUT,
        connectUserTimeoutMs: v.OUTBOUND_CONNECT_USER_TIMEOUT,
        backlog: v.OUTBOUND_TCP_LISTEN_BACKLOG,
      },
      ingress: v.INGRESS_MODE,
      informationalHeaders: !(v.OUTBOUND_DISABLE_INFORMATIONAL_HEADERS ?? v.INGRESS_MODE),
      hostnameLabels: v.OUTBOUND_METRICS_HOSTNAME_LABELS,
    },
    inbound: {
      listen: [v.INBOUND_LISTEN_ADDR],
      detectTimeoutMs: v.INBOUND_DETECT_TIMEOUT,
      connectTimeoutMs: v.INBOUND_CONNECT_TIMEOUT,
      connectBackoff: backoff(rules, 'INBOUND_CONNECT_EXP_BACKOFF', { minMs: 100, maxMs: 10_000, jitter: 0.1 }),
      discoveryIdleMs: v.INBOUND_DISCOVERY_IDLE_TIMEOUT,
      queueCapacity: v.INBOUND_HTTP_QUEUE_CAPACITY,
      failfastMs: v.INBOUND_HTTP_FAILFAST_TIMEOUT,
      maxIdlePerEndpoint: v.MAX_IDLE_CONNS_PER_ENDPOINT,
      poolIdleMs: v.INBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT,
      maxInFlight: v.INBOUND_MAX_IN_FLIGHT,
      serverHttp2: serverHttp2(rules, 'INBOUND'),
      sockets: {
        acceptKeepAliveMs: v.INBOUND_ACCEPT_KEEPALIVE,
        connectKeepAliveMs: v.INBOUND_CONNECT_KEEPALIVE,
        acceptUserTimeoutMs: v.INBOUND_ACCEPT_USER_TIMEOUT,
        connectUserTimeoutMs: v.INBOUND_CONNECT_USER_TIMEOUT,
        backlog: v.INBOUND_TCP_LISTEN_BACKLOG,
      },
      defaultPolicy: policyName,
      ports: inboundPorts(v),
      opaquePorts: v.INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION,
      ips: v.INBOUND_IPS ?? [],
      gatewaySuffixes: v.INBOUND_GATEWAY_SUFFIXES,
      profileTimeoutMs: v.DESTINATION_PROFILE_INITIAL_TIMEOUT,
      authorityLabels: v.INBOUND_METRICS_AUTHORITY_LABELS === 'unsafe',
    },
    http2: { initialStreamWindow: v.HTTP2_INITIAL_STREAM_WINDOW_SIZE, initialConnectionWindow: v.HTTP2_INITIAL_CONNECTION_WINDOW_SIZE },
    admin: { listen: v.ADMIN_LISTEN_ADDR, shutdownEndpoint: v.SHUTDOWN_ENDPOINT_ENABLED, metricsRetainIdleMs: v.METRICS_RETAIN_IDLE },
    tap: v.TAP_SVC_NAME === undefined ? undefined : { listen: v.CONTROL_LISTEN_ADDR, client: v.TAP_SVC_NAME },
    destination: {
      address: controlAddress(rules, 'DESTINATION'),
      context: v.DESTINATION_CONTEXT,
      profileSuffixes: v.DESTINATION_PROFILE_SUFFIXES,
      profileNetworks: v.DESTINATION_PROFILE_NETWORKS,
    },
    policy: { address: controlAddress(rules, 'POLICY'), workload: v.POLICY_WORKLOAD, clusterNetworks },
    identity: {
      ...localIdentity(rules),
      anchors: v.IDENTITY_TRUST_ANCHORS,
      source: identitySource(rules),
    },
    streamLimits: streamLimits(rules),
    dns: { resolvConf: v.RESOLV_CONF, minTtlMs: v.DNS_MIN_TTL, maxTtlMs: v.DNS_MAX_TTL },
    tracing: {
      collector: collectorAddress(rules),
      serviceName: v.TRACE_SERVICE_NAME,
      attributesPath: v.TRACE_ATTRIBUTES_PATH,
      extraAttributes: v.TRACE_EXTRA_ATTRIBUTES ?? '',
      otelAttributes: v.OTEL_RESOURCE_ATTRIBUTES ?? '',
      hostname: v.HOSTNAME,
    },
    log: { level: v.LOG, format: v.LOG_FORMAT, access: v.ACCESS_LOG === '' ? undefined : v.ACCESS_LOG },
    detect: v.DETECT,
    workers: workers(rules, processors),
    shutdownGraceMs: v.SHUTDOWN_GRACE_PERIOD,
    originalDst: v.ORIGINAL_DST ?? { kind: 'socket' },
    addressBook: v.ADDRESS_BOOK,
  };
}

/** The admin port is always watched, the inbound port when the proxy is a gateway. */
function inboundPorts(v: Values): PortSet {
  const gateway = (v.INBOUND_GATEWAY_SUFFIXES ?? []).length > 0;
  const own = [v.ADMIN_LISTEN_ADDR, gateway ? v.INBOUND_LISTEN_ADDR : undefined].flatMap((address) => (address ? [address.port] : []));
  return portSet([...(v.INBOUND_PORTS ?? []), ...own.map((port) => ({ first: port, last: port }))]);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
