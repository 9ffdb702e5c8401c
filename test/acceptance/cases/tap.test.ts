// Who may observe the requests of a proxy, and what is told. spec/proxy.md §9.5, §10.4 (tap.rs).
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { durationFromWire, type ObserveMatch, type TapEvent, TapEventProxyDirection } from '@weft/wire';
import { expect } from 'vitest';
import { type Application, get, getHttp2, http2Application, httpApplication, serveOn } from '../process/applications.ts';
import { controlPlane } from '../process/control-plane.ts';
import { runProxy } from '../process/launch.ts';
import { type MeshedPeer, meshedPeer, tcpTo } from '../process/meshed-peer.ts';
import { environmentOf, type ProxyProcess } from '../process/proxy-process.ts';
import { pair, SERVICE, scripted } from '../process/scenes.ts';
import { EVERYTHING, type Observing, observe } from '../process/tap-client.ts';
import { acceptanceCase } from './case.ts';
import { ask, NEAR, PORT, serverProxy } from './inbound-scene.ts';

/** Who may observe. */
const TAP = 'tap.ns.serviceaccount.identity.linkerd.cluster.local';
const TAPPED = { LINKERD2_PROXY_TAP_SVC_NAME: TAP };
const WITH_HEADERS = { ...EVERYTHING, extract: { http: { headers: {} } } };
const CODE = { INVALID_ARGUMENT: 3, UNAUTHENTICATED: 16 };

acceptanceCase('tap_enabled_when_tap_svc_name_set', async () => {
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, 1, TAPPED);
  expect(proxy.tapAddress).toBeDefined();
});

acceptanceCase('tap_disabled_when_tap_svc_name_not_set', async () => {
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, 1);
  expect(proxy.tapAddress).toBeUndefined();
});

acceptanceCase('tap_disabled_when_identity_disabled', async () => {
  await using control = await controlPlane().start();
  const dir = mkdtempSync(join(tmpdir(), 'weft-proxy-tap-'));
  try {
    const env = environmentOf({ control, identity: 'server.ns.serviceaccount.identity.linkerd.cluster.local', ip: '10.42.0.5', dir });
    // Without identity there is no proxy at all.
    const { code, stdout, stderr } = await runProxy([], { ...env, ...TAPPED, LINKERD2_PROXY_IDENTITY_DISABLED: 'true' });
    expect(code).toBe(64);
    expect(stdout + stderr).toContain('LINKERD2_PROXY_IDENTITY_DISABLED');
  } finally {
    rmSync(dir, { recursive: true });
  }
});

acceptanceCase('rejects_incorrect_identity_when_identity_is_expected', async () => {
  await using app = await httpApplication();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, TAPPED);
  using other = await meshedPeer(control, 'other');
  for (const client of [other, undefined]) expect(await observe(proxy, client)).toMatchObject({ kind: 'refused', code: CODE.UNAUTHENTICATED });
  using tap = await meshedPeer(control, 'tap');
  expect(await observe(proxy, tap)).toMatchObject({ kind: 'observing' });
});

/** Whoever may observe, observing. */
async function observing(proxy: ProxyProcess, tap: MeshedPeer, request = EVERYTHING): Promise<Observing> {
  const observed = await observe(proxy, tap, request);
  if (observed.kind === 'refused') throw new Error(`${observed.code} ${observed.message}`);
  return observed;
}

const hello = (): Promise<Application> => httpApplication((_message, response) => response.end('hello'));

acceptanceCase('inbound_http1', async () => {
  await using app = await hello();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  using events = await observing(proxy, tap);
  expect((await ask(proxy, { path: '/found?not=told' })).body).toBe('hello');
  const [request, response, end] = (await events.take(3)) as [TapEvent, TapEvent, TapEvent];
  const id = request.http?.requestInit?.id;
  expect(id?.stream?.toNumber() ?? 0).toBe(0);
  expect(request.http?.requestInit).toMatchObject({ method: { registered: 0 }, scheme: { registered: 0 }, authority: 'server', path: '/found' });
  expect(request.http?.requestInit?.headers ?? undefined).toBeUndefined();
  expect(response.http?.responseInit).toMatchObject({ id, httpStatus: 200 });
  expect(end.http?.responseEnd).toMatchObject({ id, eos: {} });
  const [untilHead, untilEnd] = [response.http?.responseInit?.sinceRequestInit, end.http?.responseEnd?.sinceRequestInit].map((since) =>
    durationFromWire(since),
  );
  expect(untilHead).toBeGreaterThan(0);
  expect(untilEnd).toBeGreaterThanOrEqual(untilHead ?? 0);
  for (const event of [request, response, end]) {
    expect(event.proxyDirection).toBe(TapEventProxyDirection.INBOUND);
    expect(event.source?.ip?.ipv4).toBe(addressNumber(NEAR));
    expect(event.sourceMeta?.labels).toEqual({ tls: 'no_tls_from_remote' });
    expect([event.destination?.ip?.ipv4, event.destination?.port]).toEqual([addressNumber('10.42.0.5'), PORT]);
    expect(event.destinationMeta?.labels).toEqual({
      tls: 'loopback',
      srv_group: '',
      srv_kind: 'default',
      srv_name: 'all-unauthenticated',
      route_group: '',
      route_kind: 'default',
      route_name: 'default',
      authz_group: '',
      authz_kind: 'default',
      authz_name: 'all-unauthenticated',
    });
  }
});

