// The direct port: mesh TLS and a transport header decide where a connection goes. spec/proxy.md §2.5, §3.5.
// The tests named in one word are those of §10.4 and §10.5.
import { encodeTransportHeader } from '@weft/tls';
import { expect, test, vi } from 'vitest';
import { balanced, clientPolicy, firstOf, onlyFor, opaqueProtocol } from '../proxy/policies.ts';
import { get, httpApplication, seen, tcpApplication } from './applications.ts';
import { type ControlPlane, controlPlane } from './control-plane.ts';
import { firstBytes, meshedPeer, tcpTo, untilClosed } from './meshed-peer.ts';
import { type ProxyProcess, readyProxy } from './proxy-process.ts';
import { NAME, type Pair, pair, SERVICE, scripted } from './scenes.ts';

const DIRECT = 4143;
const HEADERS = 'inbound_tcp_transport_header_connections_total';

const echoes = () =>
  tcpApplication((socket) => {
    socket.write('220 ready\r\n');
    socket.pipe(socket);
  });

/** Discovery says that the server takes transport headers. */
async function throughDirectPort(control: ControlPlane, port: number, hint: 'h2' | 'opaque'): Promise<Pair> {
  const both = await pair(control, port);
  control.endpointsOf(NAME).set([both.server.endpoint(8080, { hint, opaqueTransportPort: DIRECT })]);
  return both;
}

test('h2_hinted', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using both = await throughDirectPort(control, app.port, 'h2');
  const { client, server } = both;
  expect(seen(await get(client.outboundPort(SERVICE), { path: '/direct' }))).toMatchObject({ version: '1.1', path: '/direct' });
  expect(await server.metric(HEADERS, { session_protocol: 'http/2', target_port: '8080', target_name: '', client_id: client.identity })).toBe(1);
  expect(await server.metric('request_total', { direction: 'inbound', target_addr: '10.42.0.5:8080', srv_port: '8080', client_id: client.identity })).toBe(1);
  // The session protocol is known: nothing had to be detected.
  expect(await server.metric('inbound_tcp_detect_http_results_total')).toBe(0);
});

test('opaque_hinted', async () => {
  await using app = await echoes();
  await using control = await scripted()
    .outbound(SERVICE, clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(NAME))) }))
    .start();
  await using both = await throughDirectPort(control, app.port, 'opaque');
  const { client, server } = both;
  control.inboundOf(8080).set(onlyFor(client.identity));
  const socket = await tcpTo(`127.0.0.1:${client.outboundPort(SERVICE)}`);
  expect(await firstBytes(socket)).toBe('220 ready\r\n');
  socket.destroy();
  expect(await server.metric(HEADERS, { session_protocol: '', target_port: '8080', target_name: '', client_id: client.identity })).toBe(1);
  expect(await server.metric('inbound_tcp_authz_allow_total', { target_port: '8080', client_id: client.identity })).toBe(1);
});

test('HTTP for a peer whose port is opaque carries no session protocol', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using both = await throughDirectPort(control, app.port, 'opaque');
  expect((await get(both.client.outboundPort(SERVICE))).status).toBe(200);
  expect(await both.server.metric(HEADERS, { session_protocol: '', target_port: '8080' })).toBe(1);
});

const errors = (proxy: ProxyProcess, error: string, port = 8080): Promise<number> =>
  proxy.metric('inbound_tcp_errors_total', { error, target_addr: `10.42.0.5:${port}`, target_ip: '10.42.0.5', target_port: String(port) });

const comesTo = (read: () => Promise<number>, value: number): Promise<void> =>
  vi.waitFor(async () => expect(await read()).toBe(value), { timeout: 5_000, interval: 20 });

async function server(control: ControlPlane, port: number, env: Readonly<Record<string, string>> = {}): Promise<ProxyProcess> {
  return readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: port }, env });
}

const SOON = { LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT: '200ms' };

