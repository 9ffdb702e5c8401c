// One row or more for each variable: where its value arrives, and what is refused. spec/proxy.md §1.2, §1.3.
import { expect, test } from 'vitest';
import { type Config, readConfig, type ServerHttp2 } from './config.ts';
import { MINIMAL_ENVIRONMENT, SAMPLE_ANCHOR } from './minimal-environment.ts';
import { type Environment, formatProblem } from './read-variables.ts';
import {
  bool,
  controlTarget,
  cores,
  duration,
  identityName,
  ipSet,
  jitter,
  logFilter,
  networks,
  nonEmpty,
  pemCertificates,
  portSet,
  socketAddress,
  socketAddresses,
  string,
  suffixList,
  u32,
  u32Bytes,
  unixPath,
} from './syntax.ts';
import { namesOf, VARIABLES, type Variable, type VariableName } from './variables.ts';

/** The least environment with these on top. */
function environment(own: Own): Environment {
  const named = Object.entries(own).map(([key, text]) => [namesOf(key as VariableName)[0], text]);
  return { ...MINIMAL_ENVIRONMENT, ...(Object.fromEntries(named) as Environment) };
}

function config(own: Own): Config {
  const result = readConfig({ env: environment(own), processors: 8 });
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
}

type Own = { readonly [K in VariableName]?: string };
/** Variable, text, where it arrives, what it is there, and what else must be set. */
type ValueRow = readonly [VariableName, string, (c: Config) => unknown, unknown, Own?];

const SPIRE: Own = { IDENTITY_SPIRE_WORKLOAD_API_ADDRESS: '/a.sock', IDENTITY_SERVER_ID: 'spiffe://td/a', IDENTITY_SERVER_NAME: 'a.ns' };

function backoff(base: 'INBOUND_CONNECT' | 'OUTBOUND_CONNECT' | 'IDENTITY_SPIRE'): Own {
  return { [`${base}_EXP_BACKOFF_MIN`]: '1s', [`${base}_EXP_BACKOFF_MAX`]: '3s' };
}

function spireBackoff({ identity: { source } }: Config): unknown {
  return source.kind === 'spire' ? source.backoff : undefined;
}

function identityService({ identity: { source } }: Config): Extract<Config['identity']['source'], { kind: 'linkerd' }> | undefined {
  return source.kind === 'linkerd' ? source : undefined;
}

function serverHttp2Values(side: 'INBOUND' | 'OUTBOUND', at: (c: Config) => ServerHttp2): readonly ValueRow[] {
  const windows: Own = { [`${side}_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE`]: '1', [`${side}_SERVER_HTTP2_INITIAL_CONNECTION_WINDOW_SIZE`]: '2' };
  const pings: Own = { [`${side}_SERVER_HTTP2_KEEP_ALIVE_INTERVAL`]: '10s', [`${side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT`]: '3s' };
  return [
    [`${side}_SERVER_HTTP2_ADAPTIVE_FLOW_CONTROL`, 'true', (c) => [at(c).adaptive, at(c).initialStreamWindow], [true, 65_535], windows],
    [`${side}_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE`, '70000', (c) => at(c).initialStreamWindow, 70_000, windows],
    [`${side}_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE`, '70000', (c) => at(c).initialStreamWindow, 65_535],
    [`${side}_SERVER_HTTP2_INITIAL_CONNECTION_WINDOW_SIZE`, '70000', (c) => at(c).initialConnectionWindow, 70_000, windows],
    [`${side}_SERVER_HTTP2_KEEP_ALIVE_INTERVAL`, '20s', (c) => at(c).keepAlive, { intervalMs: 20_000, timeoutMs: 3_000, whileIdle: true }, pings],
    [`${side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT`, '4s', (c) => at(c).keepAlive, { intervalMs: 10_000, timeoutMs: 4_000, whileIdle: true }, pings],
    [`${side}_SERVER_HTTP2_KEEP_ALIVE_TIMEOUT`, '4s', (c) => at(c).keepAlive, undefined],
    [`${side}_SERVER_HTTP2_MAX_CONCURRENT_STREAMS`, '5', (c) => at(c).maxConcurrentStreams, 5],
    [`${side}_SERVER_HTTP2_MAX_FRAME_SIZE`, '20000', (c) => at(c).maxFrameSize, 20_000],
    [`${side}_SERVER_HTTP2_MAX_HEADER_LIST_SIZE`, '20000', (c) => at(c).maxHeaderListSize, 20_000],
    [`${side}_SERVER_HTTP2_MAX_PENDING_ACCEPT_RESET_STREAMS`, '6', (c) => at(c).maxPendingAcceptResetStreams, 6],
    [`${side}_SERVER_HTTP2_MAX_SEND_BUF_SIZE`, '7', (c) => at(c).maxSendBufferBytes, 7],
  ];
}

