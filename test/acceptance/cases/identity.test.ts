// Certificates: what is taken before there is one, renewal, who a peer is and must be. spec/proxy.md §1.5, §3, §4.4, §10.4 (identity.rs).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ConnectedTls } from '@weft/tls';
import { expect } from 'vitest';
import { type Application, get, getHttp2, http2Application, http2Session, httpApplication, seen, serveOn } from '../process/applications.ts';
import { clientHelloFor } from '../process/client-hello.ts';
import { controlPlane } from '../process/control-plane.ts';
import { meshedPeer, tcpTo } from '../process/meshed-peer.ts';
import { readyProxy, startProxy } from '../process/proxy-process.ts';
import { alone, behind, NAME, pair, SERVICE, scripted } from '../process/scenes.ts';
import { acceptanceCase } from './case.ts';

const OTHER = 'other.ns.serviceaccount.identity.linkerd.cluster.local';

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

const answering = (version: 1 | 2) => (version === 1 ? httpApplication((_message, response) => void response.end('path /x')) : http2Application());

for (const version of [1, 2] as const) {
  acceptanceCase(`http${version}_accepts_tls_after_identity_is_certified`, async () => {
    await using app = await answering(version);
    await using control = await controlPlane().start();
    await using proxy = await behind(control, app.port);
    using peer = await meshedPeer(control, 'client');
    expect(await ask(await peer.connect(proxy, 8080), version)).toContain('path /x');
    expect(await proxy.metric('request_total', { direction: 'inbound', tls: 'true', client_id: peer.identity })).toBe(1);
  });

  acceptanceCase(`http${version}_rejects_tls_before_identity_is_certified`, async () => {
    await using app = await answering(version);
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
    for (let i = 0; i < 5; i++) expect((await proxy.admin('/ready')).status).toBe(503);
    expect([established, await proxy.metric('tcp_open_total', { direction: 'inbound', target_addr: '10.42.0.5:8080' })]).toEqual([false, 0]);
    certificates.release();
    // Nothing was lost: it waited unread.
    expect(await ask(await connecting, version)).toContain('path /x');
  });
}

acceptanceCase('nonblocking_identity_detection', async () => {
  await using app = await answering(1);
  await using control = await controlPlane().start();
  await using proxy = await behind(control, app.port);
  using peer = await meshedPeer(control, 'client');
  const hello = clientHelloFor(proxy.identity);
  // Some stop inside the first message, some after it.
  const pieces = [...Array.from({ length: 20 }, (_, length) => hello.subarray(0, length)), hello];
  const stalled = await Promise.all(pieces.map(() => tcpTo(proxy.inboundAddress(8080))));
  for (const [index, socket] of stalled.entries()) socket.write(pieces[index] ?? '');
  expect(await ask(await peer.connect(proxy, 8080), 1)).toContain('path /x');
  expect(stalled.some((socket) => socket.destroyed)).toBe(false);
  for (const socket of stalled) socket.destroy();
});

acceptanceCase('refresh', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-token-'));
  const tokenFile = join(dir, 'token');
  const tokens = (): string[] => control.certifications.map(({ token }) => Buffer.from(token ?? []).toString());
  writeFileSync(tokenFile, 'first');
  await using control = await controlPlane().start();
  const env = {
    LINKERD2_PROXY_IDENTITY_TOKEN_FILE: tokenFile,
    LINKERD2_PROXY_IDENTITY_MIN_REFRESH: '50ms',
    LINKERD2_PROXY_IDENTITY_MAX_REFRESH: '100ms',
  };
  await using _proxy = await readyProxy({ control, name: 'client', ip: '10.42.0.4', env });
  writeFileSync(tokenFile, 'second');
  await expect.poll(tokens, { timeout: 5_000 }).toContain('second');
  const requests = control.certifications.map(({ certificateSigningRequest }) => Buffer.from(certificateSigningRequest ?? []).toString('hex'));
  expect(new Set(requests).size).toBe(1);
  rmSync(dir, { recursive: true });
});

