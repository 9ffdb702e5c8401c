// A process of the control plane. The binary is DESTINATION_BIN, POLICY_BIN, IDENTITY_BIN or INJECTOR_BIN; by default this
// repository's bundle. Ports are chosen here, so that any implementation that takes Linkerd's flags can stand in.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseExposition } from '@weft/core';
import { grpcChannel, type RpcChannel } from '@weft/wire';

export type ControllerName = 'destination' | 'policy' | 'identity' | 'injector';

/** Names of the flags for the serving and the admin address. */
const LISTEN_FLAGS: Readonly<Record<ControllerName, readonly [serve: string, admin: string]>> = {
  destination: ['addr', 'metrics-addr'],
  policy: ['grpc-addr', 'admin-addr'],
  identity: ['addr', 'admin-addr'],
  injector: ['addr', 'metrics-addr'],
};

/** For what this project promises beyond Linkerd: such tests do not hold for other binaries. */
export const isForeign = (name: ControllerName): boolean => process.env[`${name.toUpperCase()}_BIN`] !== undefined;

const running = new Set<Controller>();

/** For `afterAll`: ends what a test left behind that failed or timed out, and what `beforeAll` started. */
export async function stopControllers(): Promise<void> {
  await Promise.all([...running].map((controller) => controller[Symbol.asyncDispose]()));
}

export interface Controller extends AsyncDisposable {
  /** Of the gRPC server or the webhook, on 127.0.0.1. */
  readonly port: number;
  /** A connection of its own, closed with the controller. */
  channel(): RpcChannel;
  /** GET of the admin server. */
  admin(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** Sum of the samples of a metric that have all these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Everything it wrote to stderr so far. */
  readonly log: string;
  /** Resolves with the exit code after SIGTERM. */
  terminate(): Promise<number | null>;
}

export interface ControllerOptions {
  /** False: resolves when the admin server answers, not when `/ready` says so. */
  readonly ready?: boolean;
  /** To serve on, of a controller that was there before. Default: a free one. */
  readonly port?: number;
  /** Name of the pod that it would be. Default: of the first one. */
  readonly hostname?: string;
}

/** Resolves when `/ready` says so, unless `ready` is false. */
export async function startController(name: ControllerName, args: readonly string[], options: ControllerOptions = {}): Promise<Controller> {
  for (let attempt = 1; ; attempt++) {
    const controller = await launch(name, args, options);
    if (await controller.answers(options.ready ?? true)) return controller;
    await controller[Symbol.asyncDispose]();
    // Somebody else took one of the ports between our choice and its start.
    if (attempt === 5 || !/EADDRINUSE|address already in use/i.test(controller.log)) throw new Error(`${name} did not become ready\n${controller.log}`);
  }
}

/** Runs the binary to its end. */
export async function runController(
  name: ControllerName,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = start(name, args);
  const ended = once(child, 'close');
  const read = async (stream: Readable | null): Promise<string> => (stream ? text(stream) : '');
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)]);
  await ended;
  return { code: child.exitCode, stdout, stderr };
}

interface Launched extends Controller {
  /** False when it ended before. */
  answers(ready: boolean): Promise<boolean>;
}

async function launch(name: ControllerName, args: readonly string[], { port: given, hostname }: ControllerOptions): Promise<Launched> {
  const [serveFlag, adminFlag] = LISTEN_FLAGS[name];
  const [free, adminPort] = await freePorts();
  const port = given ?? free;
  const child = start(name, [`--${serveFlag}=127.0.0.1:${port}`, `--${adminFlag}=127.0.0.1:${adminPort}`, ...args], hostname);
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  child.stdout?.resume();
  const ended = once(child, 'close');
  const channels = new Set<RpcChannel>();
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const closeChannels = (): void => {
    for (const channel of channels) channel.close();
  };

  const controller: Launched = {
    port,
    channel() {
      const channel = grpcChannel({ target: `127.0.0.1:${port}` });
      channels.add(channel);
      return channel;
    },
    async admin(path) {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request({ host: '127.0.0.1', port: adminPort, path, agent: false }, resolve).on('error', reject).end();
      });
      return { status: response.statusCode ?? 0, body: await text(response) };
    },
    async metric(metric, labels = {}) {
      const samples = parseExposition((await controller.admin('/metrics')).body);
      const matching = samples.filter((sample) => sample.name === metric && Object.entries(labels).every(([key, value]) => sample.labels[key] === value));
      return matching.reduce((sum, { value }) => sum + value, 0);
    },
    get log() {
      return log;
    },
    async answers(ready) {
      while (!hasEnded()) {
        const status = await controller.admin('/ready').then(
          (answer) => answer.status,
          () => 0,
        );
        if (status === 200 || (!ready && status !== 0)) return true;
        await delay(20);
      }
      await ended;
      return false;
    },
    async terminate() {
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
    async [Symbol.asyncDispose]() {
      closeChannels();
      if (!hasEnded()) child.kill('SIGKILL');
      await ended;
      running.delete(controller);
    },
  };
  running.add(controller);
  return controller;
}

/** Two ports that nobody listens on. Both are held until both are known, so that they differ. */
async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  const [first = 0, second = 0] = ports;
  return [first, second];
}

/** The environment is made from nothing: what the shell of the test has must not matter. */
function start(name: ControllerName, args: readonly string[], hostname = `linkerd-${name}-0`): ChildProcess {
  const bundle = fileURLToPath(new URL(`../../../packages/cli/dist/bundle/weft-${name}.mjs`, import.meta.url));
  const variable = `${name.toUpperCase()}_BIN`;
  const binary = process.env[variable] ?? bundle;
  if (!existsSync(binary)) throw new Error(`${binary} does not exist: build first (npm run build), or set ${variable}`);
  const command = /\.[cm]?js$/.test(binary) ? [process.execPath, binary] : [binary];
  const [program = '', ...rest] = isForeign(name) ? mounted(name, command, args) : [...command, ...args];
  return spawn(program, rest, { env: { HOSTNAME: hostname }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Flags of ours for files whose place Linkerd's program has built in. */
const BUILT_IN: Partial<Record<ControllerName, { readonly flag: string; readonly dir: string }>> = {
  identity: { flag: '-trust-roots=', dir: '/var/run/linkerd/identity/trust-roots' },
};

/** The directory of such a file is mounted where the program looks for it, in a mount namespace of its own: needs root. */
function mounted(name: ControllerName, command: readonly string[], args: readonly string[]): readonly string[] {
  const builtIn = BUILT_IN[name];
  const given = builtIn && args.find((arg) => arg.startsWith(builtIn.flag));
  if (!builtIn || given === undefined) return [...command, ...args];
  const script = 'mount -t tmpfs tmpfs /var/run && mkdir -p "$2" && mount --bind "$1" "$2" && shift 2 && exec "$@"';
  const dir = dirname(given.slice(builtIn.flag.length));
  return ['/usr/bin/env', 'unshare', '-m', '/bin/sh', '-c', script, 'sh', dir, builtIn.dir, ...command, ...args.filter((arg) => arg !== given)];
}
