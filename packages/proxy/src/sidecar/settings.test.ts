// Every setting of a side reaches the proxy: the values are all different, so that none can stand in for another.
import { expect, test } from 'vitest';
import { proxyConfig } from '../config.ts';
import { readConfig } from './config/config.ts';
import { MINIMAL_ENVIRONMENT } from './config/minimal-environment.ts';
import { proxySettings } from './settings.ts';

const OWN = {
  OUTBOUND_DETECT_TIMEOUT: '1ms',
  INBOUND_DETECT_TIMEOUT: '2ms',
  OUTBOUND_CONNECT_TIMEOUT: '3ms',
  INBOUND_CONNECT_TIMEOUT: '4ms',
  OUTBOUND_DISCOVERY_IDLE_TIMEOUT: '5ms',
  INBOUND_DISCOVERY_IDLE_TIMEOUT: '6ms',
  OUTBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT: '7ms',
  INBOUND_HTTP1_CONNECTION_POOL_IDLE_TIMEOUT: '8ms',
  OUTBOUND_MAX_IDLE_CONNS_PER_ENDPOINT: '9',
  MAX_IDLE_CONNS_PER_ENDPOINT: '10',
  OUTBOUND_MAX_IN_FLIGHT: '11',
  INBOUND_MAX_IN_FLIGHT: '12',
  OUTBOUND_HTTP_QUEUE_CAPACITY: '13',
  OUTBOUND_TCP_QUEUE_CAPACITY: '14',
  OUTBOUND_HTTP_FAILFAST_TIMEOUT: '15ms',
  OUTBOUND_TCP_FAILFAST_TIMEOUT: '16ms',
  HTTP2_INITIAL_STREAM_WINDOW_SIZE: '17',
  OUTBOUND_SERVER_HTTP2_MAX_FRAME_SIZE: '18',
  INBOUND_SERVER_HTTP2_MAX_FRAME_SIZE: '19',
  OUTBOUND_CONNECT_EXP_BACKOFF_MIN: '20ms',
  OUTBOUND_CONNECT_EXP_BACKOFF_MAX: '21ms',
  OUTBOUND_ACCEPT_KEEPALIVE: '22ms',
  INBOUND_ACCEPT_KEEPALIVE: '23ms',
  OUTBOUND_CONNECT_KEEPALIVE: '24ms',
  INBOUND_CONNECT_KEEPALIVE: '25ms',
  OUTBOUND_ACCEPT_USER_TIMEOUT: '26ms',
  INBOUND_ACCEPT_USER_TIMEOUT: '27ms',
  OUTBOUND_CONNECT_USER_TIMEOUT: '28ms',
  INBOUND_CONNECT_USER_TIMEOUT: '29ms',
  OUTBOUND_TCP_LISTEN_BACKLOG: '30',
  INBOUND_TCP_LISTEN_BACKLOG: '31',
  METRICS_RETAIN_IDLE: '32ms',
  SHUTDOWN_GRACE_PERIOD: '33ms',
  INBOUND_LISTEN_ADDR: '0.0.0.0:34',
  ADMIN_LISTEN_ADDR: '127.0.0.1:35',
  INBOUND_IPS: '10.0.0.36',
  DESTINATION_PROFILE_NETWORKS: '10.0.0.37',
  OUTBOUND_DISABLE_INFORMATIONAL_HEADERS: 'true',
};

test('every setting of the environment reaches the proxy', () => {
  const env = { ...MINIMAL_ENVIRONMENT, ...Object.fromEntries(Object.entries(OWN).map(([key, text]) => [`LINKERD2_PROXY_${key}`, text])) };
  const result = readConfig({ env, processors: 1 });
  if (!result.ok) throw new Error('the environment is not acceptable');
  const { outbound, inbound, admin, shutdownGraceMs } = proxyConfig(proxySettings(result.config, undefined));
  expect(outbound).toMatchObject({
    detectTimeoutMs: 1,
    connectTimeoutMs: 3,
    discoveryIdleMs: 5,
    poolIdleMs: 7,
    maxIdlePerEndpoint: 9,
    maxInFlight: 11,
    queueCapacity: 13,
    tcpQueueCapacity: 14,
    failfastMs: 15,
    tcpFailfastMs: 16,
    http2: { initialStreamWindow: 17 },
    serverHttp2: { maxFrameSize: 18 },
    connectBackoff: { minMs: 20, maxMs: 21, jitter: 0 },
    sockets: { accept: { keepAliveMs: 22, userTimeoutMs: 26 }, connect: { keepAliveMs: 24, userTimeoutMs: 28 }, backlog: 30 },
    localIps: ['10.0.0.36'],
    profileNetworks: [{ ip: '10.0.0.37', prefix: 32 }],
    informationalHeaders: false,
  });
  expect(inbound).toMatchObject({
    directPort: 34,
    detectTimeoutMs: 2,
    connectTimeoutMs: 4,
    policyIdleMs: 6,
    poolIdleMs: 8,
    maxIdlePerEndpoint: 10,
    maxInFlight: 12,
    http2: { initialStreamWindow: 17 },
    serverHttp2: { maxFrameSize: 19 },
    sockets: { accept: { keepAliveMs: 23, userTimeoutMs: 27 }, connect: { keepAliveMs: 25, userTimeoutMs: 29 }, backlog: 31 },
    allowedIps: ['10.0.0.36'],
  });
  expect(admin).toMatchObject({ listen: { ip: '127.0.0.1', port: 35 }, policyPort: 35, metricsRetainIdleMs: 32 });
  expect(shutdownGraceMs).toBe(33);
});
