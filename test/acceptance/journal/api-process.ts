// Starts an API server with a journal as a process of its own, which can be killed and started again in its place.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface ApiProcessOptions {
  /** Of the journal. */
  readonly path: string;
  readonly compactAboveBytes?: number;
  /** Of a former life, to take its place. Default: a free one. */
  readonly port?: number;
  /** Files of the process cannot grow beyond that, as on a full disk. */
  readonly maxFileKiB?: number;
}

export interface ApiProcess {
  readonly child: ChildProcess;
  readonly url: string;
  /** SIGKILL, unless it has ended. Resolves when it is gone. */
  kill(): Promise<void>;
}

export async function startApiProcess({ path, compactAboveBytes = 1_000_000, port = 0, maxFileKiB }: ApiProcessOptions): Promise<ApiProcess> {
  const main = fileURLToPath(new URL('server-process.ts', import.meta.url));
  const command = [process.execPath, '--import', 'tsx', '--conditions=weft-source', main, path, String(compactAboveBytes), String(port)];
  const limited = maxFileKiB === undefined ? command : ['bash', '-c', `ulimit -f ${maxFileKiB}; exec "$0" "$@"`, ...command];
  const [program = '', ...args] = limited;
  // With the cache of tsx written before, if at all: it is under the limit too.
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TSX_DISABLE_CACHE: '1' } });
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return {
    child,
    url,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
