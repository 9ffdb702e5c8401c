// A process inside the node namespace that opens sockets there and hands them to this one: listeners for the API server and
// DNS, connections to pods. Once handed over, bytes do not pass through it. spec/runtime.md §1.7.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket as DatagramSocket } from 'node:dgram';
import { Server, Socket } from 'node:net';
import { toolEnv } from './tools.ts';

export interface NodeHelper {
  readonly pid: number | undefined;
  listen(host: string, port: number): Promise<Server>;
  listenDatagrams(host: string, port: number): Promise<DatagramSocket>;
  connect(host: string, port: number): Promise<Socket>;
  close(): Promise<void>;
}

/** Kept as text so that it runs wherever this package is bundled to. */
const PROGRAM = `
const net = require('node:net');
const dgram = require('node:dgram');
const fail = (id) => (error) => process.send({ id, error: error.message });
process.on('message', ({ id, kind, host, port }) => {
  if (kind === 'listen') {
    const server = net.createServer({ allowHalfOpen: true });
    server.once('error', fail(id));
    server.listen({ host, port }, () => process.send({ id }, server, () => server.close()));
  } else if (kind === 'datagrams') {
    const socket = dgram.createSocket('udp4');
    socket.once('error', fail(id));
    socket.bind({ port, address: host }, () => process.send({ id }, socket, () => socket.close()));
  } else {
    const socket = new net.Socket({ allowHalfOpen: true });
    socket.pause();
    socket.setTimeout(5000, () => socket.destroy(new Error('no connection within 5 s')));
    socket.once('error', fail(id));
    socket.connect({ host, port }, () => {
      socket.setTimeout(0);
      process.send({ id }, socket);
    });
  }
});
process.on('disconnect', () => process.exit(0));
process.send({ id: 0 });
`;

interface Reply {
  readonly id: number;
  readonly error?: string;
}

export async function startNodeHelper(options: { readonly nsenter: string; readonly setpriv: string; readonly namespace: string }): Promise<NodeHelper> {
  const args = [`--net=/run/netns/${options.namespace}`, '--', options.setpriv, '--pdeathsig', 'KILL', '--', process.execPath, '-e', PROGRAM];
  const child = spawn(options.nsenter, args, { env: { ...toolEnv }, cwd: '/', stdio: ['ignore', 'ignore', 'inherit', 'ipc'], detached: true });
  const waiting = new Map<number, { resolve(handle: unknown): void; reject(error: Error): void }>();
  let next = 1;
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    const end = (error: Error): void => {
      ended = true;
      for (const one of waiting.values()) one.reject(error);
      waiting.clear();
      resolve();
    };
    child.once('error', end);
    child.once('exit', () => end(new Error('the helper in the node namespace has ended')));
  });
  child.on('message', (reply: Reply, handle) => {
    const one = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.error === undefined) one?.resolve(handle);
    else one?.reject(new Error(reply.error));
  });
  const ask = async (request: object): Promise<unknown> => {
    const id = next++;
    return await new Promise((resolve, reject) => {
      if (ended) return reject(new Error('the helper in the node namespace has ended'));
      waiting.set(id, { resolve, reject });
      child.send({ id, ...request });
    });
  };
  await ready(waiting);
  return {
    pid: child.pid,
    async listen(host, port) {
      const server = await ask({ kind: 'listen', host, port });
      if (!(server instanceof Server)) throw new Error('the helper answered without a listener');
      return server;
    },
    listenDatagrams: async (host, port) => (await ask({ kind: 'datagrams', host, port })) as DatagramSocket,
    async connect(host, port) {
      const socket = await ask({ kind: 'connect', host, port });
      if (!(socket instanceof Socket)) throw new Error('the helper answered without a connection');
      socket.allowHalfOpen = true;
      return socket;
    },
    async close() {
      endHelper(child);
      await exited;
    },
  };
}

function ready(waiting: Map<number, { resolve(handle: unknown): void; reject(error: Error): void }>): Promise<void> {
  return new Promise((resolve, reject) => waiting.set(0, { resolve: () => resolve(), reject }));
}

function endHelper(child: ChildProcess): void {
  if (child.connected) child.disconnect();
  else child.kill('SIGKILL');
}
