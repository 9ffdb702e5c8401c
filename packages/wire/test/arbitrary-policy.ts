// Random domain values in the form in which converters give them, for properties: matches, filters, routes and policies.
import type {
  Authorization,
  ClientPolicy,
  Distribution,
  ExponentialBackoff,
  FailureAccrual,
  Filter,
  HostMatch,
  HttpMatch,
  HttpProtocol,
  HttpRule,
  InboundRoute,
  NamedMatch,
  RateLimit,
  ServerPolicy,
  TcpRule,
} from '@weft/core';
import fc from 'fast-check';
import { duration, endpoint, float, host, metadata, network, option, text, token, u32 } from './arbitrary-basics.ts';

const few = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 3 });
const some = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { minLength: 1, maxLength: 3 });
const bytes = fc.stringMatching(/^[\x20-\x7e\x80-\xff]{0,12}$/);
const method = fc.constantFrom('GET', 'POST', 'HEAD', 'TRACE', 'PURGE', 'M-SEARCH');

const hostMatch: fc.Arbitrary<HostMatch> = fc.oneof(
  fc.record({ kind: fc.constant('exact' as const), host }),
  fc.record({ kind: fc.constant('suffix' as const), reverseLabels: some(fc.constantFrom('com', 'example', 'a')) }),
);
const stringMatch = (value: fc.Arbitrary<string>) =>
  fc.oneof(fc.record({ kind: fc.constant('exact' as const), value }), fc.record({ kind: fc.constant('regex' as const), regex: text }));
const headers: fc.Arbitrary<NamedMatch[]> = few(fc.record({ name: token, value: stringMatch(bytes) }));
const httpMatch: fc.Arbitrary<HttpMatch> = fc.record({
  path: option(fc.oneof(stringMatch(text), fc.record({ kind: fc.constant('prefix' as const), value: text }))),
  headers,
  query: few(fc.record({ name: text, value: stringMatch(text) })),
  method: option(method),
});
const grpcMatch = fc.record({ rpc: fc.record({ service: text, method: text }), headers });

const fields = few(fc.tuple(token, bytes));
const modifier = fc.record({ add: fields, set: fields, remove: few(token) });
const ratio = option(
  fc
    .integer({ min: 1, max: 100 })
    .chain((denominator) => fc.record({ numerator: fc.integer({ min: 0, max: denominator }), denominator: fc.constant(denominator) })),
);
const requestHeaders: fc.Arbitrary<Filter> = fc.record({ kind: fc.constant('request-headers' as const), modifier });
const inboundHttpFilter: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ kind: fc.constant('http-failure' as const), status: fc.integer({ min: 100, max: 599 }), message: text, ratio }),
  requestHeaders,
  fc.record({
    kind: fc.constant('redirect' as const),
    scheme: option(fc.constantFrom('http', 'https', 'gopher')),
    host: option(host),
    port: option(fc.integer({ min: 1, max: 65535 })),
    path: option(fc.record({ kind: fc.constantFrom('full' as const, 'prefix' as const), value: text })),
    status: fc.constantFrom(0, 301, 302, 308),
  }),
);
const outboundHttpFilter = fc.oneof(inboundHttpFilter, fc.record({ kind: fc.constant('response-headers' as const), modifier }));
const grpcFilter: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ kind: fc.constant('grpc-failure' as const), code: fc.integer({ min: 0, max: 16 }), message: text, ratio }),
  requestHeaders,
);
const tcpFilter: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ kind: fc.constant('invalid' as const), message: text }),
  fc.constant({ kind: 'forbidden' as const }),
);
const unknownFilter = fc.constant({ kind: 'unknown' as const });

const backoff: fc.Arbitrary<ExponentialBackoff> = fc
  .record({ one: duration, other: duration, jitter: float })
  .map(({ one, other, jitter }) => ({ minMs: Math.min(one, other), maxMs: Math.max(one, other, 1), jitter }));
const accrual: fc.Arbitrary<FailureAccrual> = fc.oneof(
  fc.record({ kind: fc.constant('consecutive' as const), maxFailures: u32, backoff }),
  fc.record({
    kind: fc.constant('unified' as const),
    threshold: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
    windowMs: fc.integer({ min: 10, max: 1e6 }),
    minRequests: fc.integer({ min: 0, max: 1e6 }),
    maxConsecutiveFailures: u32,
    backoff,
  }),
);

