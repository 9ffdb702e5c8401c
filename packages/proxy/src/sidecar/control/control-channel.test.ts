// The whole way to a control-plane service: DNS over UDP, TCP, HTTP/2, gRPC; all real.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Credentials,
  createRegistry,
  createWatch,
  type EndpointSet,
  type ManualClock,
  manualClock,
  memoryLogger,
  plainEndpoint,
  seeded,
} from '@weft/core';
import { destinationClient } from '@weft/destination/client';
import { resolver } from '@weft/destination/dns';
import { type GrpcServer, startGrpcServer } from '@weft/process';
import { tlsClient } from '@weft/tls';
import { type DestinationUpdate, destinationService, diffToUpdates, noEndpointsUpdate, type RpcChannel } from '@weft/wire';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CallsOut, callsOut } from '../../../../destination/test/calls-out.ts';
import { type DnsServer, startDnsServer } from '../../../../destination/test/dns-server.ts';
import { tcpDialer } from '../../connect/tcp-dialer.ts';
import { controlChannel } from './control-channel.ts';

const NAME = 'linkerd-dst-headless.linkerd.svc.cluster.local';
/** What these controllers need of a call. */
interface Get {
  write(update: DestinationUpdate): void;
}

let dir: string;
let dns: DnsServer;
let clock: ManualClock;
/** Resolutions and connection attempts. */
let out: CallsOut;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'control-'));
  writeFileSync(join(dir, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  dns = await startDnsServer();
  clock = manualClock();
  out = callsOut();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await dns.close();
  rmSync(dir, { recursive: true });
});

/** A controller that knows one endpoint of every name, or one that accepts calls and says nothing. */
async function controller(ip: string | undefined): Promise<{ server: GrpcServer; port: number; calls: Get[] }> {
  const calls: Get[] = [];
  const Get = (call: Get): void => {
    calls.push(call);
    if (ip === undefined) return;
    for (const update of diffToUpdates([], [plainEndpoint({ ip, port: 8080 })])) call.write(update);
  };
  const server = await startGrpcServer({
    listen: { host: '127.0.0.1', port: 0 },
    services: [[destinationService, { Get, GetProfile: () => undefined }]],
  });
  cleanups.push(() => server.close(0));
  return { server, port: server.address?.port ?? 0, calls };
}

function publish(...ports: number[]): void {
  dns.records = ports.map((port) => ({ type: 'SRV', name: NAME, ttl: 30, data: { target: `127-0-0-1.${NAME}`, port, priority: 0, weight: 1 } }));
}

function connect(): { channel: RpcChannel; metrics: () => string } {
  const registry = createRegistry({ clock });
  const tls = tlsClient({ identity: { anchors: [], credentials: createWatch<Credentials>().watch } });
  const channel = controlChannel({
    service: 'destination',
    address: { target: { host: `${NAME}.`, port: 8086, authority: `${NAME}.:8086`, loopback: false } },
    resolver: out.resolver(resolver({ resolvConf: join(dir, 'resolv.conf'), clock, serverPort: dns.port })),
    dial: out.counted(tcpDialer()),
    tls,
    connectTimeoutMs: 1_000,
    backoff: { minMs: 100, maxMs: 1_000, jitter: 0 },
    clock,
    random: seeded(1),
    logger: memoryLogger(),
    metrics: registry,
  });
  cleanups.push(
    () => channel.close(),
    () => tls.close(),
  );
  return { channel, metrics: () => registry.render() };
}

function discover(channel: RpcChannel, initialMs?: number) {
  const client = destinationClient({ channel, clock, random: seeded(2), streamLimits: { initialMs }, backoff: { minMs: 100, maxMs: 1_000, jitter: 0 } });
  cleanups.push(() => client.close());
  return (path: string) => {
    const watch = client.endpoints(path);
    cleanups.push(watch.subscribe(() => undefined));
    return {
      get ips(): unknown {
        const { state } = watch;
        return state.kind === 'value' ? [state.stale, ...(state.value as EndpointSet).map(({ address }) => address.ip)] : state.kind;
      },
    };
  };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};
/** The same, moving the clock on whenever nothing has been under way for many turns. */
const untilLater = async (stepMs: number, condition: () => boolean): Promise<void> => {
  for (let quiet = 0; !condition(); quiet = out.count === 0 ? quiet + 1 : 0) {
    await new Promise((resolve) => setImmediate(resolve));
    if (quiet % 100 === 99) clock.advance(stepMs);
  }
};

