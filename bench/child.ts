// Programs that run beside the benchmark. Each is ended by its own process id, and ours end by themselves when this process is gone.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export interface Child {
  readonly pid: number;
  close(): Promise<void>;
}

/** An executable with its path, where it is on this machine. */
export function findProgram(name: string): string | undefined {
  // Debian keeps servers where a user's PATH does not lead.
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` };
  const { status, stdout } = spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8', env });
  return status === 0 ? stdout.trim() : undefined;
}

/** A server that is ready when it accepts connections on `port`. */
export async function startServer(program: string, args: readonly string[], port: number): Promise<Child> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString('utf8')).slice(-2000)));
  for (let tries = 0; tries < 100; tries++) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}: ${complaint}`);
    if (await accepts(port)) return asChild(child);
    await delay(50);
  }
  child.kill('SIGKILL');
  throw new Error(`${program} does not accept connections: ${complaint}`);
}

/** One of our own files. Its first line says, as JSON, what there is to know of it: `{"port":1234}`. */
export async function startOwn(file: string, ...args: readonly (string | number)[]): Promise<Child & { readonly port: number }> {
  const child = spawn(process.execPath, [...process.execArgv, fileURLToPath(new URL(file, import.meta.url)), ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${file} ended with ${String(code)}`);
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

function asChild(child: ChildProcess): Child {
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
