// Every answer that the inbound side and the admin listener make themselves, through real sockets: status, gRPC status, whether the
// client's connection ends, and who is told why. spec/proxy.md §4.6.
import { createServer } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import {
  type Authorization,
  defaultMetadata,
  type Filter,
  type HttpMatch,
  manualClock,
  type Profile,
  type ServerPolicy,
  type ServerProtocol,
} from '@weft/core';
import type { ProxySettings } from '@weft/proxy';
import { expect, test } from 'vitest';
import { frozenApplication } from '../process/frozen.ts';
import { answerOf, askAs, type ErrorRow, KINDS, type Kind, meshed, type Open, plainly, shown } from './error-rows.ts';
import { balanced, detectPolicy, openToAll } from './policies.ts';
import { DIRECT_PORT, identityOf, TestMesh, type Workload } from './test-mesh.ts';

const ANYBODY: Authorization = {
  metadata: defaultMetadata('anybody'),
  networks: [{ net: { ip: '0.0.0.0', prefix: 0 }, except: [] }],
  authentication: { kind: 'unauthenticated' },
};

function policy(protocol: Partial<Extract<ServerProtocol, { kind: 'detect' }>>): ServerPolicy {
  return { metadata: defaultMetadata('web'), protocol: { kind: 'detect', timeoutMs: 10_000, routes: [], authorizations: [ANYBODY], ...protocol } };
}

const routed = (path: string, ...filters: Filter[]): ServerPolicy => {
  const match: HttpMatch = { path: { kind: 'exact', value: path }, headers: [], query: [] };
  return policy({ routes: [{ metadata: defaultMetadata('route'), hosts: [], authorizations: [ANYBODY], rules: [{ matches: [match], filters }] }] });
};

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

