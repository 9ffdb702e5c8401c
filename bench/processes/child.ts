// Programs that run beside the benchmark. Each is ended by its own process id, and all of them when this process ends.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { ownProgram } from './own-programs.ts';

export interface Child {
  readonly pid: number;
  close(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** An executable with its path, where it is on this machine. */
export function findProgram(name: string): string | undefined {
  // Debian keeps servers where a user's PATH does not lead.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` };
  const { status, stdout } = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8', env });
  return status === 0 ? stdout.trim() : undefined;
}

/** Ends with this process at the latest. */
export function launch(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(program, args, options);
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

export interface ServerOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** User and group it runs as. */
  readonly uid?: number;
  /** Where it listens when it is ready. */
  readonly port: number;
}

/** A server that is ready when it accepts connections. */
export async function startServer(program: string, args: readonly string[], { port, env, uid }: ServerOptions): Promise<Child> {
  const child = launch(program, args, { stdio: ['ignore', 'ignore', 'pipe'], ...(env && { env }), ...(uid !== undefined && { uid, gid: uid }) });
  const failed = once(child, 'error').then(([error]) => {
    throw error as Error;
  });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString('utf8')).slice(-4000)));
  const ready = async (): Promise<Child> => {
    for (let tries = 0; tries < 200; tries++) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${program} ended with ${child.exitCode ?? child.signalCode}: ${complaint}`);
      if (await accepts(port)) return asChild(child);
      await delay(25);
    }
    await asChild(child).close();
    throw new Error(`${program} does not accept connections: ${complaint}`);
  };
  return Promise.race([ready(), failed]);
}

/** One of our own programs. Its first line says, as JSON, what there is to know of it: `{"port":1234}`. */
export async function startOwn(name: string, ...args: readonly (string | number)[]): Promise<Child & { readonly port: number }> {
  const child = launch(process.execPath, [ownProgram(name), ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (!child.stdout) throw new TypeError('no stdout');
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${name} ended with ${String(code)}`);
    }),
  ])) as [string];
  const { port } = JSON.parse(line) as { readonly port: number };
  return { ...asChild(child), port };
}

/** For programs that want to be told their port. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
}

export function asChild(child: ChildProcess): Child {
  const { pid } = child;
  if (pid === undefined) throw new Error('the program did not start');
  return {
    pid,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
