// Every answer that the outbound side makes itself, through real sockets. spec/proxy.md §4.6. Timeouts: timeouts.test.ts.
import { createServer, type Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import { type ClientPolicy, type Filter, type HttpMatch, parseIdentityId, plainEndpoint } from '@weft/core';
import type { ProxySettings } from '@weft/proxy';
import { expect, test } from 'vitest';
import { frozenApplication } from '../process/frozen.ts';
import { answerOf, askAs, type ErrorRow, KINDS, type Kind, plainly, shown } from './error-rows.ts';
import { NAME, SERVICE } from './pair.ts';
import { type backend, balanced, clientPolicy, detectPolicy, firstOf, httpProtocol, opaqueProtocol } from './policies.ts';
import { addressOf, TestMesh } from './test-mesh.ts';

const ENDPOINT = '192.0.2.7:8080';
const OTHER = 'other.ns.serviceaccount.identity.linkerd.cluster.local';
const forwarding = { kind: 'forward' as const, endpoint: plainEndpoint(addressOf(ENDPOINT)) };

function policy(filters: readonly Filter[], match?: Partial<HttpMatch>, dispatcher: Parameters<typeof backend>[0] = balanced(NAME)): ClientPolicy {
  const to = firstOf(dispatcher);
  const { routes } = httpProtocol({ to, ...(match && { match }) });
  const http = { routes: routes.map((route) => ({ ...route, rules: route.rules.map((rule) => ({ ...rule, filters })) })) };
  return clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(to), http1: http, http2: http });
}

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

interface Row extends ErrorRow {
  readonly name: string;
  readonly policy?: ClientPolicy;
  readonly arrange?: (scene: { readonly mesh: TestMesh }) => void | Promise<void | AsyncDisposable>;
  readonly settings?: ProxySettings['outbound'];
  readonly headers?: Readonly<Record<string, string>>;
  readonly kinds?: readonly Kind[];
  /** A request waited in vain before. */
  readonly givenUp?: boolean;
}

const IN_ROUTE = /; route default\/route of default\/test$/;
const within = (why: RegExp): RegExp => new RegExp(why.source + IN_ROUTE.source);