const load = fc.oneof(
  fc.record({ kind: fc.constant('peak-ewma' as const), defaultRttMs: duration, decayMs: duration }),
  fc.record({
    kind: fc.constant('penalty-peak-ewma' as const),
    defaultRttMs: duration,
    decayMs: duration,
    penaltyMs: duration,
    penaltyDecayMs: duration,
    maxRetryAfterMs: duration,
  }),
);
const backend = fc.record({
  metadata,
  dispatcher: fc.oneof(
    fc.record({ kind: fc.constant('forward' as const), endpoint }),
    fc.record({ kind: fc.constant('balancer' as const), path: text, load }),
    fc.constant({ kind: 'fail' as const, message: 'the backend is of no known kind' }),
  ),
  queue: fc.record({ capacity: u32, failfastTimeoutMs: duration }),
});
const distribution = (filter: fc.Arbitrary<Filter>): fc.Arbitrary<Distribution> => {
  const filters = few(filter);
  const weighted = fc.record({ backend, filters, weight: fc.integer({ min: 1, max: 0xffffffff }) });
  return fc.oneof(
    fc.constant({ kind: 'empty' as const }),
    fc.record({ kind: fc.constant('first-available' as const), backends: some(fc.record({ backend, filters })) }),
    fc.record({ kind: fc.constant('random-available' as const), backends: some(weighted) }),
  );
};
const rule = <M, C>(match: fc.Arbitrary<M>, filter: fc.Arbitrary<Filter>, conditions: fc.Arbitrary<C>): fc.Arbitrary<HttpRule<M, C>> =>
  fc.record({
    matches: few(match),
    filters: few(filter),
    distribution: distribution(filter),
    timeouts: fc.record({ requestMs: option(duration), responseMs: option(duration), idleMs: option(duration) }),
    retry: option(fc.record({ maxRetries: u32, maxRequestBytes: u32, conditions, timeoutMs: option(duration), backoff: option(backoff) })),
    allowL5dHeaders: fc.boolean(),
  });
const status = fc.integer({ min: 100, max: 599 });
const httpRule = rule(httpMatch, outboundHttpFilter, fc.record({ statusRanges: few(fc.record({ start: status, end: status })) }));
const grpcRule = rule(grpcMatch, grpcFilter, fc.record({ codes: fc.subarray([1, 4, 8, 13, 14]) }));
const tcpRule: fc.Arbitrary<TcpRule> = fc.record({ filters: few(tcpFilter), distribution: distribution(tcpFilter) });

const http: fc.Arbitrary<HttpProtocol> = fc.record({
  routes: few(fc.record({ metadata, hosts: few(hostMatch), rules: few(httpRule) })),
  accrual: option(accrual),
});
const grpc = fc.record({ routes: few(fc.record({ metadata, hosts: few(hostMatch), rules: few(grpcRule) })), accrual: option(accrual) });
const opaque = fc.record({ routes: few(fc.record({ metadata, rules: few(tcpRule) })) });
const tls = fc.record({ routes: few(fc.record({ metadata, snis: few(hostMatch), rules: few(tcpRule) })) });

export const clientPolicy: fc.Arbitrary<ClientPolicy> = fc.record({
  parent: metadata,
  protocol: fc.oneof(
    fc.record({ kind: fc.constant('detect' as const), timeoutMs: duration, opaque, http1: http, http2: http }),
    opaque.map((protocol) => ({ kind: 'opaque' as const, ...protocol })),
    fc.tuple(fc.constantFrom('http1' as const, 'http2' as const), http).map(([kind, protocol]) => ({ kind, ...protocol })),
    grpc.map((protocol) => ({ kind: 'grpc' as const, ...protocol })),
    tls.map((protocol) => ({ kind: 'tls' as const, ...protocol })),
  ),
});

const authorization: fc.Arbitrary<Authorization> = fc.record({
  metadata,
  networks: some(fc.record({ net: network, except: few(network) })),
  authentication: fc.oneof(
    fc.constant({ kind: 'unauthenticated' as const }),
    fc.constant({ kind: 'tls' as const }),
    fc.record({ kind: fc.constant('clients' as const), identities: few(host), suffixes: few(few(host)) }),
  ),
});
const rps = fc.integer({ min: 1, max: 0xffffffff });
const rateLimit: fc.Arbitrary<RateLimit> = fc.record({
  metadata: option(metadata),
  totalRps: option(rps),
  identityRps: option(rps),
  overrides: few(fc.record({ identities: few(host), rps: u32 })),
});
const inboundRoute = <M>(match: fc.Arbitrary<M>, filter: fc.Arbitrary<Filter>): fc.Arbitrary<InboundRoute<M>> =>
  fc.record({
    metadata,
    hosts: few(hostMatch),
    authorizations: few(authorization),
    rules: few(fc.record({ matches: few(match), filters: few(fc.oneof(filter, unknownFilter)) })),
  });
const httpRoutes = few(inboundRoute(httpMatch, inboundHttpFilter));

/** As a control plane makes it: routes carry their own authorizations alone. Of the metadata only what labels can say is set. */
export const serverPolicy: fc.Arbitrary<ServerPolicy> = fc.record({
  metadata: metadata.map((meta) => (meta.kind === 'default' ? meta : { ...meta, resource: `${meta.resource}x`, namespace: '', section: '', port: 0 })),
  protocol: fc.oneof(
    fc.record({
      kind: fc.constant('detect' as const),
      timeoutMs: duration,
      routes: httpRoutes,
      authorizations: few(authorization),
      rateLimit: option(rateLimit),
    }),
    fc.record({
      kind: fc.constantFrom('http1' as const, 'http2' as const),
      routes: httpRoutes,
      authorizations: few(authorization),
      rateLimit: option(rateLimit),
    }),
    fc.record({ kind: fc.constant('grpc' as const), routes: few(inboundRoute(grpcMatch, grpcFilter)), authorizations: few(authorization) }),
    fc.record({ kind: fc.constantFrom('opaque' as const, 'tls' as const), authorizations: few(authorization) }),
  ),
});