interface Row extends ErrorRow {
  readonly name: string;
  readonly policy?: ServerPolicy;
  /** Default: all. */
  readonly kinds?: readonly Kind[];
  readonly settings?: ProxySettings;
  readonly application?: 'away' | 'frozen' | 'breaks';
  /** Before each question. */
  readonly first?: boolean;
  /** A request waited in vain before. */
  readonly givenUp?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

const PATIENCE: ProxySettings = { inbound: { connectTimeoutMs: 100, failfastMs: 250 } };

const within = (why: RegExp): RegExp => new RegExp(`${why.source}.*; route default\\/default of default\\/\\w+$`);
const SLOW: HttpMatch = { headers: [{ name: 'x-long', value: { kind: 'regex', regex: '(?:[a-z]{0,30}x){0,20}' } }], query: [] };
const LONG = 'a'.repeat(30_000);

const ROWS: readonly Row[] = [
  { name: 'route not found', policy: routed('/other'), status: 404, grpcStatus: 5, closes: false, why: /^ROUTE_NOT_FOUND: .*\/ask.*server default\/web$/ },
  {
    name: 'unauthorized',
    policy: policy({ authorizations: [{ ...ANYBODY, networks: [{ net: { ip: '192.0.2.0', prefix: 24 }, except: [] }] }] }),
    status: 403,
    grpcStatus: 7,
    closes: false,
    why: /^UNAUTHORIZED: .*client 127\.0\.0\.1 \(client\.ns\..*\), server default\/web, route default\/default: default\/anybody wants an address in 192\.0\.2\.0\/24$/,
  },
  {
    name: 'redirect',
    policy: routed('/ask', { kind: 'redirect', host: 'elsewhere', status: 302 }),
    status: 302,
    grpcStatus: 5,
    closes: false,
    why: /^REDIRECTED: .*route default\/route of default\/web: 302 http:\/\/elsewhere\/ask$/,
    location: 'http://elsewhere/ask',
  },
  {
    name: 'invalid redirect',
    policy: routed('/ask', { kind: 'redirect', path: { kind: 'prefix', value: '/x' }, status: 0 }),
    status: 500,
    grpcStatus: 13,
    closes: true,
    why: /^REDIRECT_INVALID: .*route default\/route of default\/\w+: .*prefix/,
  },
  {
    name: 'invalid policy',
    policy: routed('/ask', { kind: 'unknown' }),
    status: 500,
    grpcStatus: 13,
    closes: true,
    why: /^POLICY_INVALID: .*filter unknown is not supported on requests; route default\/route of default\/web$/,
  },
  {
    name: 'injected HTTP failure',
    policy: routed('/ask', { kind: 'http-failure', status: 418, message: 'tea' }),
    status: 500,
    grpcStatus: 13,
    closes: true,
    why: /^FAILURE_INJECTED: .*route default\/route of default\/web: 418 tea$/,
  },
  {
    name: 'injected gRPC failure',
    policy: routed('/ask', { kind: 'grpc-failure', code: 9, message: 'tea' }),
    status: 500,
    grpcStatus: 13,
    closes: true,
    why: /^FAILURE_INJECTED: /,
  },
  {
    name: 'rate limit',
    policy: policy({ rateLimit: { totalRps: 1, overrides: [] } }),
    first: true,
    status: 429,
    grpcStatus: 8,
    closes: false,
    why: /^RATE_LIMITED: .*the total limit of 1 requests per second, shared by all clients, server default\/web$/,
  },
  {
    name: 'a request that patterns take too long for',
    policy: policy({ routes: [{ metadata: defaultMetadata('route'), hosts: [], authorizations: [ANYBODY], rules: [{ matches: [SLOW], filters: [] }] }] }),
    headers: { 'x-long': LONG },
    status: 500,
    grpcStatus: 13,
    closes: true,
    why: /^MATCH_LIMIT: .*30000 characters against "\(.*; default\/web$/,
  },
  {
    name: 'load-shed',
    settings: { inbound: { maxInFlight: 0 } },
    status: 503,
    grpcStatus: 14,
    closes: true,
    why: within(/^LOAD_SHED: .*0 requests are in flight/),
  },
  {
    name: 'failfast',
    application: 'away',
    kinds: ['http2', 'grpc'],
    status: 504,
    grpcStatus: 4,
    closes: true,
    why: within(/^FAILFAST: .*10\.42\.0\.5:8080: not connected \(CONNECT_REFUSED.*after 250 ms/),
  },
  {
    name: 'an application that failfast gave up',
    application: 'away',
    kinds: ['http2', 'grpc'],
    givenUp: true,
    status: 503,
    grpcStatus: 14,
    closes: true,
    why: within(/^APPLICATION_UNREACHABLE: .*10\.42\.0\.5:8080: not connected \(CONNECT_REFUSED/),
  },
  { name: 'connection refused', application: 'away', kinds: ['http1'], status: 502, grpcStatus: 14, closes: true, why: within(/^CONNECT_REFUSED: .*/) },
  {
    name: 'connect timeout',
    application: 'frozen',
    kinds: ['http1'],
    status: 504,
    grpcStatus: 4,
    closes: true,
    why: within(/^CONNECT_TIMEOUT: .*after 100 ms/),
  },
  {
    name: 'I/O error',
    application: 'breaks',
    status: 502,
    grpcStatus: 14,
    closes: true,
    why: within(/^UPSTREAM_CLOSED: .*10\.42\.0\.5:8080: connection (closed|ended before the response)/),
  },
];

for (const row of ROWS) {
  test(`inbound: ${row.name} is ${row.status}, to gRPC ${row.grpcStatus}`, async () => {
    for (const kind of row.kinds ?? KINDS) {
      await using mesh = await TestMesh.start();
      await using app = await application(mesh, row, kind);
      // Time stands still where a rate counts; elsewhere it has to pass.
      const clock = row.first ? { clock: manualClock() } : {};
      const settings = row.settings ?? PATIENCE;
      const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: app.port }, settings, ...clock });
      mesh.control.inboundOf(8080).set(row.policy ?? openToAll());
      const credentials = await mesh.credentials(identityOf('client'));
      const at = server.inboundAddress(8080);
      if (row.first) await askAs('http1', plainly(at));
      if (row.givenUp) await askAs(kind, plainly(at));
      const peer = meshed({ at, identity: server.identity, credentials }, kind);
      // Both at once: what comes after a failfast is shed.
      const [told, untold] = await Promise.all([askAs(kind, peer, row.headers), askAs(kind, plainly(at), row.headers)]);
      expect(shown(told)).toEqual(answerOf(row, kind, true, matching));
      expect(shown(untold)).toEqual(answerOf(row, kind, false, matching));
    }
  });
}

