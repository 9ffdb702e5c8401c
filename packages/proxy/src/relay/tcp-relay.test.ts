import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { seeded } from '@weft/core';
import { afterEach, expect, test } from 'vitest';
import { relay } from './tcp-relay.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

/** Both ends of one connection over the loopback interface. */
async function connected(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [near] = (await once(server, 'connection')) as [Socket];
  sockets.push(near, far);
  return { near, far };
}

const received = async (socket: Socket): Promise<string> => {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) text += String(chunk);
  return text;
};

test('keeps the other direction open when one side has ended', async () => {
  const a = await connected();
  const b = await connected();
  const relayed = relay(a.near, b.near);
  a.far.end('question');
  expect(await received(b.far)).toBe('question');
  b.far.end('answer');
  expect(await received(a.far)).toBe('answer');
  expect(await relayed.closed).toBeUndefined();
});

test('carries bytes as they are to a far end that reads in bursts', async () => {
  const a = await connected();
  const b = await connected();
  const relayed = relay(a.near, b.near);
  const sent = Buffer.alloc(32 * 1024 * 1024);
  const random = seeded(6);
  for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(Math.floor(random.next() * 2 ** 32), at);
  a.far.end(sent);
  const hash = createHash('sha256');
  for await (const chunk of b.far.iterator({ destroyOnReturn: false })) {
    hash.update(chunk as Buffer);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
  b.far.end();
  expect(await relayed.closed).toBeUndefined();
});

test('passes on an end that was read before the relay began', async () => {
  const a = await connected();
  const b = await connected();
  a.far.end();
  a.near.resume();
  await once(a.near, 'end');
  const relayed = relay(a.near, b.near);
  expect(await received(b.far)).toBe('');
  b.far.end('too late');
  expect(await received(a.far)).toBe('too late');
  expect(await relayed.closed).toBeUndefined();
});

test('cuts the other side off when one breaks', async () => {
  const a = await connected();
  const b = await connected();
  const relayed = relay(a.near, b.near);
  a.far.resetAndDestroy();
  expect(await relayed.closed).toMatchObject({ code: 'ECONNRESET' });
  expect(b.near.destroyed).toBe(true);
});
