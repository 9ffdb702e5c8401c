import { createServer, type Server, type Socket } from 'node:net';
import { type Credentials, constantWatch, createWatch, manualClock, memoryLogger, type SocketAddress, seeded } from '@weft/core';
import { type CreatedAuthority, createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { tlsClient, tlsServer } from '@weft/tls';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { tcpDialer } from '../../connect/tcp-dialer.ts';
import type { Dialer } from '../../ports.ts';
import type { ControlAddress } from '../config/rules.ts';
import type { Resolver } from '../dns/resolver.ts';
import { controlDialer } from './control-dialer.ts';

const NAME = 'linkerd-destination.linkerd.serviceaccount.identity.linkerd.cluster.local';
const never = new AbortController().signal;
const open: { close(): void }[] = [];
let authority: CreatedAuthority;

beforeAll(async () => {
  authority = await createAuthority({ trustDomain: 'cluster.local' });
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer((socket) => {
    open.push({ close: () => socket.destroy() });
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

function setup(addresses: readonly SocketAddress[] | Error, address: Partial<ControlAddress> = {}) {
  const asked: string[] = [];
  const state = { addresses };
  const resolver: Resolver = {
    resolve(host) {
      asked.push(host);
      return state.addresses instanceof Error ? Promise.reject(state.addresses) : Promise.resolve({ addresses: state.addresses, ttlMs: 5_000 });
    },
  };
  const clock = manualClock();
  const tried: number[] = [];
  const tcp = tcpDialer();
  const dial: Dialer = (to, options) => {
    tried.push(to.port);
    return tcp(to, options);
  };
  const tls = tlsClient({ identity: { anchors: authority.anchors, credentials: createWatch<Credentials>().watch } });
  open.push(tls);
  const connect = controlDialer({
    address: { target: { host: 'dst.linkerd.', port: 8086, authority: 'dst.linkerd.:8086', loopback: false }, ...address },
    resolver,
    dial,
    tls,
    connectTimeoutMs: 1_000,
    clock,
    random: seeded(1),
    logger: memoryLogger(),
  });
  const dialled = async (): Promise<Socket> => {
    const socket = await connect(never);
    open.push({ close: () => socket.destroy() });
    return socket;
  };
  return { asked, clock, tried, state, dialled };
}

test('tries every address before it gives up, and asks DNS again afterwards', async () => {
  const port = await listen(() => undefined);
  const { dialled, asked, state, tried } = setup([
    { ip: '127.0.0.1', port: 1 },
    { ip: '127.0.0.1', port },
  ]);
  expect((await dialled()).remotePort).toBe(port);
  expect((await dialled()).remotePort).toBe(port);
  expect(asked).toEqual(['dst.linkerd.']);
  state.addresses = [{ ip: '127.0.0.1', port: 1 }];
  const gone = setup([{ ip: '127.0.0.1', port: 1 }]);
  await expect(gone.dialled()).rejects.toThrow('127.0.0.1:1: the endpoint refused the connection');
  await expect(gone.dialled()).rejects.toThrow('127.0.0.1:1');
  expect(gone.asked).toHaveLength(2);
  expect(tried.filter((one) => one === port)).toHaveLength(2);
});

test('a connection that the server ends is over on both sides', async () => {
  const port = await listen((socket) => socket.end());
  const socket = await setup([{ ip: '127.0.0.1', port }]).dialled();
  socket.resume();
  expect(await new Promise((resolve) => socket.once('close', () => resolve('closed')))).toBe('closed');
});

test('uses answers until their time is over, and old ones while DNS is away', async () => {
  const port = await listen(() => undefined);
  const { dialled, asked, clock, state } = setup([{ ip: '127.0.0.1', port }]);
  await dialled();
  clock.advance(4_999);
  await dialled();
  expect(asked).toHaveLength(1);
  clock.advance(1);
  state.addresses = new Error('no DNS');
  await dialled();
  expect(asked).toHaveLength(2);
  await expect(setup(new Error('no DNS')).dialled()).rejects.toThrow('no DNS');
});

test('verifies who answers before a byte is sent, also without an own certificate', async () => {
  const { key, request } = await createKeyAndRequest(NAME);
  const { leaf, intermediates, expiresAt } = await authority.issue(request, NAME);
  const credentials = { identity: NAME, serverName: NAME, key, chain: [leaf, ...intermediates], anchors: authority.anchors, expiresAt };
  const terminator = tlsServer({ credentials: constantWatch(credentials) });
  open.push(terminator);
  const port = await listen((socket) => {
    terminator.accept(socket).then(
      (accepted) => accepted.socket.end('hello'),
      () => undefined,
    );
  });
  const trusted = setup([{ ip: '127.0.0.1', port }], { serverName: NAME });
  const socket = await trusted.dialled();
  expect(await new Promise((resolve) => socket.once('data', (data: Buffer) => resolve(data.toString())))).toBe('hello');
  const other = setup([{ ip: '127.0.0.1', port }], { serverName: 'linkerd-policy.linkerd.serviceaccount.identity.linkerd.cluster.local' });
  await expect(other.dialled()).rejects.toThrow('carries another identity than expected');
});