const VALUES: readonly ValueRow[] = [
  ['OUTBOUND_LISTEN_ADDR', '127.0.0.1:1', (c) => c.outbound.listen, [{ ip: '127.0.0.1', port: 1 }]],
  [
    'OUTBOUND_LISTEN_ADDRS',
    '127.0.0.1:1,[::1]:1',
    (c) => c.outbound.listen,
    [
      { ip: '127.0.0.1', port: 1 },
      { ip: '::1', port: 1 },
    ],
  ],
  ['INBOUND_LISTEN_ADDR', '[::]:4143', (c) => c.inbound.listen, [{ ip: '::', port: 4143 }]],
  ['CONTROL_LISTEN_ADDR', '[::]:9', (c) => c.tap?.listen, { ip: '::', port: 9 }, { TAP_SVC_NAME: 'tap.ns' }],
  ['ADMIN_LISTEN_ADDR', '0.0.0.0:9', (c) => [c.admin.listen.port, c.inbound.ports], [9, [{ first: 9, last: 9 }]]],
  ['METRICS_RETAIN_IDLE', '0', (c) => c.admin.metricsRetainIdleMs, 0],
  ['SHUTDOWN_ENDPOINT_ENABLED', 'true', (c) => c.admin.shutdownEndpoint, true],
  ['SHUTDOWN_GRACE_PERIOD', ' 90s ', (c) => c.shutdownGraceMs, 90_000],
  ['INGRESS_MODE', 'true', (c) => [c.outbound.ingress, c.outbound.informationalHeaders], [true, false]],
  ['OUTBOUND_DISABLE_INFORMATIONAL_HEADERS', 'true', (c) => c.outbound.informationalHeaders, false],
  ['INBOUND_HTTP_QUEUE_CAPACITY', '7', (c) => c.inbound.queueCapacity, 7],
  ['INBOUND_HTTP_FAILFAST_TIMEOUT', '7ms', (c) => c.inbound.failfastMs, 7],
  ['OUTBOUND_TCP_QUEUE_CAPACITY', '7', (c) => c.outbound.tcpQueueCapacity, 7],
  ['OUTBOUND_HTTP_QUEUE_CAPACITY', '7', (c) => c.outbound.queueCapacity, 7],
  ['OUTBOUND_TCP_FAILFAST_TIMEOUT', '7m', (c) => c.outbound.tcpFailfastMs, 420_000],
  ['OUTBOUND_HTTP_FAILFAST_TIMEOUT', '7h', (c) => c.outbound.failfastMs, 25_200_000],
  ['INBOUND_DETECT_TIMEOUT', '365d', (c) => c.inbound.detectTimeoutMs, 31_536_000_000],
  ['OUTBOUND_DETECT_TIMEOUT', '1s', (c) => c.outbound.detectTimeoutMs, 1_000],
  ['INBOUND_CONNECT_TIMEOUT', '1s', (c) => c.inbound.connectTimeoutMs, 1_000],
  ['OUTBOUND_CONNECT_TIMEOUT', '2s', (c) => c.outbound.connectTimeoutMs, 2_000],
  ['INBOUND_ACCEPT_KEEPALIVE', '1s', (c) => c.inbound.sockets.acceptKeepAliveMs, 1_000],
  ['OUTBOUND_ACCEPT_KEEPALIVE', '1s', (c) => c.outbound.sockets.acceptKeepAliveMs, 1_000],
  ['INBOUND_CONNECT_KEEPALIVE', '1s', (c) => c.inbound.sockets.connectKeepAliveMs, 1_000],
  ['OUTBOUND_CONNECT_KEEPALIVE', '1s', (c) => c.outbound.sockets.connectKeepAliveMs, 1_000],
  ['INBOUND_ACCEPT_USER_TIMEOUT', '1s', (c) => c.inbound.sockets.acceptUserTimeoutMs, 1_000],
  ['OUTBOUND_ACCEPT_USER_TIMEOUT', '1s', (c) => c.outbound.sockets.acceptUserTimeoutMs, 1_000],
  ['INBOUND_CONNECT_USER_TIMEOUT', '1s', (c) => c.inbound.sockets.connectUserTimeoutMs, 1_000],
  ['OUTBOUND_CONNECT_USER_TIMEOUT', '1s', (c) => c.outbound.sockets.connectUserTimeoutMs, 1_000],
  ['INBOUND_TCP_LISTEN_BACKLOG', '16', (c) => c.inbound.sockets.backlog, 16],
  ['OUTBOUND_TCP_LISTEN_BACKLOG', '16', (c) => c.outbound.sockets.backlog, 16],
  ['MAX_IDLE_CONNS_PER_ENDPOINT', '3', (c) => c.inbound.maxIdlePerEndpoint, 3],
  ['OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT', '3', (c) => c.outbound.maxIdlePerEndpoint, 3],
  ['INBOUND_MAX_IN_FLIGHT', '3', (c) => c.inbound.maxInFlight, 3],
  ['OUTBOUND_MAX_IN_FLIGHT', '3', (c) => c.outbound.maxInFlight, 3],
  ['INBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT', '1s', (c) => c.inbound.poolIdleMs, 1_000],
  ['OUTBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT', '1s', (c) => c.outbound.poolIdleMs, 1_000],
  ['INBOUND_DISCOVERY_IDLE_TIMEOUT', '1s', (c) => c.inbound.discoveryIdleMs, 1_000],
  ['OUTBOUND_DISCOVERY_IDLE_TIMEOUT', '1s', (c) => c.outbound.discoveryIdleMs, 1_000],
  ['INBOUND_CONNECT_EXP_BACKOFF_MIN', '2s', (c) => c.inbound.connectBackoff, { minMs: 2_000, maxMs: 3_000, jitter: 0 }, backoff('INBOUND_CONNECT')],
  ['INBOUND_CONNECT_EXP_BACKOFF_MAX', '4s', (c) => c.inbound.connectBackoff, { minMs: 1_000, maxMs: 4_000, jitter: 0 }, backoff('INBOUND_CONNECT')],
  ['INBOUND_CONNECT_EXP_BACKOFF_JITTER', '.5', (c) => c.inbound.connectBackoff.jitter, 0.5, backoff('INBOUND_CONNECT')],
  ['OUTBOUND_CONNECT_EXP_BACKOFF_MIN', '2s', (c) => c.outbound.connectBackoff, { minMs: 2_000, maxMs: 3_000, jitter: 0 }, backoff('OUTBOUND_CONNECT')],
  ['OUTBOUND_CONNECT_EXP_BACKOFF_MAX', '4s', (c) => c.outbound.connectBackoff, { minMs: 1_000, maxMs: 4_000, jitter: 0 }, backoff('OUTBOUND_CONNECT')],
  ['OUTBOUND_CONNECT_EXP_BACKOFF_JITTER', '1e0', (c) => c.outbound.connectBackoff.jitter, 1, backoff('OUTBOUND_CONNECT')],
  ['IDENTITY_SPIRE_EXP_BACKOFF_MIN', '2s', spireBackoff, { minMs: 2_000, maxMs: 3_000, jitter: 0 }, { ...SPIRE, ...backoff('IDENTITY_SPIRE') }],
  ['IDENTITY_SPIRE_EXP_BACKOFF_MAX', '4s', spireBackoff, { minMs: 1_000, maxMs: 4_000, jitter: 0 }, { ...SPIRE, ...backoff('IDENTITY_SPIRE') }],
  ['IDENTITY_SPIRE_EXP_BACKOFF_JITTER', '1', spireBackoff, { minMs: 1_000, maxMs: 3_000, jitter: 1 }, { ...SPIRE, ...backoff('IDENTITY_SPIRE') }],
  ['OUTBOUND_METRICS_HOSTNAME_LABELS', 'true', (c) => c.outbound.hostnameLabels, true],
  ['INBOUND_METRICS_AUTHORITY_LABELS', 'UNSAFE', (c) => c.inbound.authorityLabels, true],
  ['DESTINATION_PROFILE_SUFFIXES', '.', (c) => c.destination.profileSuffixes, ['.']],
  ['DESTINATION_PROFILE_SUFFIXES', '', (c) => c.destination.profileSuffixes, []],
  ['DESTINATION_PROFILE_SUFFIXES', ',svc.cluster.local., Example.com,', (c) => c.destination.profileSuffixes, ['svc.cluster.local.', 'example.com']],
  [
    'DESTINATION_PROFILE_NETWORKS',
    '10.0.0.0/8, 192.168.1.1,fd00::/8',
    (c) => c.destination.profileNetworks,
    [
      { ip: '10.0.0.0', prefix: 8 },
      { ip: '192.168.1.1', prefix: 32 },
      { ip: 'fd00::', prefix: 8 },
    ],
  ],
  ['DESTINATION_PROFILE_INITIAL_TIMEOUT', '1s', (c) => c.inbound.profileTimeoutMs, 1_000],
  ['DESTINATION_CONTEXT', '{"ns":"a"}', (c) => c.destination.context, '{"ns":"a"}'],
  ['DESTINATION_SVC_ADDR', '10.0.0.1:1', (c) => c.destination.address.target.authority, '10.0.0.1:1', { DESTINATION_SVC_NAME: 'dst.ns' }],
  ['DESTINATION_SVC_NAME', 'dst.ns', (c) => c.destination.address.serverName, 'dst.ns', { DESTINATION_SVC_ADDR: 'dst.:1' }],
  ['DESTINATION_SVC_NAME', 'dst.ns', (c) => c.destination.address.serverName, undefined, { DESTINATION_SVC_ADDR: '127.1.2.3:1' }],
  ['POLICY_SVC_ADDR', '[fd00::1]:1', (c) => c.policy.address.target.authority, '[fd00::1]:1', { POLICY_SVC_NAME: 'dst.ns' }],
  ['POLICY_SVC_NAME', 'dst.ns', (c) => c.policy.address.serverName, 'dst.ns', { POLICY_SVC_ADDR: 'policy.:1' }],
  [
    'IDENTITY_SVC_ADDR',
    'id.:1',
    (c) => identityService(c)?.address.target,
    { host: 'id.', port: 1, authority: 'id.:1', loopback: false },
    { IDENTITY_SVC_NAME: 'id.ns' },
  ],
  ['IDENTITY_SVC_NAME', 'id.ns', (c) => c.identity.source, { address: { serverName: 'id.ns' } }, { IDENTITY_SVC_ADDR: 'id.:1' }],
  ['POLICY_CLUSTER_NETWORKS', '10.0.0.0/8', (c) => c.policy.clusterNetworks, [{ ip: '10.0.0.0', prefix: 8 }]],
  ['POLICY_WORKLOAD', 'ns:pod', (c) => c.policy.workload, 'ns:pod'],
  ['TAP_SVC_NAME', 'tap.linkerd-viz', (c) => c.tap, { listen: { ip: '0.0.0.0', port: 4190 }, client: 'tap.linkerd-viz' }],
  ['TAP_SVC_NAME', 'spiffe://td/tap', (c) => c.tap?.client, 'spiffe://td/tap'],
  ['INBOUND_GATEWAY_SUFFIXES', 'svc.cluster.local.', (c) => c.inbound.ports.map(({ first }) => first), [4143, 4191]],
  [
    'INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION',
    '25,, 443 ,3000-3002',
    (c) => c.inbound.opaquePorts,
    [
      { first: 25, last: 25 },
      { first: 443, last: 443 },
      { first: 3000, last: 3002 },
    ],
  ],
  ['INBOUND_PORTS', '80', (c) => c.inbound.ports.map(({ first }) => first), [80, 4191]],
  ['INBOUND_IPS', '10.0.0.1,fd00::0:1', (c) => c.inbound.ips, ['10.0.0.1', 'fd00::1']],
  ['INBOUND_DEFAULT_POLICY', 'deny', (c) => c.inbound.defaultPolicy, 'deny'],
  ['INBOUND_DEFAULT_POLICY', 'audit', (c) => c.inbound.defaultPolicy, 'audit', { POLICY_CLUSTER_NETWORKS: '10.0.0.0/8' }],
  ['IDENTITY_DIR', '/id', (c) => identityService(c)?.dir, '/id'],
  ['IDENTITY_TOKEN_FILE', '/token', (c) => identityService(c)?.tokenFile, '/token'],
  ['IDENTITY_TRUST_ANCHORS', `# root\n${SAMPLE_ANCHOR}\n${SAMPLE_ANCHOR}`, (c) => c.identity.anchors.length, 2],
  ['IDENTITY_LOCAL_NAME', 'a.ns', (c) => [c.identity.name, c.identity.serverName], ['a.ns', 'a.ns']],
  ['IDENTITY_SERVER_ID', 'a.ns', (c) => c.identity.name, 'a.ns', { IDENTITY_SERVER_NAME: 'a.ns' }],
  ['IDENTITY_SERVER_NAME', 'a.ns', (c) => c.identity.serverName, 'a.ns', { IDENTITY_SERVER_ID: 'a.ns' }],
  ['IDENTITY_SPIRE_WORKLOAD_API_ADDRESS', 'unix:/a.sock', (c) => c.identity.source, { kind: 'spire', socket: '/a.sock' }, SPIRE],
  ['IDENTITY_DISABLED', '', (c) => c.identity.source.kind, 'linkerd'],
  ['IDENTITY_MIN_REFRESH', '1m', (c) => identityService(c)?.minRefreshMs, 60_000],
  ['IDENTITY_MAX_REFRESH', '2d', (c) => identityService(c)?.maxRefreshMs, 172_800_000],
  ['DNS_MIN_TTL', '1s', (c) => c.dns.minTtlMs, 1_000],
  ['DNS_MAX_TTL', '1m', (c) => c.dns.maxTtlMs, 60_000],
  ['RESOLV_CONF', '/r', (c) => c.dns.resolvConf, '/r'],
  ['HTTP2_INITIAL_STREAM_WINDOW_SIZE', '70000', (c) => c.http2.initialStreamWindow, 70_000],
  ['HTTP2_INITIAL_CONNECTION_WINDOW_SIZE', '70000', (c) => c.http2.initialConnectionWindow, 70_000],
  ...serverHttp2Values('INBOUND', (c) => c.inbound.serverHttp2),
  ...serverHttp2Values('OUTBOUND', (c) => c.outbound.serverHttp2),
  ['CONTROL_STREAM_INITIAL_TIMEOUT', '3s', (c) => c.streamLimits.initialMs, 3_000],
  ['CONTROL_STREAM_IDLE_TIMEOUT', '5m', (c) => c.streamLimits.idleMs, 300_000],
  ['CONTROL_STREAM_LIFETIME', '1h', (c) => c.streamLimits.lifetimeMs, 3_600_000],
  ['TRACE_COLLECTOR_SVC_ADDR', 'c.:4317', (c) => c.tracing.collector?.target.authority, 'c.:4317', { TRACE_COLLECTOR_SVC_NAME: 'c.ns' }],
  ['TRACE_COLLECTOR_SVC_NAME', 'c.ns', (c) => c.tracing.collector?.serverName, 'c.ns', { TRACE_COLLECTOR_SVC_ADDR: 'c.:4317' }],
  ['TRACE_ATTRIBUTES_PATH', '/labels', (c) => c.tracing.attributesPath, '/labels'],
  ['TRACE_EXTRA_ATTRIBUTES', 'a=b', (c) => c.tracing.extraAttributes, 'a=b'],
  ['OTEL_RESOURCE_ATTRIBUTES', 'a=b', (c) => c.tracing.otelAttributes, 'a=b'],
  ['TRACE_SERVICE_NAME', 'svc', (c) => c.tracing.serviceName, 'svc'],
  ['HOSTNAME', 'pod-1', (c) => c.tracing.hostname, 'pod-1'],
  ['LOG_FORMAT', 'json', (c) => c.log.format, 'JSON'],
  ['LOG', 'warn,linkerd=debug', (c) => c.log.level, 'debug'],
  ['LOG', 'off', (c) => c.log.level, 'off'],
  ['ACCESS_LOG', 'apache', (c) => c.log.access, 'apache'],
  ['ACCESS_LOG', 'JSON', (c) => c.log.access, 'json'],
  ['CORES', '3', (c) => c.workers, 3],
  ['CORES', '300', (c) => c.workers, 8],
  ['CORES_MIN', '2', (c) => c.workers, 2],
  ['CORES_MAX', '4', (c) => c.workers, 4],
  ['CORES_MAX_RATIO', '0.25', (c) => c.workers, 2],
  ['ORIGINAL_DST', 'socket', (c) => c.originalDst, { kind: 'socket' }],
  [
    'ORIGINAL_DST',
    'proxy-protocol',
    (c) => c.originalDst,
    {
      kind: 'proxy-protocol',
      trusted: [
        { ip: '127.0.0.0', prefix: 8 },
        { ip: '::1', prefix: 128 },
      ],
    },
  ],
  ['ORIGINAL_DST', 'proxy-protocol:10.0.0.0/8', (c) => c.originalDst, { kind: 'proxy-protocol', trusted: [{ ip: '10.0.0.0', prefix: 8 }] }],
  [
    'ORIGINAL_DST',
    'map:4140=10.43.0.7:80, [::1]:4140=[fd00::1]:443',
    (c) => c.originalDst,
    {
      kind: 'map',
      entries: [
        { local: { port: 4140 }, destination: { ip: '10.43.0.7', port: 80 } },
        { local: { ip: '::1', port: 4140 }, destination: { ip: 'fd00::1', port: 443 } },
      ],
    },
  ],
  ['ADDRESS_BOOK', '/tmp/book.json', (c) => c.addressBook, '/tmp/book.json'],
  ['DETECT', 'race', (c) => c.detect, 'race'],
  ['HTTP2_EXTENDED_CONNECT', 'true', (c) => [c.inbound.serverHttp2.extendedConnect, c.outbound.serverHttp2.extendedConnect], [true, true]],
];

