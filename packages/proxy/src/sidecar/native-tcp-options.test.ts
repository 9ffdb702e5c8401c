import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constantWatch, memoryLogger, silentLogger } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { bindListeners } from '../accept/listeners.ts';
import type { Listener } from '../config.ts';
import { tcpDialer } from '../connect/tcp-dialer.ts';
import type { SetTcpOptions } from '../ports.ts';
import { IPPROTO_TCP, nativeTcpOptions, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPIDLE, TCP_USER_TIMEOUT } from './native-tcp-options.ts';
import { descriptorOf, socketCalls } from './socket-calls.ts';

const TCP_KEEPINTVL = 5;
const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

/** Reads an option back from the kernel. */
function option(socket: Socket, level: number, name: number): number | undefined {
  const calls = socketCalls();
  const fd = descriptorOf(socket);
  const value = new Int32Array(1);
  return 'get' in calls && fd !== undefined && calls.get(fd, level, name, new Uint8Array(value.buffer)) ? value[0] : undefined;
}

const options = (socket: Socket) => ({
  keepAlive: option(socket, SOL_SOCKET, SO_KEEPALIVE),
  idle: option(socket, IPPROTO_TCP, TCP_KEEPIDLE),
  userTimeout: option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT),
});

/** A connection between the proxy's own listener and its own dialer. */
async function pair(setTcpOptions: SetTcpOptions): Promise<{ accepted: Socket; dialled: Socket }> {
  const listen: Listener = { listen: { ip: '127.0.0.1', port: 0 } };
  const arrived: { accept?: (socket: Socket) => void } = {};
  const accepted = new Promise<Socket>((resolve) => {
    arrived.accept = resolve;
  });
  const listeners = bindListeners({
    name: 'test',
    listeners: constantWatch<readonly Listener[]>([listen]),
    sockets: { accept: { keepAliveMs: 30_000, userTimeoutMs: 1_500 } },
    setTcpOptions,
    logger: silentLogger,
    onConnection: (socket) => arrived.accept?.(socket),
  });
  open.push({ destroy: () => listeners.close() });
  await listeners.listening;
  const [address = listen.listen] = listeners.addresses;
  const dialled = await tcpDialer({ setTcpOptions })(address, { timeoutMs: 1_000, tcp: { keepAliveMs: 60_000, userTimeoutMs: 700 } });
  open.push(dialled, await accepted);
  return { accepted: await accepted, dialled };
}

describe.runIf(process.platform === 'linux')('on Linux', () => {
  test('accepted and dialled connections have their options, as the kernel says', async () => {
    const logger = memoryLogger();
    const { accepted, dialled } = await pair(nativeTcpOptions({ logger }));
    expect(options(accepted)).toEqual({ keepAlive: 1, idle: 30, userTimeout: 1_500 });
    expect(options(dialled)).toEqual({ keepAlive: 1, idle: 60, userTimeout: 700 });
    // The system's own, where Node would say one second.
    expect(option(accepted, IPPROTO_TCP, TCP_KEEPINTVL)).toBeGreaterThan(1);
    expect(logger.records).toEqual([]);
  });

  test('what the kernel cannot take is brought into its bounds', async () => {
    const { accepted } = await pair(() => undefined);
    const logger = memoryLogger();
    const set = nativeTcpOptions({ logger });
    set(accepted, { keepAliveMs: 1, userTimeoutMs: 0xffff_ffff });
    expect(options(accepted)).toEqual({ keepAlive: 1, idle: 1, userTimeout: 0x7fff_ffff });
    set(accepted, { keepAliveMs: 86_400_000 });
    expect(options(accepted)).toMatchObject({ idle: 32_767 });
    expect(logger.records).toEqual([]);
  });

  test('a failure warns once for each option and fails nothing', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'weft-tcp-options-'));
    const server: Server = createServer((socket) => void open.push(socket)).listen(join(dir, 'socket'));
    await once(server, 'listening');
    const client = connect(join(dir, 'socket'));
    await once(client, 'connect');
    open.push(client, { destroy: () => server.close() }, { destroy: () => rmSync(dir, { recursive: true }) });
    const logger = memoryLogger();
    const set = nativeTcpOptions({ logger });
    for (let i = 0; i < 3; i++) set(client, { keepAliveMs: 1_000, userTimeoutMs: 1_000 });
    expect(logger.records.map(({ level, fields }) => [level, fields['option'], typeof fields['errno']])).toEqual([
      ['warn', 'keepAliveMs', 'number'],
      ['warn', 'userTimeoutMs', 'number'],
    ]);
  });

  test('a closed socket is left alone', async () => {
    const { dialled } = await pair(() => undefined);
    dialled.destroy();
    const logger = memoryLogger();
    nativeTcpOptions({ logger })(dialled, { keepAliveMs: 1, userTimeoutMs: 1 });
    expect(logger.records).toEqual([]);
  });
});

test('where the calls are not available keep-alive is set by Node, and the rest is warned about once', async () => {
  const logger = memoryLogger();
  const { accepted } = await pair(nativeTcpOptions({ logger, calls: { unavailable: 'that needs Linux' } }));
  expect(option(accepted, SOL_SOCKET, SO_KEEPALIVE)).toBe(process.platform === 'linux' ? 1 : undefined);
  expect(logger.records.map(({ fields }) => fields)).toEqual([{ option: 'userTimeoutMs', why: 'that needs Linux' }]);
});
