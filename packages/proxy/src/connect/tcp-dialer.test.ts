import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { manualClock } from '@weft/core';
import { afterEach, expect, test } from 'vitest';
import { tcpDialer } from './tcp-dialer.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listening(): Promise<{ readonly ip: string; readonly port: number }> {
  const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return { ip: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

test('takes a connection that was made in time, though the time is over when it comes to that', async () => {
  const clock = manualClock();
  const address = await listening();
  // After the reads of a turn, as a timer is before those of the next.
  await new Promise((resolve) => setImmediate(resolve));
  const dialled = tcpDialer({ clock })(address, { timeoutMs: 1_000, tcp: undefined });
  // Node asks for the connection in the next tick, and loopback makes it at once.
  process.nextTick(() => clock.advance(1_000));
  const socket = await dialled;
  expect([socket.readyState, clock.pending]).toEqual(['open', 0]);
  socket.destroy();
});
