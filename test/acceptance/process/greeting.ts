// A server that speaks first, as databases and mail servers do, and a client that waits for its words.
import { expect } from 'vitest';
import { type Application, tcpApplication } from './applications.ts';
import { firstBytes, tcpTo } from './meshed-peer.ts';

/** What a database says first. */
export const GREETING = 'J\x00\x00\x00\x0a8.0.36\x00';

/** Greets, then sends everything back. */
export function greetingApplication(): Promise<Application> {
  return tcpApplication((socket) => {
    socket.write(GREETING, 'latin1');
    socket.pipe(socket);
  });
}

/** Says nothing before it was greeted. */
export async function greeted(address: string): Promise<void> {
  const socket = await tcpTo(address);
  expect(await firstBytes(socket)).toBe(GREETING);
  socket.write('query');
  expect(await firstBytes(socket)).toBe('query');
  socket.destroy();
}
