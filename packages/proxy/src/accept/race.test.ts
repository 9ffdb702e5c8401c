import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { manualClock } from '@weft/core';
import { expect, onTestFinished, test } from 'vitest';
import { tcpDialer } from '../connect/tcp-dialer.ts';
import { Race } from './race.ts';

/** A race on a manual clock against a real server; `accepted` holds what the server saw. */
async function setup(onConnection: (socket: Socket) => void) {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  const clock = manualClock();
  const connection = new AbortController();
  const dial = tcpDialer({ clock });
  const race = new Race({
    headStartMs: 10,
    clock,
    signal: connection.signal,
    dial: (signal) => dial({ ip: '127.0.0.1', port: address.port }, { timeoutMs: 1_000, signal }),
  });
  return { accepted, clock, connection, race, server };
}

const text = async (socket: Socket): Promise<string> => String(((await once(socket, 'data')) as [Buffer])[0]);

test('leaves the client its head start before anything is connected to', async () => {
  const { clock, race, accepted } = await setup(() => undefined);
  clock.advance(9);
  expect(race.take()).toBeUndefined();
  clock.advance(1);
  expect([accepted.length, clock.pending]).toEqual([0, 0]);
});

test('tells that the server spoke, and hands over the connection with what it said', async () => {
  const { clock, race } = await setup((socket) => socket.write('220 ready\r\n'));
  clock.advance(10);
  await once(race.serverSpoke, 'abort');
  const upstream = await race.take();
  expect(upstream && (await text(upstream))).toBe('220 ready\r\n');
  upstream?.destroy();
});

test('hands over a connection that is still being made', async () => {
  const { clock, race } = await setup((socket) => socket.write('late'));
  clock.advance(10);
  const upstream = await race.take();
  expect(upstream && (await text(upstream))).toBe('late');
  expect(race.serverSpoke.aborted).toBe(false);
  upstream?.destroy();
});

test('does not take an HTTP server for one that speaks first', async () => {
  const closed: Promise<unknown>[] = [];
  const { clock, race, server } = await setup((socket) => {
    closed.push(once(socket, 'close'));
    socket.resume().write('HTTP/1.1 503 Service Unavailable\r\n\r\n');
  });
  clock.advance(10);
  await once(server, 'connection');
  await Promise.all(closed);
  expect([race.serverSpoke.aborted, race.take()]).toEqual([false, undefined]);
});

test('closes its connection when it is dropped, and when the client goes', async () => {
  for (const end of ['drop', 'client'] as const) {
    const { accepted, clock, connection, race, server } = await setup((socket) => socket.resume());
    clock.advance(10);
    await once(server, 'connection');
    const closed = once(accepted[0] as Socket, 'close');
    if (end === 'drop') race.drop();
    else connection.abort();
    await closed;
    expect(clock.pending).toBe(0);
  }
});

test('leaves a target that cannot be connected to for the relay to report', async () => {
  const { clock, race, server } = await setup(() => undefined);
  server.close();
  await once(server, 'close');
  clock.advance(10);
  await expect(race.take()).rejects.toMatchObject({ reason: { code: 'CONNECT_REFUSED' } });
  expect(race.serverSpoke.aborted).toBe(false);
});
