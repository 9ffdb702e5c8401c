// The proxy as a process under Linkerd's environment variables: in a pod whose connections are intercepted by one of two drivers.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Endpoint, formatSocketAddress, parseExposition, type Sample } from '@weft/core';
import { certificatesToPem, createKeyAndRequest } from '@weft/identity/authority';
import type { AddressBook } from '@weft/proxy/sidecar';
import type { ControlPlane } from './control-plane.ts';
import { intercept, type Pod } from './interception.ts';
import { type Environment, type LaunchOptions, type LogLine, launch } from './launch.ts';

export interface ProxyProcessOptions {
  readonly control: ControlPlane;
  /** Names the workload: `<name>.ns.serviceaccount.identity.linkerd.cluster.local`. */
  readonly name: string;
  /** Virtual address of the pod. */
  readonly ip: string;
  /** Virtual port → real port of the application on 127.0.0.1. */
  readonly ports?: Readonly<Record<number, number>>;
  /** Virtual addresses this pod connects to, each with its authority. */
  readonly connectsTo?: Readonly<Record<string, string>>;
  /** Virtual addresses elsewhere: meshed peers, or applications without a proxy. */
  readonly dial?: Readonly<Record<string, string>>;
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
  /** Real address of the admin listener, behind an address book. Default: a free port of 127.0.0.1. */
  readonly admin?: string;
  /** Added to the environment; undefined removes. */
  readonly env?: Environment;
  /** Default: PROXY_BIN, or the bundle. */
  readonly binary?: string | undefined;
}