acceptanceCase('the bytes of a response are counted', async () => {
  await using app = await hello();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  using events = await observing(proxy, tap);
  await ask(proxy);
  const [, , end] = await events.take(3);
  expect(end?.http?.responseEnd?.responseBytes?.toNumber()).toBe(5);
});

/** Answers at once, by a head alone. */
function withoutBody(respond: (stream: ServerHttp2Stream) => void): Promise<Application> {
  const server = createHttp2Server();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    respond(stream);
  });
  return serveOn(server as unknown as Server);
}

acceptanceCase('grpc_headers_end', async () => {
  await using app = await withoutBody((stream) => stream.respond({ ':status': 200, 'grpc-status': '1' }, { endStream: true }));
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  using events = await observing(proxy, tap);
  const socket = await tcpTo(proxy.inboundAddress(PORT));
  const session = connectHttp2('http://server', { createConnection: () => socket });
  expect((await getHttp2(session, { ':path': '/', 'content-type': 'application/grpc+nope' })).headers['grpc-status']).toBe('1');
  session.destroy();
  const [, , end] = await events.take(3);
  expect(end?.http?.responseEnd?.eos?.grpcStatusCode).toBe(1);
});

acceptanceCase('headers, pseudo-headers and trailers are told where they are asked for', async () => {
  await using app = await http2Application();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  using client = await meshedPeer(control, 'client');
  using events = await observing(proxy, tap, WITH_HEADERS);
  const { socket } = await client.connect(proxy, PORT);
  const session = connectHttp2('http://server', { createConnection: () => socket });
  const headers = { ':method': 'POST', ':path': '/svc/Method?x=1', ':authority': 'web', 'content-type': 'application/grpc', 'x-bytes': 'caf\u00e9' };
  await getHttp2(session, headers, ['one', 'two']);
  session.destroy();
  const [request, response, end] = (await events.take(3)) as [TapEvent, TapEvent, TapEvent];
  const init = request.http?.requestInit;
  expect(linesOf(init?.headers).slice(0, 4)).toEqual([':method: POST', ':scheme: http', ':authority: web', ':path: /svc/Method?x=1']);
  expect(linesOf(init?.headers)).toEqual(expect.arrayContaining(['content-type: application/grpc', 'x-bytes: caf\u00e9', `l5d-client-id: ${client.identity}`]));
  expect(init).toMatchObject({ method: { registered: 1 }, authority: 'web', path: '/svc/Method' });
  expect(request.sourceMeta?.labels).toEqual({ tls: 'true', client_id: client.identity });
  expect(linesOf(response.http?.responseInit?.headers)).toEqual(expect.arrayContaining([':status: 200', 'content-type: application/grpc']));
  expect(linesOf(end.http?.responseEnd?.trailers)).toEqual(expect.arrayContaining(['grpc-status: 5', 'grpc-message: not here']));
  expect(end.http?.responseEnd?.eos?.grpcStatusCode).toBe(5);
});

acceptanceCase('outbound requests are told with the endpoint that they went to', async () => {
  await using app = await hello();
  await using control = await scripted().start();
  await using both = await pair(control, app.port, TAPPED, TAPPED);
  const { client, server } = both;
  using tap = await meshedPeer(control, 'tap');
  using outbound = await observing(client, tap, WITH_HEADERS);
  using inbound = await observing(server, tap, WITH_HEADERS);
  expect((await get(client.outboundAddress(SERVICE), { headers: { host: 'web' } })).body).toBe('hello');
  const [request, response] = (await outbound.take(3)) as [TapEvent, TapEvent, TapEvent];
  expect(request.proxyDirection).toBe(TapEventProxyDirection.OUTBOUND);
  expect(request.sourceMeta?.labels).toEqual({ tls: 'loopback' });
  expect([request.destination?.ip?.ipv4, request.destination?.port]).toEqual([addressNumber('10.42.0.5'), 8080]);
  expect(request.destinationMeta?.labels).toEqual({ namespace: 'ns', pod: 'server', tls: 'true', server_id: server.identity });
  expect(request.http?.requestInit).toMatchObject({ authority: 'web', path: '/' });
  expect(response.http?.responseInit?.httpStatus).toBe(200);
  // Both sides show HTTP/1, which travelled as HTTP/2.
  const [arrived, answered] = (await inbound.take(2)) as [TapEvent, TapEvent];
  expect(arrived.sourceMeta?.labels).toEqual({ tls: 'true', client_id: client.identity });
  const lines = [request.http?.requestInit, response.http?.responseInit, arrived.http?.requestInit, answered.http?.responseInit].map((one) =>
    linesOf(one?.headers),
  );
  for (const line of lines.flat()) expect(line).not.toMatch(/^(:|l5d-orig-proto|l5d-proxy)/);
});