test('inbound_timeout', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await server(control, app.port, SOON);
  const stalled = await tcpTo(proxy.inboundAddress(8080));
  stalled.write(Buffer.from([22, 3, 1, 2, 0]));
  expect(await untilClosed(stalled)).toBe('');
  expect(await errors(proxy, 'tls detection timeout')).toBe(1);
});

test('inbound_success', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await server(control, app.port, SOON);
  using peer = await meshedPeer(control, 'client');
  const { socket } = await peer.connect(proxy, 8080);
  socket.write('\x01 not HTTP, but welcome');
  expect(await firstBytes(socket)).toContain('220 ready\r\n');
  expect(await errors(proxy, 'tls detection timeout')).toBe(0);
  const stalled = await tcpTo(proxy.inboundAddress(8080));
  await untilClosed(stalled);
  expect(await errors(proxy, 'tls detection timeout')).toBe(1);
});

test('inbound_direct_multi', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await server(control, app.port, SOON);
  const stalled = await tcpTo(proxy.inboundAddress(DIRECT));
  await untilClosed(stalled);
  expect([await errors(proxy, 'tls detection timeout', DIRECT), await errors(proxy, 'unexpected', DIRECT)]).toEqual([1, 0]);
  const plain = await tcpTo(proxy.inboundAddress(DIRECT));
  plain.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await untilClosed(plain);
  expect([await errors(proxy, 'tls detection timeout', DIRECT), await errors(proxy, 'unexpected', DIRECT)]).toEqual([1, 1]);
});

test('inbound_invalid_ip', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await server(control, app.port, { LINKERD2_PROXY_INBOUND_IPS: '10.42.0.99' });
  for (const count of [1, 2, 3]) {
    const socket = await tcpTo(proxy.inboundAddress(8080));
    expect(await untilClosed(socket)).toBe('');
    expect(await errors(proxy, 'unexpected')).toBe(count);
  }
  expect(await proxy.metric('weft_refusals_total', { reason: 'INBOUND_IP_NOT_ALLOWED' })).toBe(3);
});

test('inbound_direct_success', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await server(control, app.port, SOON);
  using peer = await meshedPeer(control, 'client');
  const { socket, alpn } = await peer.connect(proxy, DIRECT, { alpn: true });
  expect(alpn).toBe('transport.l5d.io/v1');
  const header = Buffer.from(encodeTransportHeader({ port: 8080 }));
  // Byte by byte, as a network may deliver it.
  for (const byte of header) socket.write(Buffer.from([byte]));
  expect(await firstBytes(socket)).toBe('220 ready\r\n');
  socket.destroy();
  const stalled = await tcpTo(proxy.inboundAddress(DIRECT));
  await untilClosed(stalled);
  expect(await errors(proxy, 'tls detection timeout', DIRECT)).toBe(1);
});

