// The ways a client can take to an application: past the client's proxy, past the server's, past both with mutual TLS between them.
// Two proxy processes serve a whole file: each application is a Service without a proxy and one with, so that every case runs three times.
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { Application } from '../process/applications.ts';
import { type ControlPlane, controlPlane } from '../process/control-plane.ts';
import { type ProxyProcess, readyProxy } from '../process/proxy-process.ts';
import { balanced, detectPolicy } from '../proxy/policies.ts';

const WAYS = ['an outbound proxy', 'an inbound proxy', 'a pair of proxies'] as const;
export type Way = (typeof WAYS)[number];

export interface Route<K extends string> {
  readonly way: Way;
  /** Where a client connects on 127.0.0.1 to reach an application this way. */
  port(application: K): number;
  /** The authority that an application sees of a client that names the listener: only an outbound proxy knows the Service's. */
  authority(application: K): string;
  /** What each proxy on the way has counted of an application's traffic: sums of a metric's samples that have these labels. */
  counted(application: K, metric: string, labels: Readonly<Record<string, string>>): Promise<readonly number[]>;
}

/** Runs the cases on every way to these applications, which are started first. */
export function onEveryWay<K extends string>(applications: Readonly<Record<K, () => Promise<Application>>>, cases: (route: Route<K>) => void): void {
  let scene: Scene | undefined;
  const started = (): Scene => scene ?? fail('not started');
  beforeAll(async () => {
    scene = await startScene(applications);
  }, START_LIMIT_MS);
  afterAll(async () => {
    const errors = scene?.proxies.flatMap(({ logs }) => logs.filter(({ level }) => level === 'ERROR' || level === 'raw'));
    await scene?.[Symbol.asyncDispose]();
    expect(errors).toEqual([]);
  });
  const names = Object.keys(applications);
  describe.each(WAYS)('through %s', (way) => {
    cases({
      way,
      port: (application) => started().port(way, names.indexOf(application)),
      authority: (application) =>
        way === 'an inbound proxy' ? `127.0.0.1:${started().port(way, names.indexOf(application))}` : serviceName(way, names.indexOf(application)),
      counted(application, metric, labels) {
        const { client, server } = started();
        const outbound = (): Promise<number> => client.metric(metric, { direction: 'outbound', ...labels });
        const target_port = String(virtualPort(names.indexOf(application)));
        const inbound = (): Promise<number> => server.metric(metric, { direction: 'inbound', target_port, ...labels });
        const both = { 'an outbound proxy': [outbound], 'an inbound proxy': [inbound], 'a pair of proxies': [outbound, inbound] };
        return Promise.all(both[way].map((read) => read()));
      },
    });
  });
}

interface Scene extends AsyncDisposable {
  readonly client: ProxyProcess;
  readonly server: ProxyProcess;
  readonly proxies: readonly ProxyProcess[];
  port(way: Way, index: number): number;
}

/** An application that shares a busy machine with others may take longer to accept than the defaults allow. */
const PATIENT = { LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT: '30s', LINKERD2_PROXY_OUTBOUND_CONNECT_TIMEOUT: '30s' };
/** Two processes start; on a busy machine that takes a while. */
const START_LIMIT_MS = 60_000;
/** Virtual addresses: the pod of the server, the machine without a proxy. */
const MESHED_IP = '10.42.0.5';
const PLAIN_IP = '10.42.0.9';

const virtualPort = (index: number): number => 8080 + index;
const serviceAddress = (way: Way, index: number): string => `10.43.${way === 'a pair of proxies' ? 1 : 0}.${index + 1}:80`;
const serviceName = (way: Way, index: number): string => `app-${index}.${way === 'a pair of proxies' ? 'meshed' : 'plain'}.svc.cluster.local:80`;

async function startScene(applications: Readonly<Record<string, () => Promise<Application>>>): Promise<Scene> {
  const opened: AsyncDisposable[] = [];
  const dispose = async (): Promise<void> => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  };
  const own = <T extends AsyncDisposable>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    const apps: Application[] = [];
    for (const start of Object.values(applications)) apps.push(own(await start()));
    const control = own(await controlPlane().start());
    const ports = Object.fromEntries(apps.map(({ port }, index) => [virtualPort(index), port]));
    const server = own(await readyProxy({ control, name: 'server', ip: MESHED_IP, ports, env: PATIENT }));
    const client = own(await startClient(control, server, apps));
    return {
      client,
      server,
      proxies: [client, server],
      port: (way, index) =>
        way === 'an inbound proxy' ? realPort(server.inboundAddress(virtualPort(index))) : client.outboundPort(serviceAddress(way, index)),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function startClient(control: ControlPlane, server: ProxyProcess, apps: readonly Application[]): Promise<ProxyProcess> {
  const connectsTo: Record<string, string> = {};
  const dial: Record<string, string> = {};
  for (const [index, { port }] of apps.entries()) {
    for (const way of ['an outbound proxy', 'a pair of proxies'] as const) {
      const name = serviceName(way, index);
      connectsTo[serviceAddress(way, index)] = name;
      control.outboundOf(serviceAddress(way, index)).set(detectPolicy(balanced(name)));
    }
    const plain = { ip: PLAIN_IP, port: virtualPort(index) };
    control.endpointsOf(serviceName('an outbound proxy', index)).set([{ address: plain, weight: 1, labels: {}, hint: 'none' }]);
    control.endpointsOf(serviceName('a pair of proxies', index)).set([server.endpoint(virtualPort(index))]);
    dial[`${PLAIN_IP}:${virtualPort(index)}`] = `127.0.0.1:${port}`;
    dial[`${MESHED_IP}:${virtualPort(index)}`] = server.inboundAddress(virtualPort(index));
  }
  return readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo, dial, env: PATIENT });
}

function realPort(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function fail(what: string): never {
  throw new Error(what);
}