async function application(mesh: TestMesh, { application: how }: Row, kind: Kind): Promise<{ readonly port: number } & AsyncDisposable> {
  if (how === 'frozen') return frozenApplication();
  const nothing = { [Symbol.asyncDispose]: async () => undefined };
  if (how === 'breaks') return { port: await mesh.listen((socket) => socket.once('data', () => socket.destroy())), ...nothing };
  if (how === 'away') return { port: 1, ...nothing };
  if (kind === 'http1') return { port: await mesh.listenOn(createServer((_request, response) => response.end('ok'))), ...nothing };
  const http2 = createHttp2((_request, response) => response.end('ok'));
  return { port: await mesh.listenOn(http2 as unknown as Parameters<TestMesh['listenOn']>[0]), ...nothing };
}

test('HTTP/1 that a peer carries in HTTP/2 gets no connection header', async () => {
  await using mesh = await TestMesh.start();
  const server = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: 1 }, settings: PATIENCE });
  const credentials = await mesh.credentials(identityOf('client'));
  const peer = meshed({ at: server.inboundAddress(8080), identity: server.identity, credentials }, 'http2');
  const answer = await askAs('http2', peer, { 'l5d-orig-proto': 'HTTP/1.1' });
  expect(shown(answer)).toEqual(answerOf({ status: 502, grpcStatus: 14, closes: true, why: /^CONNECT_REFUSED: / }, 'http2', true, matching));
});

const GATEWAY: ProxySettings = { inbound: { gatewaySuffixes: ['svc.cluster.local.'] } };
const WEB = { name: 'web.ns.svc.cluster.local', port: 80 };

async function gateway(mesh: TestMesh): Promise<Workload> {
  const profile: Profile = { fullyQualifiedName: WEB.name, opaqueProtocol: false, routes: [], overrides: [] };
  mesh.control.profileOf(`${WEB.name}:80`).set(profile);
  mesh.control.outboundOf(`${WEB.name}:80`).set(detectPolicy(balanced(`${WEB.name}:80`)));
  return mesh.workload('gateway', { ip: '10.42.0.9', settings: GATEWAY });
}

for (const kind of KINDS) {
  test(`inbound: a gateway to an invalid domain is 404, a loop is 508 (${kind})`, async () => {
    await using mesh = await TestMesh.start();
    const { identity, inboundAddress } = await gateway(mesh);
    const common = { at: inboundAddress(DIRECT_PORT), identity, credentials: await mesh.credentials(identityOf('client')) };
    const elsewhere = await askAs(kind, meshed({ ...common, gatewayTo: { name: 'web.example.com', port: 80 } }, kind));
    expect(shown(elsewhere)).toEqual(
      answerOf({ status: 404, grpcStatus: 5, closes: false, why: /^GATEWAY_DOMAIN_INVALID: .*web\.example\.com:80/ }, kind, true, matching),
    );
    const loop = await askAs(kind, meshed({ ...common, gatewayTo: WEB }, kind), { forwarded: `by=${identity}` });
    expect(shown(loop)).toEqual(answerOf({ status: 508, grpcStatus: 10, closes: true, why: /^GATEWAY_LOOP: .*names gateway\.ns\./ }, kind, true, matching));
  });

  test(`admin: 404 and 403 as inbound, and else 500 (${kind})`, async () => {
    await using mesh = await TestMesh.start();
    const server = await mesh.workload('server', { ip: '10.42.0.5' });
    const at = server.proxy.addresses.admin;
    if (!at) throw new TypeError('no admin listener');
    const peer: Open = meshed({ at, identity: server.identity, credentials: await mesh.credentials(identityOf('client')) }, kind);
    for (const [set, status, grpcStatus, closes, why] of [
      [routed('/other'), 404, 5, false, /^ROUTE_NOT_FOUND: /],
      [policy({ authorizations: [] }), 403, 7, false, /^UNAUTHORIZED: /],
      [routed('/ask', { kind: 'redirect', host: 'elsewhere', status: 302 }), 500, 13, true, /^REDIRECTED: /],
      [routed('/ask', { kind: 'unknown' }), 500, 13, true, /^POLICY_INVALID: /],
    ] as const) {
      mesh.control.inboundOf(4191).set(set);
      const row = { status, grpcStatus, closes, why };
      expect(shown(await askAs(kind, peer))).toEqual(answerOf(row, kind, true, matching));
      expect(shown(await askAs(kind, plainly(at)))).toEqual(answerOf(row, kind, false, matching));
    }
  });
}
