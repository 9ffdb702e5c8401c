import { createServer, type Server, type Socket } from 'node:net';
import { type Credentials, constantWatch, createWatch } from '@weft/core';
import { type CreatedAuthority, createAuthority, createKeyAndRequest } from '@weft/identity/authority';
import { tlsClient, tlsServer } from '@weft/tls';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { tcpDialer } from '../../connect/tcp-dialer.ts';
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

async function dialled(port: number, serverName?: string): Promise<Socket> {
  const tls = tlsClient({ identity: { anchors: authority.anchors, credentials: createWatch<Credentials>().watch } });
  const connect = controlDialer({ serverName, dial: tcpDialer(), tls, connectTimeoutMs: 1_000 });
  open.push(tls);
  const socket = await connect({ ip: '127.0.0.1', port }, never);
  open.push({ close: () => socket.destroy() });
  return socket;
}

test('says why there is no connection', async () => {
  await expect(dialled(1)).rejects.toThrow('the endpoint refused the connection');
});

test('a connection that the server ends is over on both sides', async () => {
  const socket = await dialled(await listen((accepted) => accepted.end()));
  socket.resume();
  expect(await new Promise((resolve) => socket.once('close', () => resolve('closed')))).toBe('closed');
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
  const socket = await dialled(port, NAME);
  expect(await new Promise((resolve) => socket.once('data', (data: Buffer) => resolve(data.toString())))).toBe('hello');
  await expect(dialled(port, 'linkerd-policy.linkerd.serviceaccount.identity.linkerd.cluster.local')).rejects.toThrow('carries another identity than expected');
});
