// Inbound TLS around the first certificate, and beside stalled handshakes: spec/proxy.md §1.5, §10.4 (identity.rs).
import { connect as connectHttp2 } from 'node:http2';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import type { ConnectedTls } from '@weft/tls';
import { expect, test } from 'vitest';
import { http2Application, httpApplication } from './applications.ts';
import { controlPlane } from './control-plane.ts';
import { meshedPeer, tcpTo } from './meshed-peer.ts';
import { startProxy } from './proxy-process.ts';

/** One request over a socket that is already there. */
async function ask({ socket }: ConnectedTls, version: 1 | 2): Promise<string> {
  if (version === 2) {
    const session = connectHttp2('http://server', { createConnection: () => socket });
    const answer = await text(session.request({ ':path': '/x' }));
    session.destroy();
    return answer;
  }
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.write('GET /x HTTP/1.1\r\nhost: server\r\nconnection: close\r\n\r\n');
  await new Promise((resolve) => socket.once('end', resolve));
  return answer;
}

test.each([1, 2] as const)('http%s_rejects_tls_before_identity_is_certified, and accepts_tls_after_identity_is_certified', async (version) => {
  await using app = await (version === 1 ? httpApplication((_message, response) => void response.end('path /x')) : http2Application());
  await using control = await controlPlane().start();
  const certificates = control.holdCertificates();
  await using proxy = await startProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port } });
  using peer = await meshedPeer(control, 'client');
  let established = false;
  const connecting = peer.connect(proxy, 8080).then((connected) => {
    established = true;
    return connected;
  });
  // The process has answered others meanwhile, and this one not.
  for (let i = 0; i < 5; i++) expect(await proxy.admin('/ready')).toEqual({ status: 503, body: 'not ready\n' });
  expect(established).toBe(false);
  expect(await proxy.metric('tcp_open_total', { direction: 'inbound', peer: 'src', target_port: '8080' })).toBe(0);
  certificates.release();
  // Nothing was lost: it waited unread.
  expect(await ask(await connecting, version)).toContain('path /x');
  expect(await ask(await peer.connect(proxy, 8080), version)).toContain('path /x');
  expect(await proxy.metric('request_total', { direction: 'inbound', tls: 'true', client_id: peer.identity })).toBe(2);
});

test('nonblocking_identity_detection', async () => {
  await using app = await httpApplication((_message, response) => void response.end('path /x'));
  await using control = await controlPlane().start();
  await using proxy = await startProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port } });
  using peer = await meshedPeer(control, 'client');
  const stalled = await Promise.all(Array.from({ length: 20 }, () => tcpTo(proxy.inboundAddress(8080))));
  for (const [index, socket] of stalled.entries()) socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0]).subarray(0, index % 8));
  expect(await ask(await peer.connect(proxy, 8080), 1)).toContain('path /x');
  expect(stalled.some((socket) => socket.destroyed)).toBe(false);
  for (const socket of stalled) socket.destroy();
});

test('a client that waits for the certificate is let go when it goes away', async () => {
  await using control = await controlPlane().start();
  const certificates = control.holdCertificates();
  await using proxy = await startProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: 1 } });
  const [host = '', port = ''] = proxy.inboundAddress(8080).split(':');
  const socket = createConnection({ host, port: Number(port) });
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.resetAndDestroy();
  certificates.release();
  await proxy.log(/^Ready$/);
  expect((await proxy.admin('/ready')).status).toBe(200);
});
