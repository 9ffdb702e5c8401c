// The measured process: two workloads of a service and a client, each a proxy, with mutual TLS between them. The applications are elsewhere.
import type { LogRecord } from '@weft/core';
import { weftEngine } from '@weft/http';
import { balanced, clientPolicy, detectPolicy, firstOf, opaqueProtocol } from '../acceptance/proxy/policies.ts';
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
  plainTcp: ['10.43.0.11:80', 'plain-bytes.ns.svc.cluster.local:80'],
} as const;

const PLAIN = { ip: '10.42.0.9', port: 8080 };
const PLAIN_TCP = { ip: '10.42.0.9', port: 9000 };
/** Of silence, where it is what is tried: well before the churn that is silent loses patience. */
const IMPATIENT_MS = SILENCE_MS / 2;
/** Everywhere else: a machine that is busy with something else must not end the soak. */
const PATIENT_MS = 60_000;
/** Of what is not used any more; nothing fails by it. */
const IDLE_MS = 1_500;

export interface Books {
  /** `tcp_open_connections` of all proxies: what they believe to hold. */
  readonly openConnections: number;
  /** `weft_requests_in_flight` of all proxies. */
  readonly inFlight: number;
  /** Requests of all proxies. */
  readonly requests: number;
  /** Connections that applications made, and those with mutual TLS between proxies. */
  readonly connections: number;
  readonly handshakes: number;
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
  const census = new Census(weftEngine({ headTimeoutMs: PATIENT_MS }));
  const times = { detectTimeoutMs: PATIENT_MS, poolIdleMs: IDLE_MS, connectTimeoutMs: PATIENT_MS };
  const outbound = { ...times, failfastMs: PATIENT_MS, tcpFailfastMs: PATIENT_MS, discoveryIdleMs: IDLE_MS };
  const shared = { engine: census.engine, settings: { outbound, inbound: { ...times, policyIdleMs: IDLE_MS } } };
  const ports = { 8080: apps.http1, 8081: apps.http2, 9000: apps.tcp };
  const one = await mesh.workload('one', { ip: '10.42.0.5', ports, ...shared });
  const two = await mesh.workload('two', { ip: '10.42.0.6', ports, ...shared });
  const connectsTo = Object.values(SERVICES).map(([address, name]) => `${address}=${name}`);
  const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo, ...shared });
  // Only what the application does to its proxy has little time: handshakes between proxies have as much as elsewhere.
  const impatient = await mesh.workload('impatient', {
    ip: '10.42.0.7',
    connectsTo: [SERVICES.pair, SERVICES.plain].map(([address, name]) => `${address}=${name}`),
    engine: new Census(weftEngine({ headTimeoutMs: IMPATIENT_MS }), census).engine,
    settings: { outbound: { ...outbound, detectTimeoutMs: IMPATIENT_MS } },
  });
  mesh.addresses.set(`${PLAIN.ip}:${PLAIN.port}`, { ip: '127.0.0.1', port: apps.http1 });
  mesh.addresses.set(`${PLAIN_TCP.ip}:${PLAIN_TCP.port}`, { ip: '127.0.0.1', port: apps.tcp });
  for (const [address, name] of Object.values(SERVICES)) mesh.control.outboundOf(address).set(detectPolicy(balanced(name)));
  mesh.control.outboundOf(SERVICES.plainTcp[0]).set(clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(SERVICES.plainTcp[1]))) }));
  mesh.control.endpointsOf(SERVICES.plainTcp[1]).set([{ address: PLAIN_TCP, weight: 1, labels: {}, hint: 'none' }]);
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
  const workloads = [one, two, client, impatient];
  const sum = (name: string, ...labels: readonly string[]): number => workloads.reduce((total, { metrics }) => total + sample(metrics, name, ...labels), 0);
  return {
    entries: {
      pair: client.outboundPort(SERVICES.pair[0]),
      plain: client.outboundPort(SERVICES.plain[0]),
      http2: client.outboundPort(SERVICES.http2[0]),
      tcp: client.outboundPort(SERVICES.tcp[0]),
      plainTcp: client.outboundPort(SERVICES.plainTcp[0]),
      impatientPair: impatient.outboundPort(SERVICES.pair[0]),
      impatientPlain: impatient.outboundPort(SERVICES.plain[0]),
    },
    census,
    rotateEndpoints,
    forget() {
      mesh.dialled.length = 0;
      for (const { logs } of workloads) (logs as LogRecord[]).length = 0;
    },
    books: () => ({
      openConnections: sum('tcp_open_connections'),
      inFlight: sum('weft_requests_in_flight'),
      requests: sum('request_total'),
      connections: sum('tcp_open_total', 'direction="outbound"', 'peer="src"'),
      handshakes: sum('tcp_open_total', 'direction="inbound"', 'peer="src"', 'tls="true"'),
    }),
    lastWords: () => workloads.flatMap(({ name, logs }) => logs.slice(-20).map((record) => `${name}: ${JSON.stringify(record)}`)).join('\n'),
    [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose](),
  };
}
