import { once } from 'node:events';
import { createServer } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { nodeEngine } from './node-engine.ts';

test('opens a session ahead of the first exchange, once', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = once(server, 'session');
  let dials = 0;
  const dial = async () => {
    dials += 1;
    return connect((server.address() as AddressInfo).port, '127.0.0.1');
  };
  const upstream = nodeEngine().upstream({ version: 'http/2', dial });
  await Promise.all([upstream.connect?.(), upstream.connect?.()]);
  await session;
  await upstream.connect?.();
  expect(dials).toBe(1);
  upstream.destroy();
  server.close();
});

test('rejects as the dial did, and dials again when asked again', async () => {
  let dials = 0;
  const dial = async () => {
    dials += 1;
    throw new Error(`dial ${dials}`);
  };
  const upstream = nodeEngine().upstream({ version: 'http/2', dial });
  await expect(upstream.connect?.()).rejects.toThrow('dial 1');
  await expect(upstream.connect?.()).rejects.toThrow('dial 2');
  upstream.close();
  await expect(upstream.connect?.()).rejects.toThrow('upstream is closed');
});
