import { describe, expect, test } from 'vitest';
import { type Config, readConfig } from './config.ts';
import { MINIMAL_ENVIRONMENT } from './minimal-environment.ts';
import { type Environment, formatProblem } from './read-variables.ts';
import { unsupportedSettings } from './unsupported.ts';
import { namesOf, VARIABLES, type Variable, type VariableName } from './variables.ts';

const P = 'LINKERD2_PROXY_';
const read = (env: Environment = {}): ReturnType<typeof readConfig> => readConfig({ env: { ...MINIMAL_ENVIRONMENT, ...env }, processors: 8 });

function config(env: Environment = {}): Config {
  const result = read(env);
  if (!result.ok) throw new Error(result.problems.map(formatProblem).join('\n'));
  return result.config;
}

function problems(env: Environment): string[] {
  const result = read(env);
  return result.ok ? [] : result.problems.map(formatProblem);
}

describe('defaults', () => {
  test('are those of the reference', () => {
    const { outbound, inbound, admin, http2, identity, streamLimits, dns, shutdownGraceMs, workers, tap, destination } = config();
    expect(outbound).toMatchObject({
      listen: [{ ip: '127.0.0.1', port: 4140 }],
      detectTimeoutMs: 10_000,
      connectTimeoutMs: 1_000,
      connectBackoff: { minMs: 100, maxMs: 60_000, jitter: 0.1 },
      discoveryIdleMs: 5_000,
      queueCapacity: 10_000,
      failfastMs: 3_000,
      tcpQueueCapacity: 10_000,
      tcpFailfastMs: 3_000,
      maxIdlePerEndpoint: 10_000,
      poolIdleMs: 3_000,
      maxInFlight: 100_000,
      ingress: false,
      informationalHeaders: true,
      hostnameLabels: false,
      sockets: { acceptKeepAliveMs: undefined, backlog: undefined },
      serverHttp2: { initialStreamWindow: 65_535, initialConnectionWindow: 1_048_576, maxConcurrentStreams: undefined, keepAlive: undefined },
    });
    expect(inbound).toMatchObject({
      listen: [{ ip: '0.0.0.0', port: 4143 }],
      connectTimeoutMs: 300,
      connectBackoff: { minMs: 100, maxMs: 10_000, jitter: 0.1 },
      discoveryIdleMs: 90_000,
      queueCapacity: 10_000,
      failfastMs: 1_000,
      defaultPolicy: 'all-unauthenticated',
      ports: [{ first: 4191, last: 4191 }],
      opaquePorts: [],
      ips: [],
      profileTimeoutMs: 500,
      authorityLabels: false,
    });
    expect(admin).toEqual({ listen: { ip: '127.0.0.1', port: 4191 }, shutdownEndpoint: false, metricsRetainIdleMs: 600_000 });
    expect(http2).toEqual({ initialStreamWindow: 65_535, initialConnectionWindow: 1_048_576 });
    expect(identity).toMatchObject({ minRefreshMs: 10_000, maxRefreshMs: 86_400_000, source: { kind: 'linkerd' } });
    expect(identity.name).toBe(identity.serverName);
    expect(destination).toMatchObject({ context: '', profileSuffixes: ['svc.cluster.local.'], profileNetworks: [] });
    expect({ streamLimits, dns, shutdownGraceMs, workers, tap }).toEqual({
      streamLimits: { initialMs: undefined, idleMs: undefined, lifetimeMs: undefined },
      dns: { resolvConf: '/etc/resolv.conf', minTtlMs: undefined, maxTtlMs: undefined },
      shutdownGraceMs: 120_000,
      workers: 1,
      tap: undefined,
    });
  });

  test('are frozen to the leaves', () => {
    const value = config();
    expect(Object.isFrozen(value) && Object.isFrozen(value.outbound.connectBackoff) && Object.isFrozen(value.inbound.ports)).toBe(true);
  });

  test('warn that no default policy was chosen', () => {
    expect(read().warnings.map(formatProblem)).toEqual([`${P}INBOUND_DEFAULT_POLICY is not set: using all-unauthenticated`]);
  });

  test('of every variable can be parsed by its own syntax', () => {
    const failing = Object.entries<Variable<unknown>>(VARIABLES).filter(([, { fallback, syntax }]) => fallback !== undefined && !syntax.parse(fallback).ok);
    expect(failing).toEqual([]);
  });
});

