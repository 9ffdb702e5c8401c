// Two workers' listeners in one thread: real descriptors, real connections.
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { constantWatch, type SocketAddress, silentLogger } from '@weft/core';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Listener } from '../../config.ts';
import { descriptorOf, socketCalls } from '../socket-calls.ts';
import { balancedListeners } from './balanced-listener.ts';
import type { SharedListener } from './messages.ts';
import { shareListeners } from './share-listeners.ts';
import { SharedCells } from './shared-cells.ts';

const ANY: Listener = { listen: { ip: '127.0.0.1', port: 0 } };

const calls = socketCalls();

/** Binds once, for this many workers. */
async function shared(workers: number): Promise<{ readonly address: SocketAddress; readonly given: readonly SharedListener[] }> {
  if ('unavailable' in calls) throw new Error(calls.unavailable);
  const given: SharedListener[] = [];
  const listeners = shareListeners({
    name: 'test',
    listeners: constantWatch([ANY]),
    backlog: undefined,
    workers,
    calls,
    logger: silentLogger,
    onListeners: (_worker, list) => given.push(...list),
  });
  await listeners.bound;
  const [address] = listeners.addresses;
  if (!address) throw new Error('nothing is bound');
  return { address, given };
}

function worker(index: number, cells: SharedCells, given: SharedListener | undefined, toOthers: (to: number, listener: SocketAddress, fd: number) => void) {
  if ('unavailable' in calls) throw new Error(calls.unavailable);
  if (!given) throw new Error('nothing was given');
  const sockets: Socket[] = [];
  const listeners = balancedListeners({
    worker: index,
    cells,
    calls,
    post: (message) => message.kind === 'connection' && toOthers(message.to, message.listener, message.fd),
    onConnection: () => undefined,
  });
  listeners.expect(given);
  const open = listeners.open(given.listener, undefined, (socket) => sockets.push(socket));
  onTestFinished(() => {
    open.close();
    for (const socket of sockets) socket.destroy();
  });
  return { listeners, open, sockets };
}

async function client(address: SocketAddress): Promise<Socket> {
  const socket = connect({ host: address.ip, port: address.port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const LINUX = process.platform === 'linux';

test.runIf(LINUX)('each worker has a descriptor of its own: where one stops, the others accept on', async () => {
  const cells = new SharedCells(2);
  const { address, given } = await shared(2);
  expect(new Set(given.map(({ fd }) => fd)).size).toBe(2);
  const [one, two] = given.map((listener, index) => worker(index, cells, listener, () => undefined));
  await Promise.all([one?.open.opened, two?.open.opened]);
  expect([one?.open.address, two?.open.address]).toEqual([address, address]);
  one?.open.close();
  cells.retire(0);
  for (let n = 0; n < 3; n++) await client(address);
  await vi.waitFor(() => expect(two?.sockets).toHaveLength(3));
  two?.open.close();
  const refused = connect(address.port, address.ip);
  await expect(once(refused, 'connect')).rejects.toThrow('ECONNREFUSED');
});

test.runIf(LINUX)('a worker with more connections passes the next one on, unread and whole', async () => {
  const cells = new SharedCells(2);
  const { address, given } = await shared(1);
  const passed: number[] = [];
  const other = worker(1, cells, (await shared(1)).given[0], () => undefined);
  const busy = worker(0, cells, given[0], (to, _listener, fd) => {
    expect(to).toBe(1);
    passed.push(fd);
    other.listeners.adopt((other.open.address ?? address) as SocketAddress, fd);
  });
  await Promise.all([busy.open.opened, other.open.opened]);
  const clients = [await client(address), await client(address), await client(address), await client(address)];
  await vi.waitFor(() => expect([busy.sockets.length, other.sockets.length]).toEqual([2, 2]));
  expect([cells.connections(0), cells.connections(1)]).toEqual([2, 2]);
  expect(passed.map((fd) => readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:'))).toEqual([true, true]);
  // The bytes of the client are all there, its end is seen, and the answer comes after it.
  const [, second] = clients;
  const [adopted] = other.sockets;
  second?.end('hello');
  expect(adopted?.isPaused()).toBe(true);
  const bytes: string[] = [];
  adopted?.on('data', (chunk: Buffer) => bytes.push(chunk.toString())).resume();
  if (adopted) await once(adopted, 'end');
  expect(bytes.join('')).toBe('hello');
  adopted?.end('answer');
  const [answer] = second ? ((await once(second, 'data')) as [Buffer]) : [];
  expect(String(answer)).toBe('answer');
  for (const socket of [...clients, ...busy.sockets, ...other.sockets]) socket.destroy();
  await vi.waitFor(() => expect([cells.connections(0), cells.connections(1)]).toEqual([0, 0]));
});

test.runIf(LINUX)('a connection for a listener that was closed meanwhile is closed, and counted no more', async () => {
  if ('unavailable' in calls) throw new Error(calls.unavailable);
  const cells = new SharedCells(2);
  const { given } = await shared(1);
  const one = worker(0, cells, given[0], () => undefined);
  await one.open.opened;
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const from = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  const fd = calls.duplicate(descriptorOf(accepted) ?? -1) ?? -1;
  accepted.destroy();
  cells.connected(0);
  const closed = once(from.resume(), 'close');
  one.listeners.adopt({ ip: '127.0.0.1', port: 1 }, fd);
  await closed;
  expect([cells.connections(0), one.sockets.length]).toEqual([0, 0]);
});