test('bad bytes at every stage harm their own connection only', async () => {
  await using app = await tcpApplication((socket) => socket.pipe(socket));
  await using control = await controlPlane().start();
  await using proxy = await server(control, app.port, { LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT: '300ms' });
  using peer = await meshedPeer(control, 'client');
  control.inboundOf(8080).set(onlyFor(peer.identity));
  const { socket: good } = await peer.connect(proxy, 8080);
  const exchange = async (): Promise<void> => {
    good.write('\x01 still here, not HTTP');
    expect(await firstBytes(good)).toBe('\x01 still here, not HTTP');
  };
  await exchange();
  const refused = (reason: string): Promise<number> => proxy.metric('weft_refusals_total', { direction: 'inbound', reason });
  const hello = await helloFor(proxy.identity);
  const meshed = async (bytes: Uint8Array): Promise<string> => {
    const { socket } = await peer.connect(proxy, DIRECT, { alpn: true });
    socket.write(bytes);
    return untilClosed(socket);
  };
  const plain = async (port: number, bytes: Uint8Array, end = false): Promise<string> => {
    const socket = await tcpTo(proxy.inboundAddress(port));
    socket.write(bytes);
    if (end) socket.end();
    return untilClosed(socket);
  };
  const header = Buffer.from(encodeTransportHeader({ port: 8080 }));
  const tooLong = Buffer.concat([header.subarray(0, 23), Buffer.from([0, 1, 0, 1]), Buffer.alloc(65_537)]);
  const http2Header = Buffer.from(encodeTransportHeader({ port: 8080, sessionProtocol: 'http2' }));

  const stages: readonly (readonly [string, string, () => Promise<string>])[] = [
    ['a truncated hello, then the end', 'DETECT_CLOSED', () => plain(8080, hello.subarray(0, 100), true)],
    ['a truncated hello, then nothing', 'DETECT_TIMEOUT', () => plain(8080, hello.subarray(0, 100))],
    ['garbage after the hello', 'TLS_HANDSHAKE_FAILED', () => plain(8080, Buffer.concat([hello, Buffer.from('no TLS at all, really')]))],
    ['plaintext on the direct port', 'TRANSPORT_HEADER_REQUIRED', () => plain(DIRECT, Buffer.from('not even TLS, on purpose'))],
    ['a wrong preface', 'TRANSPORT_HEADER_INVALID', () => meshed(Buffer.from('transport.l5d.io/v2\r\n\r\n'))],
    ['garbage after ALPN', 'TRANSPORT_HEADER_INVALID', () => meshed(Buffer.alloc(100_000, 0xff))],
    ['a header of 64 KiB and one byte', 'TRANSPORT_HEADER_INVALID', () => meshed(tooLong)],
    ['a header that is no message', 'TRANSPORT_HEADER_INVALID', () => meshed(Buffer.concat([header.subarray(0, 23), Buffer.from([0, 0, 0, 2, 0xff, 0xff])]))],
    ['a header that is cut off', 'TRANSPORT_HEADER_INVALID', () => meshed(header.subarray(0, 25))],
  ];
  const counts = new Map<string, number>();
  for (const [what, reason, attack] of stages) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
    const answer = await attack();
    // A TLS alert is all that may come back.
    expect({ what, alert: answer === '' || answer.charCodeAt(0) === 21 || answer.charCodeAt(0) === 22 }).toEqual({ what, alert: true });
    await comesTo(() => refused(reason), counts.get(reason) ?? 0);
    await exchange();
  }
  const answer = await meshed(Buffer.concat([http2Header, Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame, whatever it is')]));
  // The server's SETTINGS and a GOAWAY.
  expect(answer).toContain('\x07');
  await exchange();
  // What cannot become a hello is not TLS, and goes where it was going, as any bytes of a client without a mesh.
  const endless = Buffer.concat([Buffer.from([22, 3, 1, 0x40, 0, 1, 0]), Buffer.alloc(70_000, 1)]);
  for (const bytes of [endless, Buffer.from([21, 3, 3, 0, 2, 2, 40, 0, 0, 0, 0, 0, 0, 0, 0])]) {
    expect(Buffer.from(await plain(8080, bytes, true), 'latin1').equals(bytes)).toBe(true);
    await exchange();
  }
  expect((await proxy.admin('/ready')).status).toBe(200);
  expect(await proxy.metric('tcp_open_connections', { direction: 'inbound', peer: 'src', client_id: peer.identity, target_port: '8080' })).toBe(1);
});

/** What a meshed client of this workload says first. */
async function helloFor(identity: string): Promise<Buffer> {
  const { connect } = await import('node:tls');
  const { Duplex } = await import('node:stream');
  return new Promise((resolve) => {
    const transport = new Duplex({
      read: () => undefined,
      write(chunk: Buffer, _encoding, done) {
        done();
        resolve(chunk);
      },
    });
    connect({ socket: transport, servername: identity, minVersion: 'TLSv1.3' }).on('error', () => undefined);
  });
}