/** One value per row: variable, text, where it arrives, what it is there. */
const VALUES: readonly (readonly [VariableName, string, (c: Config) => unknown, unknown])[] = [
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
  ['OUTBOUND_METRICS_HOSTNAME_LABELS', 'true', (c) => c.outbound.hostnameLabels, true],
  ['INBOUND_METRICS_AUTHORITY_LABELS', 'UNSAFE', (c) => c.inbound.authorityLabels, true],
  ['DESTINATION_PROFILE_SUFFIXES', '.', (c) => c.destination.profileSuffixes, ['.']],
  ['DESTINATION_PROFILE_SUFFIXES', '', (c) => c.destination.profileSuffixes, []],
  ['DESTINATION_PROFILE_SUFFIXES', 'svc.cluster.local., example.com', (c) => c.destination.profileSuffixes, ['svc.cluster.local.', 'example.com']],
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
  ['POLICY_WORKLOAD', 'ns:pod', (c) => c.policy.workload, 'ns:pod'],
  ['TAP_SVC_NAME', 'tap.linkerd-viz', (c) => c.tap, { listen: { ip: '0.0.0.0', port: 4190 }, client: 'tap.linkerd-viz' }],
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
  ['IDENTITY_DISABLED', '', (c) => c.identity.source.kind, 'linkerd'],
  ['IDENTITY_MIN_REFRESH', '1m', (c) => c.identity.minRefreshMs, 60_000],
  ['IDENTITY_MAX_REFRESH', '2d', (c) => c.identity.maxRefreshMs, 172_800_000],
  ['DNS_MIN_TTL', '1s', (c) => c.dns.minTtlMs, 1_000],
  ['DNS_MAX_TTL', '1m', (c) => c.dns.maxTtlMs, 60_000],
  ['HTTP2_INITIAL_STREAM_WINDOW_SIZE', '70000', (c) => c.http2.initialStreamWindow, 70_000],
  ['HTTP2_INITIAL_CONNECTION_WINDOW_SIZE', '70000', (c) => c.http2.initialConnectionWindow, 70_000],
  ['INBOUND_SERVER_HTTP2_INITIAL_STREAM_WINDOW_SIZE', '70000', (c) => c.inbound.serverHttp2.initialStreamWindow, 65_535],
  ['INBOUND_SERVER_HTTP2_MAX_CONCURRENT_STREAMS', '5', (c) => c.inbound.serverHttp2.maxConcurrentStreams, 5],
  ['OUTBOUND_SERVER_HTTP2_MAX_FRAME_SIZE', '20000', (c) => c.outbound.serverHttp2.maxFrameSize, 20_000],
  ['OUTBOUND_SERVER_HTTP2_MAX_HEADER_LIST_SIZE', '20000', (c) => c.outbound.serverHttp2.maxHeaderListSize, 20_000],
  ['OUTBOUND_SERVER_HTTP2_KEEP_ALIVE_INTERVAL', '10s', (c) => c.outbound.serverHttp2.keepAlive, undefined],
  ['CONTROL_STREAM_LIFETIME', '1h', (c) => c.streamLimits.lifetimeMs, 3_600_000],
  ['TRACE_SERVICE_NAME', 'svc', (c) => c.tracing.serviceName, 'svc'],
  ['HOSTNAME', 'pod-1', (c) => c.tracing.hostname, 'pod-1'],
  ['LOG_FORMAT', 'json', (c) => c.log.format, 'JSON'],
  ['LOG', 'warn,linkerd=debug', (c) => c.log.level, 'debug'],
  ['LOG', 'off', (c) => c.log.level, 'off'],
  ['ACCESS_LOG', 'apache', (c) => c.log.access, 'apache'],
  ['CORES', '3', (c) => c.workers, 3],
  ['CORES', '300', (c) => c.workers, 8],
  ['CORES_MAX', '4', (c) => c.workers, 4],
  ['CORES_MAX_RATIO', '0.25', (c) => c.workers, 2],
  ['CORES', 'many', (c) => c.workers, 1],
  ['ADDRESS_BOOK', '/tmp/book.json', (c) => c.addressBook, '/tmp/book.json'],
];

