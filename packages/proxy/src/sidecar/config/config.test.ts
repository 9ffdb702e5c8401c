import { describe, expect, test } from 'vitest';
import { type Config, readConfig } from './config.ts';
import { MINIMAL_ENVIRONMENT } from './minimal-environment.ts';
import { type Environment, formatProblem } from './read-variables.ts';
import { unsupportedSettings } from './unsupported.ts';
import { VARIABLES, type Variable } from './variables.ts';

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
    expect(identity.source).toMatchObject({ kind: 'linkerd', minRefreshMs: 10_000, maxRefreshMs: 86_400_000 });
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

  test('SPIRE needs neither identity service nor token but a spiffe identity', () => {
    const spire = {
      [`${P}IDENTITY_SVC_ADDR`]: undefined,
      [`${P}IDENTITY_DIR`]: undefined,
      [`${P}IDENTITY_TOKEN_FILE`]: undefined,
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
    const env = { [`${P}INBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE`]: '1000', [`${P}TRACE_COLLECTOR_SVC_ADDR`]: '127.0.0.1:1', [`${P}CORES`]: '2' };
    expect(unsupportedSettings(config(env))).toEqual(['TRACE_COLLECTOR_SVC_ADDR', 'INBOUND_SERVER_HTTP2_MAX_SEND_BUF_SIZE']);
  });

  test('variables that nothing reads are no problem and no warning', () => {
    const names = ['TRACE_ANNOTATIONS_PATH', 'TRACE_PROTOCOL', 'INBOUND_PORTS_REQUIRE_IDENTITY', 'INBOUND_PORTS_REQUIRE_TLS'];
    const result = read(Object.fromEntries([...names.map((name) => [`${P}${name}`, 'x']), [`${P}INBOUND_DEFAULT_POLICY`, 'deny']]));
    expect(result).toMatchObject({ ok: true, warnings: [] });
  });

  test('an address book leaves no other source of original destinations', () => {
    const env = { WEFT_PROXY_ADDRESS_BOOK: '/book.json', WEFT_PROXY_ORIGINAL_DST: 'socket' };
    expect(problems(env)).toEqual(['WEFT_PROXY_ORIGINAL_DST="socket" must not be set together with WEFT_PROXY_ADDRESS_BOOK']);
  });

  test('the name of a collector needs its address', () => {
    expect(problems({ [`${P}TRACE_COLLECTOR_SVC_NAME`]: 'collector.ns' })).toEqual([
      `${P}TRACE_COLLECTOR_SVC_NAME="collector.ns" needs ${P}TRACE_COLLECTOR_SVC_ADDR`,
    ]);
    expect(problems({ [`${P}TRACE_COLLECTOR_SVC_ADDR`]: 'collector.ns:4317' })[0]).toContain('TRACE_COLLECTOR_SVC_NAME must be set');
  });

  test.each([
    ['INITIAL_TIMEOUT', '2s', 'IDLE_TIMEOUT', '1s'],
    ['IDLE_TIMEOUT', '2s', 'LIFETIME', '1s'],
    ['INITIAL_TIMEOUT', '2s', 'LIFETIME', '1s'],
  ])('the control stream limit %s=%s must not be longer than %s=%s', (low, longer, high, shorter) => {
    const limit = (name: string): string => `${P}CONTROL_STREAM_${name}`;
    const equal = { [limit(low)]: shorter, [limit(high)]: shorter };
    expect(problems(equal)).toEqual([]);
    expect(problems({ ...equal, [limit(low)]: longer })).toEqual([`${limit(low)}="${longer}" must not be longer than ${limit(high)}`]);
  });

  test('one of two settings that need each other is warned about and has no effect', () => {
    const base = `${P}OUTBOUND_SERVER_HTTP2_`;
    const result = read({ [`${base}KEEP_ALIVE_INTERVAL`]: '10s', [`${base}INITIAL_CONNECTION_WINDOW_SIZE`]: '9', [`${P}INBOUND_DEFAULT_POLICY`]: 'deny' });
    expect(result).toMatchObject({ ok: true, config: { outbound: { serverHttp2: { keepAlive: undefined, initialConnectionWindow: 1_048_576 } } } });
    expect(result.warnings.map(formatProblem)).toEqual([
      `${base}INITIAL_CONNECTION_WINDOW_SIZE="9" has no effect without ${base}INITIAL_STREAM_WINDOW_SIZE`,
      `${base}KEEP_ALIVE_INTERVAL="10s" has no effect without ${base}KEEP_ALIVE_TIMEOUT`,
    ]);
  });

  test.each([
    [{ CORES: 'many' }, `${P}CORES="many" is not an unsigned integer; it is ignored`, 1],
    [{ CORES: '0', CORES_MAX: '3' }, `${P}CORES="0" is out of range: at least 1; it is ignored`, 3],
    [{ CORES_MAX_RATIO: '-1' }, `${P}CORES_MAX_RATIO="-1" is not a number from 0 to 100; it is ignored`, 1],
    [{ CORES_MIN: '9' }, `${P}CORES_MIN="9" is more than the processors that may be used (8)`, 8],
  ])('a number of cores that cannot be is warned about, not refused: %j', (own, warning, workers) => {
    const env = Object.fromEntries(Object.entries(own).map(([key, text]) => [`${P}${key}`, text]));
    const result = read({ ...env, [`${P}INBOUND_DEFAULT_POLICY`]: 'deny' });
    expect(result).toMatchObject({ ok: true, config: { workers } });
    expect(result.warnings.map(formatProblem)).toEqual([warning]);
  });

  test.each([
    [{ CORES: '2', CORES_MAX: '5' }, 5],
    [{ CORES: '6', CORES_MAX: '5' }, 6],
    [{ CORES: '2', CORES_MIN: '3' }, 3],
    [{ CORES_MAX: '4', CORES_MAX_RATIO: '1' }, 4],
    [{ CORES_MIN: '1', CORES_MAX_RATIO: '0.3' }, 2],
    [{ CORES_MAX_RATIO: '0.01' }, 1],
  ])('cores are counted from %j', (own, workers) => {
    expect(config(Object.fromEntries(Object.entries(own).map(([key, text]) => [`${P}${key}`, text]))).workers).toBe(workers);
  });

  test('a replacement character that was written as such is text, where the bytes are known', () => {
    const env = { ...MINIMAL_ENVIRONMENT, [`${P}DESTINATION_CONTEXT`]: '\uFFFD' };
    const bytes = (undecodable?: ReadonlySet<string>) => readConfig({ env, processors: 1, undecodable }).ok;
    expect([bytes(), bytes(new Set()), bytes(new Set([`${P}DESTINATION_CONTEXT`]))]).toEqual([false, true, false]);
  });
});
