// An address at which connections are not established: a process that listens, and stands still with its queue full.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Application } from './applications.ts';

const LISTEN = "const s = require('net').createServer(); s.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => console.log(s.address().port))";
/** More than Linux lets wait for a listener with a backlog of one. */
const QUEUE = 8;

export async function frozenApplication(): Promise<Application> {
  const child = spawn(process.execPath, ['-e', LISTEN], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const port = Number(line);
  child.kill('SIGSTOP');
  // Once it stands still the kernel establishes as many as fit in its queue; the rest waits for ever.
  const waiting: Socket[] = Array.from({ length: QUEUE }, () => connect({ host: '127.0.0.1', port }).on('error', () => undefined));
  await Promise.all(waiting.slice(0, 2).map((socket) => once(socket, 'connect')));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