test.each(VALUES)('%s=%s arrives in the configuration', (key, text, at, expected) => {
  expect(at(config({ [namesOf(key)[0]]: text }))).toEqual(expected);
});

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
  ['POLICY_WORKLOAD', '\uFFFD', 'is not UTF-8'],
];

test.each(BAD)('%s=%j is refused', (key, text, said) => {
  const found = problems({ [namesOf(key)[0]]: text });
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(said);
});

describe('rules that join variables', () => {
  test('every problem is reported at once, with variable and value', () => {
    const result = readConfig({
      env: {
        [`${P}INGRESS_MODE`]: 'yes',
        [`${P}INBOUND_DETECT_TIMEOUT`]: '3',
        [`${P}CONTROL_STREAM_INITIAL_TIMEOUT`]: '2s',
        [`${P}CONTROL_STREAM_IDLE_TIMEOUT`]: '1s',
      },
      processors: 1,
    });
    expect(result.ok).toBe(false);
    const text = result.ok ? '' : result.problems.map(formatProblem).join('\n');
    for (const part of [
      'INGRESS_MODE="yes"',
      'INBOUND_DETECT_TIMEOUT="3"',
      'DESTINATION_SVC_ADDR must be set',
      'IDENTITY_SVC_ADDR must be set',
      'CONTROL_STREAM_INITIAL_TIMEOUT',
    ]) {
      expect(text).toContain(part);
    }
    for (const name of ['POLICY_SVC_ADDR', 'POLICY_WORKLOAD', 'IDENTITY_DIR', 'IDENTITY_TRUST_ANCHORS', 'IDENTITY_TOKEN_FILE', 'IDENTITY_LOCAL_NAME']) {
      expect(text).toContain(`${P}${name} must be set`);
    }
  });

  test('a control-plane address that is not loopback is reached by TLS under its name', () => {
    const { destination, policy } = config({
      [`${P}DESTINATION_SVC_ADDR`]: 'linkerd-dst-headless.linkerd.svc.cluster.local.:8086',
      [`${P}DESTINATION_SVC_NAME`]: 'linkerd-destination.linkerd.serviceaccount.identity.linkerd.cluster.local',
      [`${P}POLICY_SVC_ADDR`]: 'localhost.:8090',
      [`${P}POLICY_SVC_NAME`]: 'ignored.example',
    });
    expect(destination.address).toEqual({
      target: {
        host: 'linkerd-dst-headless.linkerd.svc.cluster.local.',
        port: 8086,
        authority: 'linkerd-dst-headless.linkerd.svc.cluster.local.:8086',
        loopback: false,
      },
      serverName: 'linkerd-destination.linkerd.serviceaccount.identity.linkerd.cluster.local',
    });
    expect(policy.address.serverName).toBeUndefined();
  });

  test('the name localhost without its dot is not loopback', () => {
    expect(problems({ [`${P}POLICY_SVC_ADDR`]: 'localhost:8090' })).toHaveLength(1);
  });

  test('a backoff with MIN and MAX has no jitter unless given', () => {
    const env = { [`${P}INBOUND_CONNECT_EXP_BACKOFF_MIN`]: '1s', [`${P}INBOUND_CONNECT_EXP_BACKOFF_MAX`]: '2s' };
    expect(config(env).inbound.connectBackoff).toEqual({ minMs: 1_000, maxMs: 2_000, jitter: 0 });
    expect(config({ ...env, [`${P}INBOUND_CONNECT_EXP_BACKOFF_JITTER`]: '.5' }).inbound.connectBackoff.jitter).toBe(0.5);
  });

  test('a cluster policy is taken once there are cluster networks', () => {
    const env = { [`${P}INBOUND_DEFAULT_POLICY`]: 'cluster-authenticated', [`${P}POLICY_CLUSTER_NETWORKS`]: '10.0.0.0/8' };
    expect(config(env)).toMatchObject({ inbound: { defaultPolicy: 'cluster-authenticated' }, policy: { clusterNetworks: [{ ip: '10.0.0.0', prefix: 8 }] } });
  });

  test('HTTP/2 keep-alive needs interval and timeout, fixed windows need both and give way to adaptive ones', () => {
    const base = `${P}INBOUND_SERVER_HTTP2_`;
    const env = {
      [`${base}KEEP_ALIVE_INTERVAL`]: '10s',
      [`${base}KEEP_ALIVE_TIMEOUT`]: '3s',
      [`${base}INITIAL_STREAM_WINDOW_SIZE`]: '1',
      [`${base}INITIAL_CONNECTION_WINDOW_SIZE`]: '2',
    };
    expect(config(env).inbound.serverHttp2).toMatchObject({
      keepAlive: { intervalMs: 10_000, timeoutMs: 3_000, whileIdle: true },
      initialStreamWindow: 1,
      initialConnectionWindow: 2,
    });
    expect(config({ ...env, [`${base}ADAPTIVE_FLOW_CONTROL`]: 'true' }).inbound.serverHttp2.initialStreamWindow).toBe(65_535);
  });

  test('SPIRE needs no identity service but a spiffe identity', () => {
    const spire = {
      [`${P}IDENTITY_SVC_ADDR`]: undefined,
      [`${P}IDENTITY_SPIRE_SOCKET`]: 'unix:///run/spire/agent.sock',
      [`${P}IDENTITY_SERVER_NAME`]: 'web.emojivoto',
      [`${P}${P}IDENTITY_SPIRE_EXP_BACKOFF_MIN`]: '2s',
      [`${P}IDENTITY_SPIRE_EXP_BACKOFF_MAX`]: '3s',
    };
    expect(config({ ...spire, [`${P}IDENTITY_SERVER_ID`]: 'spiffe://td/web' }).identity).toMatchObject({
      name: 'spiffe://td/web',
      serverName: 'web.emojivoto',
      source: { kind: 'spire', socket: '/run/spire/agent.sock', backoff: { minMs: 2_000, maxMs: 3_000, jitter: 0 } },
    });
    expect(problems({ ...spire, [`${P}IDENTITY_SERVER_ID`]: 'web.emojivoto' })[0]).toContain('must be a spiffe:// identity');
  });

  test('without SPIRE server id and server name agree', () => {
    const pair = (id: string): Environment => ({ [`${P}IDENTITY_SERVER_ID`]: id, [`${P}IDENTITY_SERVER_NAME`]: 'web.emojivoto' });
    expect(config(pair('web.emojivoto')).identity).toMatchObject({ name: 'web.emojivoto', serverName: 'web.emojivoto' });
    expect(problems(pair('spiffe://td/web'))[0]).toContain('because SPIRE is not used');
    expect(problems(pair('other.emojivoto'))).toHaveLength(1);
  });

  test('settings without effect are named, and the defaults are none of them', () => {
    expect(unsupportedSettings(config())).toEqual([]);
    expect(unsupportedSettings(config({ [`${P}TAP_SVC_NAME`]: 'tap.ns', [`${P}ACCESS_LOG`]: 'json', [`${P}CORES`]: '2' }))).toEqual([
      'TAP_SVC_NAME',
      'ACCESS_LOG',
      'CORES',
    ]);
  });

  test('variables of the chart that this proxy does not know are ignored', () => {
    expect(problems({ [`${P}TRACE_ANNOTATIONS_PATH`]: '/x', [`${P}TRACE_PROTOCOL`]: 'opentelemetry' })).toEqual([]);
  });
});
