// The direct port: mesh TLS and a transport header decide where a connection goes. spec/proxy.md §2.5, §3.5, §10.4, §10.5 (tcp_errors).
import { encodeTransportHeader } from '@weft/tls';
import { expect, vi } from 'vitest';
import { get, httpApplication, seen, tcpApplication } from '../process/applications.ts';
import { type ControlPlane, controlPlane } from '../process/control-plane.ts';
import { firstBytes, meshedPeer, tcpTo, untilClosed } from '../process/meshed-peer.ts';
import type { ProxyProcess } from '../process/proxy-process.ts';
import { behind, NAME, type Pair, pair, SERVICE, scripted } from '../process/scenes.ts';
import { balanced, clientPolicy, firstOf, onlyFor, opaqueProtocol } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';

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

acceptanceCase('h2_hinted', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using both = await throughDirectPort(control, app.port, 'h2');
  const { client, server } = both;
  expect(seen(await get(client.outboundAddress(SERVICE), { path: '/direct' }))).toMatchObject({ version: '1.1', path: '/direct' });
  expect(await server.metric(HEADERS, { session_protocol: 'http/2', target_port: '8080', target_name: '', client_id: client.identity })).toBe(1);
  expect(await server.metric('request_total', { direction: 'inbound', target_addr: '10.42.0.5:8080', srv_port: '8080', client_id: client.identity })).toBe(1);
  // The session protocol is known: nothing had to be detected.
  expect(await server.metric('inbound_tcp_detect_http_results_total', { srv_port: '8080' })).toBe(0);
});

acceptanceCase('opaque_hinted', async () => {
  await using app = await echoes();
  await using control = await scripted()
    .outbound(SERVICE, clientPolicy({ kind: 'opaque', ...opaqueProtocol(firstOf(balanced(NAME))) }))
    .start();
  await using both = await throughDirectPort(control, app.port, 'opaque');
  const { client, server } = both;
  control.inboundOf(8080).set(onlyFor(client.identity));
  const socket = await tcpTo(client.outboundAddress(SERVICE));
  expect(await firstBytes(socket)).toBe('220 ready\r\n');
  socket.destroy();
  expect(await server.metric(HEADERS, { session_protocol: '', target_port: '8080', target_name: '', client_id: client.identity })).toBe(1);
  expect(await server.metric('inbound_tcp_authz_allow_total', { target_port: '8080', client_id: client.identity })).toBe(1);
});

acceptanceCase('HTTP for a peer whose port is opaque carries no session protocol', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using both = await throughDirectPort(control, app.port, 'opaque');
  expect((await get(both.client.outboundAddress(SERVICE))).status).toBe(200);
  expect(await both.server.metric(HEADERS, { session_protocol: '', target_port: '8080' })).toBe(1);
});

const errors = (proxy: ProxyProcess, error: string, port = 8080): Promise<number> =>
  proxy.metric('inbound_tcp_errors_total', { error, target_addr: `10.42.0.5:${port}`, target_ip: '10.42.0.5', target_port: String(port) });

const comesTo = (read: () => Promise<number>, value: number): Promise<void> =>
  vi.waitFor(async () => expect(await read()).toBe(value), { timeout: 5_000, interval: 20 });

const SOON = { LINKERD2_PROXY_INBOUND_DETECT_TIMEOUT: '200ms' };

acceptanceCase('inbound_timeout', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port, SOON);
  const stalled = await tcpTo(proxy.inboundAddress(8080));
  stalled.write(Buffer.from([22, 3, 1, 2, 0]));
  expect(await untilClosed(stalled)).toBe('');
  expect(await errors(proxy, 'tls detection timeout')).toBe(1);
});

acceptanceCase('inbound_success', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port, SOON);
  using peer = await meshedPeer(control, 'client');
  const { socket } = await peer.connect(proxy, 8080);
  socket.write('\x01 not HTTP, but welcome');
  expect(await firstBytes(socket)).toContain('220 ready\r\n');
  expect(await errors(proxy, 'tls detection timeout')).toBe(0);
  const stalled = await tcpTo(proxy.inboundAddress(8080));
  await untilClosed(stalled);
  expect(await errors(proxy, 'tls detection timeout')).toBe(1);
});

acceptanceCase('inbound_direct_multi', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port, SOON);
  const stalled = await tcpTo(proxy.inboundAddress(DIRECT));
  await untilClosed(stalled);
  expect([await errors(proxy, 'tls detection timeout', DIRECT), await errors(proxy, 'unexpected', DIRECT)]).toEqual([1, 0]);
  const plain = await tcpTo(proxy.inboundAddress(DIRECT));
  plain.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await untilClosed(plain);
  expect([await errors(proxy, 'tls detection timeout', DIRECT), await errors(proxy, 'unexpected', DIRECT)]).toEqual([1, 1]);
});

acceptanceCase('inbound_invalid_ip', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port, { LINKERD2_PROXY_INBOUND_IPS: '10.42.0.99' });
  for (const count of [1, 2, 3]) {
    const socket = await tcpTo(proxy.inboundAddress(8080));
    expect(await untilClosed(socket)).toBe('');
    expect(await errors(proxy, 'unexpected')).toBe(count);
  }
});

acceptanceCase('inbound_direct_success', async () => {
  await using app = await echoes();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port, SOON);
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

for (const [name, bytes] of [
  ['EOF mid-header', Buffer.from(encodeTransportHeader({ port: 8080 })).subarray(0, 25)],
  ['wrong preface', Buffer.from('transport.l5d.io/v2\r\n\r\n\0\0\0\0')],
] as const) {
  acceptanceCase(`transport header: ${name}`, async () => {
    await using app = await echoes();
    await using control = await controlPlane().start();
    await using proxy = await behind(control, app.port);
    using peer = await meshedPeer(control, 'client');
    const { socket } = await peer.connect(proxy, DIRECT, { alpn: true });
    socket.end(bytes);
    expect(await untilClosed(socket)).toBe('');
    await comesTo(() => errors(proxy, 'i/o', DIRECT), 1);
    expect(await proxy.metric(HEADERS)).toBe(0);
  });
}

acceptanceCase('transport header: round trip', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  using peer = await meshedPeer(control, 'client');
  const { socket } = await peer.connect(proxy, DIRECT, { alpn: true });
  const request = 'GET /through HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n';
  // In one piece: what follows the header is the session's.
  socket.write(Buffer.concat([encodeTransportHeader({ port: 8080, sessionProtocol: 'http1' }), Buffer.from(request)]));
  expect(await untilClosed(socket)).toContain('"path":"/through"');
  expect(await proxy.metric(HEADERS, { session_protocol: 'http/1', target_port: '8080', client_id: peer.identity })).toBe(1);
});