const ROWS = VALUES.map(([key, text, at, expected, others = {}]) => ({ key, text, at, expected, others }));

test.each(ROWS)('$key=$text arrives in the configuration', ({ key, text, at, expected, others }) => {
  expect({ value: at(config({ ...others, [key]: text })) }).toMatchObject({ value: expected });
});

test.each(Object.keys(VARIABLES) as VariableName[])('%s has a row of its own', (key) => {
  expect(VALUES.some(([other]) => other === key)).toBe(true);
});

/** One text that each syntax refuses; free text has none. */
const REFUSED = new Map<unknown, string>([
  [duration, '10'],
  [bool, 'TRUE'],
  [u32, '4294967296'],
  [u32Bytes, '64k'],
  [cores, '0'],
  [jitter, '101'],
  [nonEmpty, ''],
  [socketAddress, 'localhost:4140'],
  [socketAddresses, ''],
  [controlTarget, 'no-port'],
  [portSet, '2-1'],
  [suffixList, '-a-'],
  [networks, '10.0.0.0/33'],
  [ipSet, ' 10.0.0.1'],
  [identityName, 'a.'],
  [pemCertificates, ''],
  [logFilter, '='],
  [unixPath, 'unix://'],
]);

const FREE_TEXT = (Object.keys(VARIABLES) as VariableName[]).filter((key) => VARIABLES[key].syntax === string);

