// The measured process: two workloads of a service and a client, each a proxy, with mutual TLS between them. The applications are elsewhere.
import type { LogRecord } from '@weft/core';
import { weftEngine } from '@weft/http';
import { balanced, detectPolicy } from '../acceptance/proxy/policies.ts';
import { sample, TestMesh, type Workload } from '../acceptance/proxy/test-mesh.ts';
import type { ApplicationPorts } from './applications.ts';
import { Census } from './census.ts';
import type { Entries } from './churn.ts';
import { SILENCE_MS } from './churns/idle.ts';

/** What clients connect to: address and name. */
const SERVICES = {
  pair: ['10.43.0.7:80', 'web.ns.svc.cluster.local:80'],
  plain: ['10.43.0.8:80', 'plain.ns.svc.cluster.local:80'],
  http2: ['10.43.0.9:80', 'streams.ns.svc.cluster.local:80'],
  tcp: ['10.43.0.10:80', 'bytes.ns.svc.cluster.local:80'],
} as const;

const PLAIN = { ip: '10.42.0.9', port: 8080 };
/** Of silence: well before the churn that is silent loses patience. */
const TIMEOUT_MS = SILENCE_MS / 2;

export interface Books {
  /** `tcp_open_connections` of all proxies: what they believe to hold. */
  readonly openConnections: number;
  /** Requests that have no response yet, in the counters. */
  readonly inFlight: number;
  /** Requests of all proxies. */
  readonly requests: number;
}

export interface SoakWorld extends AsyncDisposable {
  readonly entries: Entries;
  readonly census: Census;
  rotateEndpoints(): void;
  /** Drops what the harness itself writes down. */
  forget(): void;
  books(): Books;
  /** The last that each proxy logged. */
  lastWords(): string;
}

export async function startWorld(apps: ApplicationPorts): Promise<SoakWorld> {
  const mesh = await TestMesh.start();
  const census = new Census(weftEngine({ headTimeoutMs: TIMEOUT_MS }));
  // Connecting has all the time there is: a machine that is busy with something else must not end the soak.
  const times = { detectTimeoutMs: TIMEOUT_MS, poolIdleMs: TIMEOUT_MS, connectTimeoutMs: 30_000 };
  const shared = {
    engine: census.engine,
    settings: {
      outbound: { ...times, failfastMs: 30_000, tcpFailfastMs: 30_000, discoveryIdleMs: TIMEOUT_MS },
      inbound: { ...times, policyIdleMs: TIMEOUT_MS },
    },
  };
  const ports = { 8080: apps.http1, 8081: apps.http2, 9000: apps.tcp };
  const one = await mesh.workload('one', { ip: '10.42.0.5', ports, ...shared });
  const two = await mesh.workload('two', { ip: '10.42.0.6', ports, ...shared });
  const connectsTo = Object.values(SERVICES).map(([address, name]) => `${address}=${name}`);
  const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo, ...shared });
  mesh.addresses.set(`${PLAIN.ip}:${PLAIN.port}`, { ip: '127.0.0.1', port: apps.http1 });
  for (const [address, name] of Object.values(SERVICES)) mesh.control.outboundOf(address).set(detectPolicy(balanced(name)));
  mesh.control.endpointsOf(SERVICES.plain[1]).set([{ address: PLAIN, weight: 1, labels: {}, hint: 'none' }]);
  mesh.control.endpointsOf(SERVICES.tcp[1]).set([one.endpoint(9000), two.endpoint(9000)]);

  const sets: readonly (readonly Workload[])[] = [[one, two], [one], [one, two], [two]];
  let turn = 0;
  const rotateEndpoints = (): void => {
    const set = sets[turn++ % sets.length] ?? [];
    mesh.control.endpointsOf(SERVICES.pair[1]).set(set.map((workload) => workload.endpoint(8080)));
    mesh.control.endpointsOf(SERVICES.http2[1]).set(set.map((workload) => workload.endpoint(8081)));
  };
  rotateEndpoints();
  const workloads = [one, two, client];
  const sum = (name: string): number => workloads.reduce((total, { metrics }) => total + sample(metrics, name), 0);
  return {
    entries: {
      pair: client.outboundPort(SERVICES.pair[0]),
      plain: client.outboundPort(SERVICES.plain[0]),
      http2: client.outboundPort(SERVICES.http2[0]),
      tcp: client.outboundPort(SERVICES.tcp[0]),
    },
    census,
    rotateEndpoints,
    forget() {
      mesh.dialled.length = 0;
      for (const { logs } of workloads) (logs as LogRecord[]).length = 0;
    },
    books: () => ({ openConnections: sum('tcp_open_connections'), inFlight: sum('request_total') - sum('response_total'), requests: sum('request_total') }),
    lastWords: () => workloads.flatMap(({ name, logs }) => logs.slice(-20).map((record) => `${name}: ${JSON.stringify(record)}`)).join('\n'),
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  };
}