const ROWS: readonly Row[] = [
  {
    name: 'failfast without endpoints',
    arrange: ({ mesh }) => mesh.control.endpointsOf(NAME).set([]),
    status: 504,
    grpcStatus: 4,
    closes: true,
    why: within(/^NO_ENDPOINTS: .*server\.ns\.svc\.cluster\.local:80/),
  },
  {
    name: 'failfast without an endpoint that is ready',
    arrange: ({ mesh }) => mesh.control.endpointsOf(NAME).set([ENDPOINT, '192.0.2.8:8080'].map((at) => ({ ...plainEndpoint(addressOf(at)), hint: 'h2' }))),
    status: 504,
    grpcStatus: 4,
    closes: true,
    // How many endpoints, in which state, with their last errors.
    why: within(
      /^FAILFAST: .*no endpoint ready for 200 ms: 2 endpoints, 2 connecting: 192\.0\.2\.7:8080 \(connecting, CONNECT_REFUSED.*, 192\.0\.2\.8:8080 \(connecting, CONNECT_REFUSED.*/,
    ),
  },
  {
    name: 'what comes after failfast gave up',
    arrange: ({ mesh }) => mesh.control.endpointsOf(NAME).set([{ ...plainEndpoint(addressOf(ENDPOINT)), hint: 'h2' }]),
    givenUp: true,
    status: 503,
    grpcStatus: 14,
    closes: true,
    why: within(/^GATE_SHUT: .*no endpoint ready for 200 ms: 1 endpoint, 1 connecting: 192\.0\.2\.7:8080 \(connecting, CONNECT_REFUSED.*/),
  },
  {
    name: 'a full queue',
    arrange: ({ mesh }) => mesh.control.endpointsOf(NAME).set([{ ...plainEndpoint(addressOf(ENDPOINT)), hint: 'h2' }]),
    settings: { queueCapacity: 0 },
    status: 503,
    grpcStatus: 14,
    closes: true,
    why: within(/^QUEUE_FULL: .*server\.ns\.svc\.cluster\.local:80: 0 wait/),
  },
  {
    name: 'a request that patterns take too long for',
    policy: policy([], { headers: [{ name: 'x-long', value: { kind: 'regex', regex: '(?:[a-z]{0,30}x){0,20}' } }] }),
    headers: { 'x-long': 'a'.repeat(30_000) },
    status: 500,
    grpcStatus: 13,
    closes: true,
    why: /^MATCH_LIMIT: .*30000 characters against "\(.*; default\/test$/,
  },
  { name: 'load-shed', settings: { maxInFlight: 0 }, status: 503, grpcStatus: 14, closes: true, why: within(/^LOAD_SHED: .*0 requests are in flight/) },
  {
    name: 'identity required',
    arrange: ({ mesh }) => answering(mesh),
    headers: { 'l5d-require-id': OTHER },
    status: 502,
    grpcStatus: 14,
    closes: true,
    why: within(/^IDENTITY_REQUIRED: .*other\.ns\..* is required/),
  },
  {
    name: 'a backend that the policy says is invalid',
    policy: policy([], undefined, { kind: 'fail', message: 'no such Service' }),
    status: 502,
    grpcStatus: 14,
    closes: true,
    why: within(/^BACKEND_INVALID: .*no such Service/),
  },
  {
    name: 'no matching route',
    policy: policy([], { method: 'PATCH' }),
    status: 404,
    grpcStatus: 5,
    closes: false,
    why: /^ROUTE_NOT_FOUND: .*\/ask; default\/test$/,
  },
  {
    name: 'redirect',
    policy: policy([{ kind: 'redirect', scheme: 'https', status: 0 }]),
    status: 301,
    grpcStatus: 5,
    closes: false,
    why: /^REDIRECTED: .*default\/route of default\/test: 301 https:\/\/server\/ask$/,
    location: 'https://server/ask',
  },
  {
    name: 'injected HTTP failure',
    policy: policy([{ kind: 'http-failure', status: 418, message: 'only tea' }]),
    status: 418,
    grpcStatus: 9,
    closes: false,
    why: /^FAILURE_INJECTED: .*418 only tea$/,
    message: 'only tea',
  },
  {
    name: 'injected gRPC failure',
    policy: policy([{ kind: 'grpc-failure', code: 11, message: 'out of tea' }]),
    status: 200,
    grpcStatus: 11,
    closes: false,
    why: /^FAILURE_INJECTED: .*gRPC status 11 out of tea$/,
    message: 'out of tea',
  },
  {
    name: 'an invalid redirect, and all else,',
    policy: policy([{ kind: 'redirect', path: { kind: 'prefix', value: '/x' }, status: 0 }], { path: { kind: 'exact', value: '/ask' } }),
    status: 500,
    grpcStatus: 13,
    closes: true,
    why: /^REDIRECT_INVALID: .*route default\/route of default\/\w+: .*prefix/,
  },
  {
    name: 'a connection that is refused',
    policy: policy([], undefined, forwarding),
    kinds: ['http1'],
    status: 502,
    grpcStatus: 14,
    closes: true,
    why: within(/^CONNECT_REFUSED: the endpoint refused the connection: .*/),
  },
  {
    name: 'a connection that is not established in time',
    policy: policy([], undefined, forwarding),
    arrange: async ({ mesh }) => {
      const frozen = await frozenApplication();
      mesh.addresses.set(ENDPOINT, { ip: '127.0.0.1', port: frozen.port });
      return frozen;
    },
    kinds: ['http1'],
    status: 504,
    grpcStatus: 4,
    closes: true,
    why: within(/^CONNECT_TIMEOUT: .* after 100 ms/),
  },
  {
    name: 'an I/O error',
    arrange: async ({ mesh }) => {
      await answering(mesh, 'breaks');
    },
    status: 502,
    grpcStatus: 14,
    closes: true,
    why: within(/^UPSTREAM_CLOSED: .*192\.0\.2\.7:8080: connection closed/),
  },
  {
    name: 'an endpoint with another identity',
    policy: policy([], undefined, { kind: 'forward', endpoint: { ...plainEndpoint(addressOf('10.42.0.5:8080')), identity: identity(OTHER) } }),
    arrange: async ({ mesh }) => {
      const { identity: own } = await mesh.workload('server', { ip: '10.42.0.5', ports: { 8080: 1 } });
      mesh.control.outboundOf(SERVICE).set(
        policy([], undefined, {
          kind: 'forward',
          endpoint: { ...plainEndpoint(addressOf('10.42.0.5:8080')), identity: { ...identity(OTHER), serverName: own } },
        }),
      );
    },
    kinds: ['http1'],
    status: 502,
    grpcStatus: 14,
    closes: true,
    why: within(/^TLS_PEER_NAME_MISMATCH: .*10\.42\.0\.5:8080: expected other\.ns\..*, found "server\.ns\..*"/),
  },
  {
    name: 'an upgraded request that the peer resets',
    arrange: ({ mesh }) => answering(mesh, 'resets'),
    kinds: ['http1'],
    status: 502,
    grpcStatus: 14,
    closes: true,
    why: within(/^DOWNGRADED: .*192\.0\.2\.7:8080: HTTP\/2 code 11/),
  },
];

function identity(name: string) {
  const id = parseIdentityId(name);
  if (!id) throw new TypeError(name);
  return { id, serverName: name };
}

/** An HTTP/2 endpoint that takes what is upgraded. */
async function answering(mesh: TestMesh, how: 'answers' | 'breaks' | 'resets' = 'answers'): Promise<void> {
  const server: Http2Server = createServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('session', (session) => session.on('error', () => undefined));
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    if (how === 'breaks') for (const socket of sockets) socket.destroy();
    else if (how === 'resets') stream.close(11);
    else stream.respond({ ':status': 200 }, { endStream: true });
  });
  const port = await mesh.listenOn(server as unknown as Parameters<TestMesh['listenOn']>[0]);
  mesh.addresses.set(ENDPOINT, { ip: '127.0.0.1', port });
  mesh.control.endpointsOf(NAME).set([{ ...plainEndpoint(addressOf(ENDPOINT)), hint: 'h2' }]);
}

for (const row of ROWS) {
  for (const kind of row.kinds ?? KINDS) {
    test(`outbound: ${row.name} is ${row.status}, to gRPC ${row.grpcStatus} (${kind})`, async () => {
      for (const informationalHeaders of [true, false]) {
        await using mesh = await TestMesh.start();
        const outbound = { connectTimeoutMs: 100, failfastMs: 200, informationalHeaders, ...row.settings };
        const client = await mesh.workload('client', { ip: '10.42.0.4', connectsTo: [`${SERVICE}=${NAME}`], settings: { outbound } });
        mesh.control.outboundOf(SERVICE).set(row.policy ?? detectPolicy(balanced(NAME)));
        const arranged = await row.arrange?.({ mesh });
        const open = plainly(client.outboundPort(SERVICE));
        if (row.givenUp) await askAs(kind, open);
        const answer = await askAs(kind, open, row.headers);
        await arranged?.[Symbol.asyncDispose]();
        expect(shown(answer)).toEqual(answerOf(row, kind, informationalHeaders, matching));
      }
    });
  }
}
