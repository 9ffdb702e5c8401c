// The proxy as a process under Linkerd's environment variables. The binary is PROXY_BIN, by default this repository's bundle.
// Its original destinations come from an address book, whose ports are all free ones that the process reports.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Endpoint, formatSocketAddress, parseExposition, parseSocketAddress, type Sample, type SocketAddress } from '@weft/core';
import { certificatesToPem } from '@weft/identity/authority';
import type { AddressBook } from '@weft/proxy/sidecar';
import { onTestFinished, TestRunner } from 'vitest';
import type { ControlPlane } from './control-plane.ts';

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
  /** Default: PROXY_BIN, else the bundle. */
  readonly binary?: string | undefined;
  /** Real address of the admin listener. Default: a free port of 127.0.0.1. */
  readonly admin?: string;
  /** Added to the environment; undefined removes. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface ProxyProcess extends AsyncDisposable {
  readonly identity: string;
  readonly pid: number;
  readonly logs: readonly LogLine[];
  /** Real port for connections of the application to a virtual address. */
  outboundPort(address: string): number;
  /** Real address behind a virtual port: what peers' books say. */
  inboundAddress(port: number): string;
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
  /** Exit code, when it has ended. */
  readonly exited: Promise<number | null>;
  /** The first log line with this message, now or later. */
  log(message: RegExp): Promise<LogLine>;
}

export const BUNDLE = fileURLToPath(new URL('../../../packages/cli/dist/bundle/weft-proxy.mjs', import.meta.url));
const ANY = '127.0.0.1:0';
/** The port of direct connections. */
const INBOUND_PORT = 4143;

/** Runs the binary to its end. */
export async function runProxy(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  binary?: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = launch(args, env, binary);
  const [stdout, stderr, code] = await Promise.all([text(stdoutOf(child)), text(stderrOf(child)), exitOf(child)]);
  return { code, stdout, stderr };
}

/** Runs the binary to its end, from a shell that first does this: for environments that Node cannot make. */
export async function runInShell(prelude: string): Promise<{ code: number | null; stderr: string }> {
  const child = start('sh', ['-c', `${prelude}; exec "$@"`, 'sh', ...command([])], {});
  const [stderr, code] = await Promise.all([text(stderrOf(child)), exitOf(child), text(stdoutOf(child))]);
  return { code, stderr };
}

/** Resolves when the process listens. */
export async function startProxy(options: ProxyProcessOptions): Promise<ProxyProcess> {
  const { control, name, ip, ports = {}, connectsTo = {} } = options;
  const dir = mkdtempSync(join(tmpdir(), `weft-proxy-${name}-`));
  const identity = `${name}.ns.serviceaccount.identity.linkerd.cluster.local`;
  const virtualPorts = [...Object.keys(ports).map(Number), INBOUND_PORT];
  let book: AddressBook = {
    listen: { '4191': options.admin ?? ANY },
    inbound: virtualPorts.map((port) => ({ listen: ANY, originalDst: `${ip}:${port}` })),
    outbound: Object.entries(connectsTo).map(([originalDst, authority]) => ({ listen: ANY, originalDst, authority })),
    dial: { ...Object.fromEntries(Object.entries(ports).map(([port, real]) => [`${ip}:${port}`, `127.0.0.1:${real}`])), ...options.dial },
    hosts: options.hosts ?? {},
  };
  const bookPath = join(dir, 'address-book.json');
  const writeBook = (): void => {
    writeFileSync(`${bookPath}.new`, JSON.stringify(book));
    renameSync(`${bookPath}.new`, bookPath);
  };
  writeBook();
  writeFileSync(join(dir, 'token'), `token of ${name}`);
  const child = launch([], { ...environmentOf({ control, identity, ip, dir }), WEFT_PROXY_ADDRESS_BOOK: bookPath, ...options.env }, options.binary);
  const logs = follow(child);
  const exited = exitOf(child);
  const listening = await Promise.race([logs.find(/^Listening$/), exited.then((code) => failed(`exited with ${code} before it listened`, logs.lines))]);
  const addresses = (field: string): readonly SocketAddress[] => {
    const list = listening[field];
    return (Array.isArray(list) ? list : [list]).flatMap((address) => parseSocketAddress(String(address)) ?? []);
  };
  const at = (list: readonly SocketAddress[], index: number, what: string): SocketAddress => list[index] ?? failed(`no listener for ${what}`, logs.lines);
  const inbound = addresses('inbound');
  const outbound = addresses('outbound');
  const adminPort = at(addresses('admin'), 0, 'admin').port;

  const proxy: ProxyProcess = {
    identity,
    pid: child.pid ?? failed('no process', logs.lines),
    logs: logs.lines,
    exited,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    adminPort,
    log: logs.find,
    outboundPort: (address) => at(outbound, Object.keys(connectsTo).indexOf(address), address).port,
    inboundAddress: (port) => formatSocketAddress(at(inbound, virtualPorts.indexOf(port), String(port))),
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
    rewrite(change) {
      book = change(book);
      writeBook();
    },
    signal: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      if (proxy.running) child.kill('SIGKILL');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return proxy;
}

/** Waits until the proxy holds its certificate. */
export async function readyProxy(options: ProxyProcessOptions): Promise<ProxyProcess> {
  const proxy = await startProxy(options);
  await Promise.race([proxy.log(/^Ready$/), proxy.exited.then((code) => failed(`exited with ${code} before it was ready`, proxy.logs))]);
  return proxy;
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

function launch(args: readonly string[], env: Readonly<Record<string, string | undefined>>, binary?: string): ChildProcess {
  const [program, ...rest] = command(args, binary);
  return start(program, rest, env);
}

function command(args: readonly string[], binary = process.env['PROXY_BIN'] ?? BUNDLE): [program: string, ...args: string[]] {
  if (!existsSync(binary)) throw new Error(`${binary} does not exist: build first (npm run build), or set PROXY_BIN`);
  return /\.[cm]?js$/.test(binary) ? [process.execPath, binary, ...args] : [binary, ...args];
}

/** The environment is made from nothing: what the shell of the test has must not matter. */
function start(program: string, args: readonly string[], env: Readonly<Record<string, string | undefined>>): ChildProcess {
  const child = spawn(program, args, { env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = (): void => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  };
  // A test that ran out of time never gets to its disposals; suites and benchmarks run proxies too, outside of one test.
  if (process.env['VITEST'] !== undefined && TestRunner.getCurrentTest() !== undefined) onTestFinished(end);
  else {
    process.once('exit', end);
    child.once('close', () => process.off('exit', end));
  }
  return child;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
}

interface FollowedLog {
  readonly lines: readonly LogLine[];
  find(message: RegExp): Promise<LogLine>;
}

function follow(child: ChildProcess): FollowedLog {
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: stderrOf(child) }).on('line', (line) => {
    lines.push(parseLine(line));
    for (const check of waiting) check();
  });
  return {
    lines,
    find: (message) =>
      new Promise((resolve) => {
        const check = (): void => {
          const found = lines.find((line) => message.test(line.message));
          if (!found) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      }),
  };
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return { level: 'raw', message: line };
  }
}

function stdoutOf({ stdout }: ChildProcess): NonNullable<ChildProcess['stdout']> {
  if (!stdout) throw new TypeError('no stdout');
  return stdout;
}

function stderrOf({ stderr }: ChildProcess): NonNullable<ChildProcess['stderr']> {
  if (!stderr) throw new TypeError('no stderr');
  return stderr;
}

function failed(what: string, lines: readonly LogLine[]): never {
  throw new Error(`${what}\n${lines.map((line) => JSON.stringify(line)).join('\n')}`);
}
