// The contract of `_handle.fd`, on which reading the original destination, setting TCP options and passing connections between threads
// rest, on every supported Node major.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const proxy = join(here, '../../packages/proxy');

/** Runs inside each Node: the real implementation over IPv4, mapped IPv4 and IPv6 connections; prints what it found as JSON. */
const PROBE = `
import { readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { silentLogger } from '@weft/core';
import { nativeTcpOptions } from ${JSON.stringify(join(proxy, 'src/sidecar/native-tcp-options.ts'))};
import { socketOriginalDst } from ${JSON.stringify(join(proxy, 'src/sidecar/original-dst.ts'))};
import { adoptSocket, descriptorOf, socketCalls } from ${JSON.stringify(join(proxy, 'src/sidecar/socket-calls.ts'))};

const errors = [];
const lookup = socketOriginalDst({ onError: (errno) => errors.push(errno) });
const setTcpOptions = nativeTcpOptions({ logger: { ...silentLogger, log: (_level, _message, fields) => errors.push(fields) } });
const calls = socketCalls();
const int = (socket, level, option) => {
  const value = new Int32Array(1);
  return calls.get(descriptorOf(socket), level, option, new Uint8Array(value.buffer)) ? value[0] : undefined;
};
const results = [];
for (const [listen, host] of [['127.0.0.1', '127.0.0.1'], ['::', '127.0.0.1'], ['::', '::1']]) {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const accepted = new Promise((resolve) => server.once('connection', resolve));
  await new Promise((resolve) => server.listen(0, listen, resolve));
  const client = connect(server.address().port, host);
  const socket = await accepted;
  const fd = descriptorOf(socket);
  const original = lookup.of(socket);
  setTcpOptions(socket, { keepAliveMs: 42_000, userTimeoutMs: 12_345 });
  setTcpOptions(client, { userTimeoutMs: 543 });
  const options = [int(socket, 1, 9), int(socket, 6, 4), int(socket, 6, 18), int(client, 1, 9), int(client, 6, 18)];
  const before = { options,  isSocket: /^socket:/.test(readlinkSync('/proc/self/fd/' + fd)), asListener: original === undefined || original.port === server.address().port };
  const copy = calls.duplicate(fd);
  socket.destroy();
  const adopted = adoptSocket(copy);
  const unread = adopted.isPaused() && adopted.bytesRead === 0;
  const peer = adopted.remotePort === client.localPort;
  const all = [];
  adopted.on('data', (chunk) => all.push(chunk)).resume();
  client.end('hello');
  await new Promise((resolve) => adopted.once('end', resolve));
  const answered = new Promise((resolve) => client.once('data', resolve));
  adopted.end('answer');
  const passedOn = [unread, peer, String(Buffer.concat(all)), String(await answered)];
  const listening = descriptorOf(server) !== undefined;
  results.push({ ...before, passedOn, listening, afterwards: descriptorOf(socket) ?? null, lookupAfterwards: lookup.of(socket) ?? null });
  client.destroy();
  await new Promise((resolve) => server.close(resolve));
}
process.stdout.write(JSON.stringify({ errors, results }));
`;

const nodes = [{ name: 'this Node', binary: process.execPath }, ...['node-22', 'node-24'].map((name) => ({ name, binary: packaged(name) }))];

function packaged(name: string): string | undefined {
  try {
    const binary = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin/node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

describe.runIf(process.platform === 'linux')('the descriptor of an accepted socket', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'original-dst-'));
    await build({
      stdin: { contents: PROBE, resolveDir: here, loader: 'js' },
      outfile: join(dir, 'probe.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      conditions: ['weft-source'],
      external: ['koffi'],
      logLevel: 'silent',
    });
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test.each(nodes)('can be asked for its original destination, takes TCP options and can be passed on, on $name', async ({ name, binary }) => {
    if (binary === undefined) throw new Error(`${name} is not installed`);
    const { stdout } = await run(binary, [join(dir, 'probe.mjs')], { env: { NODE_PATH: join(proxy, 'node_modules') } });
    const passed = { passedOn: [true, true, 'hello', 'answer'], listening: true };
    const found = { options: [1, 42, 12_345, 0, 543], isSocket: true, asListener: true, ...passed, afterwards: null, lookupAfterwards: null };
    expect(JSON.parse(stdout)).toEqual({ errors: [], results: [found, found, found] });
  });
});