test.each((Object.keys(VARIABLES) as VariableName[]).filter((key) => !FREE_TEXT.includes(key)))(
  '%s refuses what is not its syntax, by name and value',
  (key) => {
    const { syntax, lenient }: Variable<unknown> = VARIABLES[key];
    const text = REFUSED.get(syntax) ?? 'none of it';
    const result = readConfig({ env: environment({ [key]: text }), processors: 8 });
    const reported = lenient ? result.warnings : result.ok ? [] : result.problems;
    expect(reported.map(formatProblem).filter((line) => line.startsWith(`${namesOf(key)[0]}=${JSON.stringify(text)} `))).toHaveLength(1);
    expect(result.ok).toBe(lenient === true);
  },
);

/** One bad value per row, and what is said about it. */
const BAD: readonly (readonly [VariableName, string, string])[] = [
  ['OUTBOUND_LISTEN_ADDR', 'localhost:4140', 'is not an IP:port'],
  ['OUTBOUND_LISTEN_ADDRS', '127.0.0.1:1,127.0.0.1:2,127.0.0.1:3', 'holds more than two addresses'],
  ['INBOUND_LISTEN_ADDR', '0.0.0.0', 'is not an IP:port'],
  ['INBOUND_CONNECT_TIMEOUT', '10', 'is a duration without a unit'],
  ['INBOUND_CONNECT_TIMEOUT', '1.5s', 'is not a duration'],
  ['INBOUND_CONNECT_TIMEOUT', '-1s', 'is not a duration'],
  ['INBOUND_CONNECT_TIMEOUT', '', 'is not a duration'],
  ['INBOUND_CONNECT_TIMEOUT', '99999999999999999d', 'is not a duration'],
  ['INGRESS_MODE', 'True', 'must be exactly true or false'],
  ['INGRESS_MODE', '1', 'must be exactly true or false'],
  ['OUTBOUND_MAX_IN_FLIGHT', '-1', 'is not an unsigned integer'],
  ['INBOUND_TCP_LISTEN_BACKLOG', '4294967296', 'is out of range'],
  ['INBOUND_PORTS', '80-70', 'not a port or a range'],
  ['INBOUND_PORTS', '65536', 'not a port'],
  ['INBOUND_IPS', '10.0.0.1, 10.0.0.2', 'is not an IP'],
  ['DESTINATION_PROFILE_NETWORKS', '10.0.0.0/33', 'is not a network'],
  ['DESTINATION_PROFILE_SUFFIXES', 'a..b', 'is not a DNS suffix'],
  ['DESTINATION_SVC_ADDR', 'destination', 'is not a host:port'],
  ['DESTINATION_SVC_ADDR', 'not_dns:80', 'neither an IP nor a DNS name'],
  ['DESTINATION_SVC_ADDR', 'dst.linkerd.svc.cluster.local.:8086', 'DESTINATION_SVC_NAME must be set'],
  ['INBOUND_IPS', '', 'is not an IP'],
  ['INBOUND_DEFAULT_POLICY', 'DENY', 'must be one of all-unauth'],
  ['INBOUND_DEFAULT_POLICY', 'cluster-unauthenticated', 'needs LINKERD2_PROXY_POLICY_CLUSTER_NETWORKS'],
  ['ACCESS_LOG', 'common', 'must be one of'],
  ['TAP_SVC_NAME', 'two words', 'neither a DNS name nor'],
  ['INBOUND_DEFAULT_POLICY', 'allow', 'must be one of all-unauth'],
  ['INBOUND_DEFAULT_POLICY', 'cluster-authenticated', 'needs LINKERD2_PROXY_POLICY_CLUSTER_NETWORKS'],
  ['INBOUND_DEFAULT_POLICY', 'audit', 'needs LINKERD2_PROXY_POLICY_CLUSTER_NETWORKS'],
  ['INBOUND_METRICS_AUTHORITY_LABELS', 'yes', 'must be one of'],
  ['IDENTITY_DISABLED', 'true', 'identity is mandatory'],
  ['IDENTITY_TRUST_ANCHORS', 'nonsense', 'holds no PEM certificate'],
  ['IDENTITY_TRUST_ANCHORS', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'cannot be read'],
  ['IDENTITY_LOCAL_NAME', 'web.', 'is not a DNS name'],
  ['IDENTITY_SERVER_ID', 'a.b', 'SERVER_NAME must be set together'],
  ['INBOUND_CONNECT_EXP_BACKOFF_MIN', '1s', 'BACKOFF_MAX must be set together with'],
  ['INBOUND_CONNECT_EXP_BACKOFF_MAX', '1s', 'BACKOFF_MIN must be set together with'],
  ['OUTBOUND_CONNECT_EXP_BACKOFF_JITTER', '0.5', 'needs LINKERD2_PROXY_OUTBOUND_CONNECT_EXP_BACKOFF_MIN'],
  ['OUTBOUND_CONNECT_EXP_BACKOFF_JITTER', 'NaN', 'is not a number'],
  ['LOG', 'linkerd=loud', 'is not a list of log directives'],
  ['LOG_FORMAT', 'xml', 'must be one of PLAIN, JSON'],
  ['DETECT', 'RACE', 'must be one of wait, race'],
  ['HTTP2_EXTENDED_CONNECT', 'yes', 'must be exactly true or false'],
  ['ORIGINAL_DST', 'Socket', 'must be socket'],
  ['ORIGINAL_DST', 'proxy-protocol:', 'names nobody'],
  ['ORIGINAL_DST', 'proxy-protocol:10.0.0.0/33', 'is not a network'],
  ['ORIGINAL_DST', 'map:', 'is not PORT=IP:PORT'],
  ['ORIGINAL_DST', 'map:0=10.0.0.1:80', 'is not PORT=IP:PORT'],
  ['ORIGINAL_DST', 'map:4140=web:80', 'is not PORT=IP:PORT'],
  ['ORIGINAL_DST', 'map:4140=10.0.0.1:80,4140=10.0.0.2:80', 'twice'],
  ['POLICY_WORKLOAD', '\uFFFD', 'is not UTF-8'],
];

test.each(BAD)('%s=%j is refused', (key, text, said) => {
  const result = readConfig({ env: environment({ [key]: text }), processors: 8 });
  const found = result.ok ? [] : result.problems.map(formatProblem);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(said);
});
