// The sources of original destinations, each in a real process. docs/configuration.md (WEFT_PROXY_ORIGINAL_DST).
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { httpApplication } from './applications.ts';
import { type ControlPlane, controlPlane } from './control-plane.ts';
import { BUNDLE, runProxy } from './launch.ts';
import { environmentOf, type ProxyProcess, readyProxy } from './proxy-process.ts';
import { SERVICE, scripted } from './scenes.ts';

const P = 'LINKERD2_PROXY_';
const REQUEST = 'GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n';

/** Without an address book, on free ports of this machine. */
function forwardedTo(control: ControlPlane, env: Readonly<Record<string, string>> = {}): Promise<ProxyProcess> {
  return readyProxy({
    control,
    name: 'web',
    ip: '127.0.0.1',
    connectsTo: { [SERVICE]: 'web:80' },
    env: {
      WEFT_PROXY_ADDRESS_BOOK: undefined,
      WEFT_PROXY_ORIGINAL_DST: 'proxy-protocol',
      [`${P}INBOUND_LISTEN_ADDR`]: '127.0.0.1:0',
      [`${P}OUTBOUND_LISTEN_ADDR`]: '127.0.0.1:0',
      [`${P}ADMIN_LISTEN_ADDR`]: '127.0.0.1:0',
      [`${P}INBOUND_DEFAULT_POLICY`]: 'cluster-unauthenticated',
      [`${P}POLICY_CLUSTER_NETWORKS`]: '10.0.0.0/8,127.0.0.0/8',
      ...env,
    },
  });
}

function inboundPort(proxy: ProxyProcess): number {
  return Number(proxy.inboundAddress(4143).split(':')[1]);
}

function opened(port: number): Socket {
  return connect({ port, host: '127.0.0.1' }).on('error', () => undefined);
}

/** What comes until the connection is closed; bytes that nobody read make that a reset. */
function received(socket: Socket): Promise<string> {
  let all = '';
  socket.on('data', (chunk) => {
    all += String(chunk);
  });
  return new Promise((resolve) => socket.once('close', () => resolve(all)));
}

/** Sends these bytes and reads to the end. */
async function answer(port: number, ...bytes: readonly (string | Buffer)[]): Promise<string> {
  const socket = opened(port);
  for (const one of bytes) socket.write(one);
  return received(socket);
}

function header1(source: string, port: number): string {
  return `PROXY TCP4 ${source} 127.0.0.1 5000 ${port}\r\n`;
}

function header2(source: readonly number[], port: number): Buffer {
  const bytes = Buffer.from(`0d0a0d0a000d0a515549540a2111000c${'00'.repeat(12)}`, 'hex');
  bytes.set([...source, 127, 0, 0, 1], 16);
  bytes.writeUInt16BE(5000, 24);
  bytes.writeUInt16BE(port, 26);
  return bytes;
}

test('a PROXY protocol header says where an inbound connection goes and who the client is, by either version', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await forwardedTo(control);
  const port = inboundPort(proxy);
  expect(await answer(port, header1('10.1.2.3', app.port), REQUEST)).toMatch(/^HTTP\/1.1 200 /);
  expect(await answer(port, Buffer.concat([header2([10, 1, 2, 3], app.port), Buffer.from(REQUEST)]))).toMatch(/^HTTP\/1.1 200 /);
  // Not of the cluster's networks.
  expect(await answer(port, header2([192, 0, 2, 1], app.port), REQUEST)).toMatch(/^HTTP\/1.1 403 /);
});

test('a connection without a good header is refused, and harms no other', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await forwardedTo(control);
  const port = inboundPort(proxy);
  const good = opened(port);
  good.write('PROXY TCP4 10.1.2.3 127.0');
  expect(await answer(port, REQUEST)).toBe('');
  expect(await answer(port, 'PROXY TCP4 10.1.2.3 127.0.0.1 5000 0\r\n')).toBe('');
  good.write(`.0.1 5000 ${app.port}\r\n${REQUEST}`);
  expect(await received(good)).toMatch(/^HTTP\/1.1 200 /);
  expect(await proxy.metric('weft_refusals_total', { direction: 'inbound', reason: 'PROXY_HEADER_INVALID' })).toBe(2);
});

test('headers from networks that are not trusted are refused', async () => {
  await using control = await controlPlane().start();
  await using proxy = await forwardedTo(control, { WEFT_PROXY_ORIGINAL_DST: 'proxy-protocol:10.0.0.0/8' });
  expect(await answer(inboundPort(proxy), header1('10.1.2.3', 80), REQUEST)).toBe('');
  expect(await proxy.metric('weft_refusals_total', { reason: 'PROXY_HEADER_UNTRUSTED' })).toBe(1);
});

test('a PROXY protocol header says where an outbound connection goes', async () => {
  await using control = await scripted().start();
  await using proxy = await forwardedTo(control, { [`${P}OUTBOUND_HTTP_FAILFAST_TIMEOUT`]: '100ms' });
  expect(await answer(proxy.outboundPort(SERVICE), `PROXY TCP4 127.0.0.1 10.43.0.7 5000 80\r\n${REQUEST}`)).toMatch(/^HTTP\/1.1 504 /);
  expect(control.requests).toContain(`Watch ${SERVICE}`);
});

test('an end of the drain does not wait for a header', async () => {
  await using control = await controlPlane().start();
  await using proxy = await forwardedTo(control);
  const socket = opened(inboundPort(proxy));
  socket.write('PROXY ');
  await once(socket, 'connect');
  proxy.signal('SIGTERM');
  expect(await received(socket)).toBe('');
  expect(await proxy.exited).toBe(0);
});

test.runIf(process.platform === 'linux')('where the kernel cannot be asked the process says so, and which other sources there are', async () => {
  await using control = await controlPlane().start();
  const dir = mkdtempSync(join(tmpdir(), 'weft-proxy-bundle-'));
  try {
    // The program as it would be without its optional native addon.
    cpSync(join(BUNDLE, '..'), dir, { recursive: true, filter: (path) => !path.endsWith('node_modules') });
    const env = { ...environmentOf({ control, identity: 'a.ns', ip: '127.0.0.1', dir }), WEFT_PROXY_ORIGINAL_DST: 'socket' };
    const { code, stderr } = await runProxy([], env, join(dir, 'weft-proxy.mjs'));
    expect(code).toBe(1);
    expect(stderr).toContain('the optional package koffi is not installed for this platform; WEFT_PROXY_ORIGINAL_DST names other sources');
  } finally {
    rmSync(dir, { recursive: true });
  }
});