test('follows a controller that moves, by the life of its DNS records', async () => {
  const old = await controller('10.42.0.1');
  publish(old.port);
  const { channel } = connect();
  const web = discover(channel)('web:80');
  await until(() => web.ips !== 'pending');
  expect(web.ips).toEqual([false, '10.42.0.1']);
  const fresh = await controller('10.42.0.2');
  publish(fresh.port);
  await old.server.close(0);
  await until(() => JSON.stringify(web.ips) === '[true,"10.42.0.1"]');
  const asked = dns.asked.length;
  await untilLater(1_000, () => fresh.calls.length > 0);
  await until(() => JSON.stringify(web.ips) === '[false,"10.42.0.2"]');
  expect(dns.asked.length).toBe(asked + 1);
  expect(clock.now()).toBeGreaterThanOrEqual(30_000);
});

test('a controller of which one replica hangs does not stall discovery', async () => {
  const [good, bad] = [await controller('10.42.0.1'), await controller(undefined)];
  publish(good.port, bad.port);
  const { channel, metrics } = connect();
  const open = discover(channel, 3_000);
  const first = open('web:80');
  await until(() => metrics().includes('endpoint_state="ready"} 2'));
  const names = [first, ...Array.from({ length: 20 }, (_, n) => open(`web-${n}:80`))];
  await untilLater(500, () => names.every(({ ips }) => ips !== 'pending'));
  for (const { ips } of names) expect(ips).toEqual([false, '10.42.0.1']);
  expect(bad.calls.length).toBeGreaterThan(0);
  // The first round of timeouts shows which one it is.
  expect(clock.now()).toBeLessThan(10_000);
  expect(metrics()).toContain('control_destination_balancer_p2c_endpoints{addr="linkerd-dst-headless.linkerd.svc.cluster.local.:8086"} 2');
});

test('keeps what it knows while the control plane is away, and takes the whole new set when it is back', async () => {
  const first = await controller('10.42.0.1');
  publish(first.port);
  const { channel } = connect();
  const web = discover(channel)('web:80');
  await until(() => web.ips !== 'pending');
  await first.server.close(0);
  dns.records = [];
  dns.failing = ['SRV', 'A', 'AAAA'];
  await untilLater(1_000, () => clock.now() > 120_000);
  expect(web.ips).toEqual([true, '10.42.0.1']);
  const Get = (call: Get): void => call.write(noEndpointsUpdate(true));
  const back = await startGrpcServer({
    listen: { host: '127.0.0.1', port: first.port },
    services: [[destinationService, { Get, GetProfile: () => undefined }]],
  });
  cleanups.push(() => back.close(0));
  await untilLater(1_000, () => JSON.stringify(web.ips) === '[false]');
});

test('shows names, addresses, queues and calls in metrics', async () => {
  const { port } = await controller('10.42.0.1');
  publish(port);
  const { channel, metrics } = connect();
  const web = discover(channel)('web:80');
  await until(() => web.ips !== 'pending');
  const text = metrics();
  const labels = 'addr="linkerd-dst-headless.linkerd.svc.cluster.local.:8086"';
  for (const line of [
    'control_dns_resolutions_total{client="destination",record_type="SRV",result="ok"} 1',
    `control_destination_balancer_endpoints{${labels},endpoint_state="ready"} 1`,
    `control_destination_balancer_p2c_updates_total{${labels},op="Reset"} 1`,
    `control_destination_balancer_queue_length{${labels}} 0`,
    `control_destination_balancer_queue_requests_total{${labels}} 1`,
    `control_destination_balancer_queue_gate_timeout_seconds{${labels}} 30`,
    `control_request_total{${labels},tls="no_identity",no_tls_reason="loopback"} 1`,
    `control_response_latency_ms_count{${labels},tls="no_identity",no_tls_reason="loopback",status_code="200"} 1`,
  ]) {
    expect(text).toContain(line);
  }
  channel.close();
  await until(() => metrics().includes('control_response_total'));
  expect(metrics()).toContain(
    `control_response_total{${labels},tls="no_identity",no_tls_reason="loopback",status_code="200",classification="failure",error="unclassified"} 1`,
  );
});
