// Bytes that are not HTTP, servers that speak first, and connections of a proxy to itself. spec/proxy.md §2.2, §2.4, §10.1.
import { once } from 'node:events';
import { expect } from 'vitest';
import { answeringApplication, exchangeBytes, get, tcpApplication } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { greeted, greetingApplication } from '../process/greeting.ts';
import { firstBytes, meshedPeer, tcpTo, untilClosed } from '../process/meshed-peer.ts';
import { readyProxy } from '../process/proxy-process.ts';
import { alone, behind, SERVICE, scripted } from '../process/scenes.ts';
import { serverPolicy } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';

const BYTES = '\x01 hello, this is not HTTP';

acceptanceCase('outbound_tcp', async () => {
  await using app = await answeringApplication();
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  expect(await exchangeBytes(proxy.outboundAddress(SERVICE), BYTES)).toBe(`received ${BYTES}`);
  expect(await proxy.metric('outbound_tcp_detect_http_results_total', { result: 'not_http' })).toBe(1);
});

acceptanceCase('inbound_tcp', async () => {
  await using app = await answeringApplication();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  expect(await exchangeBytes(proxy.inboundAddress(8080), BYTES)).toBe(`received ${BYTES}`);
  const labels = { result: 'not_http', srv_kind: 'default', srv_name: 'all-unauthenticated', srv_port: '8080' };
  expect(await proxy.metric('inbound_tcp_detect_http_results_total', labels)).toBe(1);
  expect(await proxy.metric('inbound_tcp_detect_http_duration_seconds_count', { srv_port: '8080' })).toBe(1);
});

acceptanceCase('outbound_tcp_external', async () => {
  await using app = await answeringApplication();
  const elsewhere = '10.99.0.1:5432';
  await using control = await controlPlane().noProfile(elsewhere).start();
  await using proxy = await readyProxy({
    control,
    name: 'client',
    ip: '10.42.0.4',
    connectsTo: { [elsewhere]: elsewhere },
    dial: { [elsewhere]: `127.0.0.1:${app.port}` },
  });
  expect(await exchangeBytes(proxy.outboundAddress(elsewhere), BYTES)).toBe(`received ${BYTES}`);
  expect(control.requests).toContain(`GetProfile ${elsewhere}`);
});

acceptanceCase('loop_outbound_http1', async () => {
  await using control = await controlPlane().start();
  await using proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { '127.0.0.1:4140': 'itself:80' } });
  expect((await get(proxy.outboundAddress('127.0.0.1:4140'))).status).toBe(502);
});

// Ignored upstream, where it once said 403: the direct port takes nobody without TLS.
acceptanceCase('loop_inbound_http1', async () => {
  await using control = await controlPlane().start();
  await using proxy = await readyProxy({ control, name: 'server', ip: '10.42.0.5' });
  const socket = await tcpTo(proxy.inboundAddress(4143));
  socket.write('GET / HTTP/1.1\r\nhost: itself\r\n\r\n');
  expect(await untilClosed(socket)).toBe('');
});

acceptanceCase('inbound_tcp_server_first', async () => {
  await using app = await greetingApplication();
  await using control = await controlPlane()
    .inbound(8080, serverPolicy({ kind: 'unauthenticated' }, 'opaque'))
    .start();
  await using proxy = await behind(control, app.port, { LINKERD2_PROXY_INBOUND_PORTS: '8080' });
  await greeted(proxy.inboundAddress(8080));
  const labels = { direction: 'inbound', peer: 'src', tls: 'no_identity', no_tls_reason: 'port_skipped', target_addr: '10.42.0.5:8080' };
  expect(await proxy.metric('tcp_open_total', labels)).toBe(1);
});

acceptanceCase('inbound_tcp_server_first_no_discovery', async () => {
  await using app = await greetingApplication();
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port, { LINKERD2_PROXY_INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION: '8080' });
  await greeted(proxy.inboundAddress(8080));
  expect(await proxy.metric('tcp_open_total', { direction: 'inbound', peer: 'src', no_tls_reason: 'port_skipped' })).toBe(1);
});

// Ignored upstream. An opaque port is relayed unread: the application meets the handshake, and the client its greeting.
acceptanceCase('inbound_tcp_server_first_tls', async () => {
  await using app = await greetingApplication();
  await using control = await controlPlane()
    .inbound(8080, serverPolicy({ kind: 'unauthenticated' }, 'opaque'))
    .start();
  await using proxy = await behind(control, app.port, { LINKERD2_PROXY_INBOUND_PORTS: '8080' });
  using peer = await meshedPeer(control, 'client');
  await expect(peer.connect(proxy, 8080)).rejects.toThrow('the TLS handshake failed');
  expect(await proxy.metric('tcp_open_total', { direction: 'inbound', peer: 'src', no_tls_reason: 'port_skipped' })).toBe(1);
});

acceptanceCase('outbound_opaque_tcp_server_first', async () => {
  await using app = await greetingApplication();
  await using control = await scripted().profile(SERVICE, { fullyQualifiedName: '', opaqueProtocol: true, routes: [], overrides: [] }).start();
  await using proxy = await alone(control, app.port);
  await greeted(proxy.outboundAddress(SERVICE));
  expect(await proxy.metric('outbound_tcp_protocol_connections_total', { protocol: 'opaq' })).toBe(1);
});

acceptanceCase('tcp_connections_close_if_client_closes', async () => {
  let closed: () => void = () => undefined;
  const serverSide = new Promise<void>((resolve) => (closed = resolve));
  await using app = await tcpApplication((socket) => {
    socket.once('close', closed);
    socket.pipe(socket);
  });
  await using control = await scripted().start();
  await using proxy = await alone(control, app.port);
  const socket = await tcpTo(proxy.outboundAddress(SERVICE));
  socket.write(BYTES);
  expect(await firstBytes(socket)).toBe(BYTES);
  socket.destroy();
  await once(socket, 'close');
  await serverSide;
});