acceptanceCase('identity_header_stripping', async () => {
  await using app = await httpApplication();
  await using control = await scripted().start();
  await using both = await pair(control, app.port);
  const headers = { 'l5d-client-id': 'forged' };
  const meshed = seen(await get(both.client.outboundAddress(SERVICE), { headers }));
  expect(meshed.headers['l5d-client-id']).toBe(both.client.identity);
  const plain = seen(await get(both.server.inboundAddress(8080), { headers }));
  expect(plain.headers['l5d-client-id']).toBeUndefined();
});

/** One request that demands an identity of the endpoint; its status, and what reached the application of the header that does. */
async function demanding(version: 1 | 2, at: string, id: string): Promise<{ readonly status: number; readonly leaked: boolean }> {
  const headers = { 'l5d-require-id': id };
  if (version === 1) {
    const { status, body } = await get(at, { headers });
    return { status, leaked: body.includes('l5d-require-id') };
  }
  using session = http2Session(at);
  const { status, body } = await getHttp2(session, { ':path': '/', ...headers });
  return { status, leaked: body.includes('l5d-require-id') };
}

const naming = (version: 1 | 2) => (version === 1 ? httpApplication() : headersApplication());

/** HTTP/2; answers with the names of the headers it got. */
function headersApplication(): Promise<Application> {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.end(Object.keys(headers).join(' '));
  });
  return serveOn(server as unknown as Server);
}

for (const version of [1, 2] as const) {
  acceptanceCase(`http${version} require_id_header: disco_client_connects_to_tls_server`, async () => {
    await using app = await naming(version);
    await using control = await scripted().start();
    await using both = await pair(control, app.port);
    const at = both.client.outboundAddress(SERVICE);
    expect(await demanding(version, at, both.server.identity)).toEqual({ status: 200, leaked: false });
    expect(await demanding(version, at, OTHER)).toEqual({ status: 502, leaked: false });
  });

  acceptanceCase(`http${version} require_id_header: orig_dst_client_connects_to_tls_server`, async () => {
    await using app = await naming(version);
    await using control = await controlPlane().start();
    await using server = await readyProxy({ control, name: 'server', ip: '10.42.0.5', ports: { 8080: app.port } });
    // No policy and no name: only what a profile says of the very address.
    const address = '10.42.0.77:8080';
    control.profileOf(address).set({ fullyQualifiedName: '', opaqueProtocol: false, routes: [], overrides: [], endpoint: server.endpoint(8080) });
    const dial = { '10.42.0.5:8080': server.inboundAddress(8080) };
    await using client = await readyProxy({ control, name: 'client', ip: '10.42.0.4', connectsTo: { [address]: address }, dial });
    const at = client.outboundAddress(address);
    expect(await demanding(version, at, server.identity)).toEqual({ status: 200, leaked: false });
    expect(await demanding(version, at, OTHER)).toEqual({ status: 502, leaked: false });
    expect(await server.metric('request_total', { direction: 'inbound', tls: 'true', client_id: client.identity })).toBe(1);
  });

  acceptanceCase(`http${version} require_id_header: orig_dst_client_cannot_connect_to_plaintext_server`, async () => {
    await using app = await naming(version);
    await using control = await scripted().start();
    await using proxy = await alone(control, app.port);
    expect((await demanding(version, proxy.outboundAddress(SERVICE), OTHER)).status).toBe(502);
  });
}

acceptanceCase('an endpoint with another identity than discovery said gets no request', async () => {
  let requests = 0;
  await using app = await httpApplication((_message, response) => {
    requests++;
    response.end();
  });
  await using control = await scripted().start();
  await using both = await pair(control, app.port, { LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: '300ms' });
  const identity = { id: { kind: 'dns', name: OTHER }, serverName: both.server.identity } as const;
  control.endpointsOf(NAME).set([both.server.endpoint(8080, { identity })]);
  expect([502, 503, 504]).toContain((await get(both.client.outboundAddress(SERVICE))).status);
  expect(requests).toBe(0);
});