acceptanceCase('an observation ends when the last of its requests has ended', async () => {
  await using app = await hello();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  using two = await observing(proxy, tap, { ...EVERYTHING, limit: 2 });
  using all = await observing(proxy, tap);
  for (const path of ['/1', '/2', '/3']) await ask(proxy, { path });
  const events = await two.take();
  expect(events.map(streamOf)).toEqual([0, 0, 0, 1, 1, 1]);
  expect((await all.take(9)).map(streamOf)).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  const bases = [events[0], await firstOf(proxy, tap)].map((event) => event?.http?.requestInit?.id?.base);
  expect(bases[0]).not.toBe(bases[1]);
});

async function firstOf(proxy: ProxyProcess, tap: MeshedPeer): Promise<TapEvent | undefined> {
  using events = await observing(proxy, tap);
  await ask(proxy);
  return events.next();
}

acceptanceCase('requests that no condition holds for are not told', async () => {
  await using app = await hello();
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  const match: ObserveMatch = {
    all: {
      matches: [
        { http: { path: { prefix: '/a' } } },
        { not: { http: { path: { exact: '/a/secret' } } } },
        { any: { matches: [{ destination: { ports: { min: PORT } } }, { http: { method: { unregistered: 'BREW' } } }] } },
        { source: { netmask: { ip: { ipv4: addressNumber('10.42.0.0') }, mask: 16 } } },
        { destinationLabel: { key: 'srv_name', value: 'all-unauthenticated' } },
        { http: { authority: { exact: 'server' } } },
        { http: { scheme: { registered: 0 } } },
      ],
    },
  };
  using events = await observing(proxy, tap, { ...EVERYTHING, match, limit: 1 });
  for (const path of ['/b', '/a/secret', '/a/b']) await ask(proxy, { path });
  expect((await events.take()).map(({ http }) => http?.requestInit?.path ?? undefined)).toEqual(['/a/b', undefined, undefined]);
});

acceptanceCase('observations that ask for nothing are invalid', async () => {
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, 1, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  const port = (min: number, max: number): ObserveMatch => ({ destination: { ports: { min, max } } });
  const label = (key: string, value: string): ObserveMatch => ({ destinationLabel: { key, value } });
  for (const match of [undefined, {}, { not: {} }, { source: {} }, port(0, 0), port(2, 1), port(1, 70_000), label('', 'x'), label('x', ''), { http: {} }])
    expect(await observe(proxy, tap, { ...EVERYTHING, match })).toMatchObject({ kind: 'refused', code: CODE.INVALID_ARGUMENT });
  expect(await observe(proxy, tap, { ...EVERYTHING, limit: 0 })).toMatchObject({ kind: 'refused', code: CODE.INVALID_ARGUMENT });
});

acceptanceCase('what goes wrong at the application is told: 502 where it is away, the code of its reset', async () => {
  await using app = await withoutBody((stream) => stream.close(11));
  await using control = await controlPlane().start();
  await using proxy = await serverProxy(control, app.port, TAPPED);
  using tap = await meshedPeer(control, 'tap');
  using events = await observing(proxy, tap);
  const socket = await tcpTo(proxy.inboundAddress(PORT));
  const session = connectHttp2('http://server', { createConnection: () => socket });
  await expect(getHttp2(session, { ':path': '/reset' })).rejects.toThrow('NGHTTP2_ENHANCE_YOUR_CALM');
  session.destroy();
  const [, end] = await events.take(2);
  expect(end?.http?.responseEnd).toMatchObject({ eos: { resetErrorCode: 11 } });
  expect(end?.http?.responseEnd?.sinceResponseInit ?? undefined).toBeUndefined();
  await app[Symbol.asyncDispose]();
  await ask(proxy, { path: '/away' });
  const [, answer, last] = await events.take(3);
  expect(answer?.http?.responseInit?.httpStatus).toBe(502);
  expect(last?.http?.responseEnd?.responseBytes?.toNumber() ?? 0).toBe(0);
});

const streamOf = ({ http }: TapEvent): number | undefined => (http?.requestInit ?? http?.responseInit ?? http?.responseEnd)?.id?.stream?.toNumber();

function linesOf(headers: { readonly headers?: readonly { readonly name?: string; readonly value?: Uint8Array }[] } | null | undefined): string[] {
  return (headers?.headers ?? []).map(({ name, value }) => `${name}: ${Buffer.from(value ?? []).toString('latin1')}`);
}

function addressNumber(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