export interface ProxyProcess extends AsyncDisposable {
  readonly identity: string;
  readonly pid: number;
  readonly logs: readonly LogLine[];
  /** Where the application connects to reach a virtual address. */
  outboundAddress(address: string): string;
  /** Its port, behind an address book, where it is one of this machine's. */
  outboundPort(address: string): number;
  /** Where others connect to reach a virtual port: what peers' books say. */
  inboundAddress(port: number): string;
  /** Where observers connect; undefined where nobody can. */
  readonly tapAddress: string | undefined;
  endpoint(port: number, extra?: Partial<Endpoint>): Endpoint;
  readonly adminPort: number;
  /** GET of the admin listener. */
  admin(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Sum of the samples of a metric that have all these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  samples(name: string): Promise<readonly Sample[]>;
  /** Changes the book. */
  rewrite(change: (book: AddressBook) => AddressBook): void;
  signal(name: 'SIGTERM' | 'SIGINT'): void;
  readonly running: boolean;
  /** Resolves when it holds its certificate. */
  ready(): Promise<void>;
  /** Exit code, when it has ended. */
  readonly exited: Promise<number | null>;
  /** The first log line with this message, now or later. */
  log(message: RegExp): Promise<LogLine>;
}

/** Resolves when the process listens. */
export async function startProxy(options: ProxyProcessOptions): Promise<ProxyProcess> {
  const { control, name, ip, ports = {}, connectsTo = {} } = options;
  const dir = mkdtempSync(join(tmpdir(), `weft-proxy-${name}-`));
  const identity = `${name}.ns.serviceaccount.identity.linkerd.cluster.local`;
  writeFileSync(join(dir, 'token'), `token of ${name}`);
  const pod: Pod = { ip, ports, connectsTo, dial: options.dial ?? {}, hosts: options.hosts ?? {}, admin: options.admin };
  return startPodProxy({ name, identity, pod, dir, env: { ...environmentOf({ control, identity, ip, dir }) }, more: options.env, binary: options.binary });
}

export interface PodProxyOptions {
  /** Shown in metric labels. */
  readonly name: string;
  readonly identity: string;
  readonly pod: Pod;
  /** Gets the key and the signing request, in `identity`; removed with the proxy. */
  readonly dir: string;
  /** Everything but where it listens. */
  readonly env: Environment;
  /** Over all else. */
  readonly more?: Environment | undefined;
  readonly binary?: string | undefined;
  readonly mounts?: LaunchOptions['mounts'];
}

/** Resolves when the process listens. */
export async function startPodProxy(options: PodProxyOptions): Promise<ProxyProcess> {
  const { name, identity, pod, dir, binary, mounts } = options;
  const { ip } = pod;
  mkdirSync(join(dir, 'identity'));
  await writeKey(join(dir, 'identity'), identity);
  const interception = intercept(pod, dir);
  const program = launch({ env: { ...options.env, ...interception.env, ...options.more }, binary, gid: interception.gid, mounts });
  const addresses = await interception.addresses(program);
  const adminPort = portOf(addresses.admin);

  const proxy: ProxyProcess = {
    identity,
    pid: program.pid,
    logs: program.logs,
    exited: program.exited,
    get running() {
      return program.running;
    },
    adminPort,
    log: program.log,
    ready: () => interception.ready(program, addresses),
    outboundAddress: addresses.outbound,
    outboundPort: (address) => portOf(addresses.outbound(address)),
    inboundAddress: addresses.inbound,
    tapAddress: addresses.tap,
    endpoint: (port, extra) => ({
      address: { ip, port },
      weight: 10_000,
      labels: { namespace: 'ns', pod: name },
      identity: { id: { kind: 'dns', name: identity }, serverName: identity },
      hint: 'h2',
      ...extra,
    }),
    async admin(path) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ host: '127.0.0.1', port: adminPort, path, agent: false }, resolve).on('error', reject).end();
      });
      return { status: response.statusCode ?? 0, body: await text(response) };
    },
    async samples(metric) {
      return parseExposition((await proxy.admin('/metrics')).body).filter(({ name: found }) => found === metric);
    },
    async metric(metric, labels = {}) {
      const matching = (await proxy.samples(metric)).filter((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
      return matching.reduce((sum, { value }) => sum + value, 0);
    },
    rewrite: interception.rewrite,
    signal: program.signal,
    async [Symbol.asyncDispose]() {
      await program.kill();
      interception.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return proxy;
}

/** Waits until the proxy holds its certificate. */
export async function readyProxy(options: ProxyProcessOptions): Promise<ProxyProcess> {
  const proxy = await startProxy(options);
  await proxy.ready();
  return proxy;
}

/** What the initialization of a pod leaves there for proxies that make none of their own. */
async function writeKey(dir: string, identity: string): Promise<void> {
  const { key, request: csr } = await createKeyAndRequest(identity);
  writeFileSync(join(dir, 'key.p8'), key);
  writeFileSync(join(dir, 'csr.der'), csr);
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

export interface EnvironmentOptions {
  readonly control: ControlPlane;
  readonly identity: string;
  readonly ip: string;
  /** Of the token and the key. */
  readonly dir: string;
}

/** What the injector would set, apart from listen addresses. */
export function environmentOf({ control, identity, ip, dir }: EnvironmentOptions): Record<string, string> {
  const address = formatSocketAddress(control.address);
  const P = 'LINKERD2_PROXY_';
  return {
    [`${P}LOG`]: 'debug',
    [`${P}LOG_FORMAT`]: 'JSON',
    [`${P}DESTINATION_SVC_ADDR`]: address,
    [`${P}POLICY_SVC_ADDR`]: address,
    [`${P}IDENTITY_SVC_ADDR`]: address,
    [`${P}POLICY_WORKLOAD`]: JSON.stringify({ ns: 'ns', pod: identity }),
    [`${P}DESTINATION_CONTEXT`]: JSON.stringify({ ns: 'ns', pod: identity }),
    [`${P}DESTINATION_PROFILE_NETWORKS`]: '10.0.0.0/8',
    [`${P}POLICY_CLUSTER_NETWORKS`]: '10.0.0.0/8',
    [`${P}INBOUND_DEFAULT_POLICY`]: 'all-unauthenticated',
    [`${P}INBOUND_IPS`]: ip,
    [`${P}IDENTITY_DIR`]: join(dir, 'identity'),
    [`${P}IDENTITY_TOKEN_FILE`]: join(dir, 'token'),
    [`${P}IDENTITY_TRUST_ANCHORS`]: certificatesToPem(control.authority.anchors),
    [`${P}IDENTITY_LOCAL_NAME`]: identity,
  };
}
