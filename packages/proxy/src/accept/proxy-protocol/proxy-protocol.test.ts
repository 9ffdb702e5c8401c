import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { type ManualClock, manualClock, type ReasonCode, reasonOf } from '@weft/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { OriginalDst } from '../../ports.ts';
import { type ProxyProtocolOptions, proxyProtocol } from './proxy-protocol.ts';

const HEADER = 'PROXY TCP4 192.0.2.1 10.43.0.7 56324 443\r\n';
const open: { destroy(): void }[] = [];
let clock: ManualClock;

beforeEach(() => {
  clock = manualClock();
});
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

interface Pair {
  readonly client: Socket;
  readonly socket: Socket;
  readonly source: OriginalDst;
}

/** A real connection, accepted as the proxy's listeners do. */
async function pair(options: ProxyProtocolOptions = {}): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  for (const one of [client, socket]) one.on('error', () => undefined);
  open.push(client, socket, { destroy: () => server.close() });
  return { client, socket, source: proxyProtocol({ clock, ...options }) };
}

const refusal = (source: OriginalDst, socket: Socket): Promise<ReasonCode | 'prepared'> =>
  source.prepare?.(socket).then(
    () => 'prepared',
    (error: unknown) => reasonOf(error).code,
  ) ?? Promise.resolve('prepared');

async function read(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

test('both addresses come from the header, and the reader sees only what follows it', async () => {
  const { client, socket, source } = await pair();
  client.end(`${HEADER}hello`);
  await source.prepare?.(socket);
  expect(source.of(socket)).toEqual({ ip: '10.43.0.7', port: 443 });
  expect(source.client?.(socket)).toEqual({ ip: '192.0.2.1', port: 56_324 });
  expect(await read(socket)).toBe('hello');
});

test('a header that comes in pieces is waited for, and nothing else has to come', async () => {
  const { client, socket, source } = await pair();
  const done = source.prepare?.(socket);
  for (const part of ['PRO', 'XY TCP4 192.0.2.1 10.43.0.7 563', '24 443\r', '\n']) {
    client.write(part);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  expect(source.of(socket)).toEqual({ ip: '10.43.0.7', port: 443 });
  client.end('later');
  expect(await read(socket)).toBe('later');
});

test('a header without addresses leaves those of the socket in force', async () => {
  const { client, socket, source } = await pair();
  client.write('PROXY UNKNOWN\r\n');
  await source.prepare?.(socket);
  expect([source.of(socket), source.client?.(socket)]).toEqual([undefined, undefined]);
});

test('what is no header is refused, also its beginning', async () => {
  const { client, socket, source } = await pair();
  client.write('GET / HTTP/1.1\r\n');
  expect(await refusal(source, socket)).toBe('PROXY_HEADER_INVALID');
  expect(source.of(socket)).toBeUndefined();
});

test('a header that does not come in time is refused', async () => {
  const { client, socket, source } = await pair({ timeoutMs: 100 });
  const refused = refusal(source, socket);
  client.write('PROXY ');
  await once(socket, 'readable');
  clock.advance(100);
  expect(await refused).toBe('PROXY_HEADER_TIMEOUT');
});

test('a connection that ends before its header is closed', async () => {
  const { client, socket, source } = await pair();
  client.end('PROXY TCP4');
  expect(await refusal(source, socket)).toBe('DETECT_CLOSED');
});

test('only those that are trusted may say who the client is', async () => {
  const { client, socket, source } = await pair({ trusted: [{ ip: '10.0.0.0', prefix: 8 }] });
  client.write(HEADER);
  expect(await refusal(source, socket)).toBe('PROXY_HEADER_UNTRUSTED');
  const other = await pair({ trusted: [{ ip: '127.0.0.1', prefix: 32 }] });
  other.client.write(HEADER);
  expect(await refusal(other.source, other.socket)).toBe('prepared');
});
