// What clients of an inbound proxy get when its application is away, and what is counted. spec/proxy.md §4.6, §10.6 (inbound http).
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';
import { expect } from 'vitest';
import { type Application, getHttp2, http2Application, tcpApplication } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { frozenApplication } from '../process/frozen.ts';
import { meshedPeer, tcpTo } from '../process/meshed-peer.ts';
import { acceptanceCase } from './case.ts';
import { ask, PORT, serverProxy } from './inbound-scene.ts';
import { deserted } from './ways.ts';
import { header } from './wire.ts';

/** Nobody listens there. */
const refusing = async (): Promise<Application> => ({ port: await deserted(), [Symbol.asyncDispose]: async () => undefined });
/** An HTTP/2 application that is away is tried again until failfast. */
const SOON = { LINKERD2_PROXY_INBOUND_CONNECT_TIMEOUT: '200ms', LINKERD2_PROXY_INBOUND_HTTP_FAILFAST_TIMEOUT: '400ms' };
const GRPC = { ':method': 'POST', ':path': '/svc/Method', 'content-type': 'application/grpc' };

for (const [what, away, http1, http2] of [
  ['bad_gateway', refusing, 502, 504],
  ['connect_timeout', frozenApplication, 504, 504],
] as const) {
  for (const meshed of [true, false]) {
    const whose = meshed ? 'meshed' : 'unmeshed';

    acceptanceCase(`http1_${what}_${whose}_response_error_header`, async () => {
      await using app = await away();
      await using control = await controlPlane().start();
      await using proxy = await serverProxy(control, app.port, SOON);
      using peer = await meshedPeer(control, 'client');
      const answer = await ask(proxy, { as: meshed ? peer : 'none' });
      expect(answer.start).toMatch(new RegExp(`^HTTP/1\\.1 ${http1} `));
      expect([header(answer, 'content-length'), header(answer, 'connection')]).toEqual(['0', 'close']);
      expect([header(answer, 'l5d-proxy-error') !== undefined, header(answer, 'l5d-proxy-connection')]).toEqual([meshed, meshed ? 'close' : undefined]);
      expect(await proxy.metric('response_total', { direction: 'inbound', status_code: String(http1), classification: 'failure' })).toBe(1);
    });

    acceptanceCase(`h2_${what}_${whose}_response_error_header`, async () => {
      await using app = await away();
      await using control = await controlPlane().start();
      await using proxy = await serverProxy(control, app.port, SOON);
      using peer = await meshedPeer(control, 'client');
      const socket = meshed ? (await peer.connect(proxy, PORT)).socket : await tcpTo(proxy.inboundAddress(PORT));
      const { answer, goneAway } = await askHttp2(connectHttp2('http://server', { createConnection: () => socket }), { ':path': '/' });
      expect([answer.status, answer.headers['content-length'], answer.headers['connection']]).toEqual([http2, '0', undefined]);
      expect([answer.headers['l5d-proxy-error'] !== undefined, answer.headers['l5d-proxy-connection']]).toEqual([meshed, meshed ? 'close' : undefined]);
      await goneAway;
    });

    acceptanceCase(`grpc_${what}_${whose}_response_error_header`, async () => {
      await using app = await away();
      await using control = await controlPlane().start();
      await using proxy = await serverProxy(control, app.port, SOON);
      using peer = await meshedPeer(control, 'client');
      const socket = meshed ? (await peer.connect(proxy, PORT)).socket : await tcpTo(proxy.inboundAddress(PORT));
      const { answer, goneAway } = await askHttp2(connectHttp2('http://server', { createConnection: () => socket }), GRPC);
      const { headers } = answer;
      expect([answer.status, headers['content-type'], headers['content-length'], headers['grpc-status']]).toEqual([200, 'application/grpc', '0', '4']);
      const told = [headers['grpc-message'], headers['l5d-proxy-error']].map((value) => value !== undefined);
      expect([...told, headers['l5d-proxy-connection']]).toEqual([meshed, meshed, meshed ? 'close' : undefined]);
      await goneAway;
    });
  }
}

/** `goneAway` resolves when the proxy ends the connection. */
async function askHttp2(session: ClientHttp2Session, headers: IncomingHttpHeaders) {
  session.on('error', () => undefined);
  const goneAway = new Promise((resolve) => session.once('close', resolve));
  const answer = await getHttp2(session, headers);
  return { answer, goneAway };
}

for (const meshed of [true, false]) {
  acceptanceCase(`a gRPC response that breaks after its head ends with trailers (${meshed ? 'meshed' : 'unmeshed'})`, async () => {
    // Over HTTP/1 to the application, as gRPC-Web comes.
    await using app = await tcpApplication((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/grpc-web\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n', () => socket.destroy());
      }),
    );
    await using control = await controlPlane().start();
    await using proxy = await serverProxy(control, app.port);
    using peer = await meshedPeer(control, 'client');
    const socket = meshed ? (await peer.connect(proxy, PORT)).socket : await tcpTo(proxy.inboundAddress(PORT));
    const session = connectHttp2('http://server', { createConnection: () => Duplex.from({ readable: socket, writable: socket }) });
    session.on('error', () => undefined);
    const { status, body, trailers } = await getHttp2(session, { ...GRPC, 'content-type': 'application/grpc-web', 'l5d-orig-proto': 'HTTP/1.1' });
    session.destroy();
    socket.destroy();
    expect([status, body, trailers['grpc-status'], trailers['grpc-message'] !== undefined]).toEqual([200, 'first', '13', meshed]);
  });
}

acceptanceCase('grpc_response_class', async () => {
  await using app = await http2Application();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port);
  using peer = await meshedPeer(control, 'client');
  const { socket } = await peer.connect(proxy, PORT);
  const session = connectHttp2('http://server', { createConnection: () => socket });
  const answer = await getHttp2(session, GRPC);
  session.destroy();
  expect([answer.status, answer.trailers['grpc-status']]).toEqual([200, '5']);
  const labels = {
    direction: 'inbound',
    target_addr: '10.42.0.5:8080',
    tls: 'true',
    client_id: peer.identity,
    srv_kind: 'default',
    srv_name: 'all-unauthenticated',
    route_kind: 'default',
    route_name: 'default',
    authz_name: 'all-unauthenticated',
  };
  expect(await proxy.metric('response_total', { ...labels, status_code: '200', grpc_status: '5', classification: 'success' })).toBe(1);
});
