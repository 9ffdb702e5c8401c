// Random routes and requests of few words, so that they meet. What implementations are known to take differently (docs/compatibility.md) is not
// among them: patterns with an alternative that is the beginning of another, prefixes replaced by one that ends with a slash.
import {
  type ClientPolicy,
  type Distribution,
  defaultMetadata,
  type Filter,
  type GrpcMatch,
  type HostMatch,
  type HttpMatch,
  type NamedMatch,
  type PathMatch,
} from '@weft/core';
import fc from 'fast-check';
import { backend, balanced, clientPolicy, firstOf, opaqueProtocol } from '../proxy/policies.ts';

/** The header that a rule sets of the requests it forwards, to its route and number. */
export const MARK = 'x-rule';

const few = <T>(one: fc.Arbitrary<T>, maxLength = 2): fc.Arbitrary<T[]> => fc.array(one, { maxLength });
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined, freq: 2 });
const one = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const host = fc.oneof<fc.Arbitrary<HostMatch>[]>(
  one('web', 'a.example', 'A.Example', 'b.a.example', 'web.').map((name) => ({ kind: 'exact', host: name })),
  one(['example'], ['example', 'a'], ['Example', 'A']).map((reverseLabels) => ({ kind: 'suffix', reverseLabels })),
);
const path = fc.oneof<fc.Arbitrary<PathMatch>[]>(
  one('/', '/a', '/a/', '/a/b', '/%61', '//').map((value) => ({ kind: 'exact', value })),
  one('/', '/a', '/a/', '/a/b', '/a//', '/%61').map((value) => ({ kind: 'prefix', value })),
  one('/a', '/a.*', '/[ab]/?', '.*', '(?i)/A', '^/a$', '/.{3}').map((regex) => ({ kind: 'regex', regex })),
);
const value = fc.oneof<fc.Arbitrary<NamedMatch['value']>[]>(
  one('on', 'ON', '', '1', 'a b', '=on', '%zz').map((text) => ({ kind: 'exact', value: text })),
  one('o.', 'on|off', '^on$', '[0-9]*', '.*', '(?i)on').map((regex) => ({ kind: 'regex', regex })),
);
const headers = few(fc.record({ name: one('x-a', 'X-B'), value }));
const query = few(fc.record({ name: one('x', 'y', 'X'), value }), 1);
const httpMatch: fc.Arbitrary<HttpMatch> = fc.record({ path: maybe(path), headers, query, method: maybe(one('GET', 'POST', 'PURGE')) });
const grpcMatch: fc.Arbitrary<GrpcMatch> = fc.record({ rpc: fc.record({ service: one('svc', 'a.Svc', ''), method: one('Get', 'get', '') }), headers });

const redirect: fc.Arbitrary<Filter> = fc.record({
  kind: fc.constant('redirect'),
  scheme: one(undefined, undefined, 'https', 'http'),
  host: one(undefined, undefined, 'web', 'a.example'),
  port: one(undefined, undefined, 80, 443, 8080),
  path: maybe(fc.record({ kind: one<'full' | 'prefix'>('full', 'prefix'), value: one('/z', '/z/y') })),
  status: one(301, 302, 307, 0),
});
const field = fc.tuple(one('x-a', 'x-c', 'X-D'), one('one', 'two'));
const modifier = fc.record({ add: few(field), set: few(field), remove: few(one('x-a', 'x-b', 'X-C', 'x-d')) });
const requestHeaders = modifier.map((made): Filter => ({ kind: 'request-headers', modifier: made }));
const back = fc.tuple(one('x-r', 'X-S'), one('one', 'two'));
const responseHeaders: fc.Arbitrary<Filter> = fc
  .record({ add: few(back), set: few(back), remove: few(one('X-R', 'x-s'), 1) })
  .map((made) => ({ kind: 'response-headers', modifier: made }));
const ratio = one(undefined, { numerator: 0, denominator: 10 }, { numerator: 1, denominator: 1 });
const httpFailure: fc.Arbitrary<Filter> = fc.record({ kind: fc.constant('http-failure'), status: one(418, 503), message: fc.constant('no tea'), ratio });
const grpcFailure: fc.Arbitrary<Filter> = fc.record({ kind: fc.constant('grpc-failure'), code: one(9, 14), message: fc.constant('no tea'), ratio });

const seldom = (...filters: readonly fc.Arbitrary<Filter>[]): fc.Arbitrary<Filter[]> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant<Filter[]>([]) }, { weight: 1, arbitrary: few(fc.oneof(...filters)) });

interface RandomRule<M> {
  readonly matches: readonly M[];
  readonly filters: readonly Filter[];
}

/** Named, and with rules that mark what they forward. */
function routes<M>(match: fc.Arbitrary<M>, filters: fc.Arbitrary<Filter[]>) {
  const rules = fc.array(fc.record({ matches: few(match), filters }), { minLength: 1, maxLength: 3 });
  return fc.array(fc.record({ hosts: few(host), rules }), { minLength: 1, maxLength: 3 }).map((list) =>
    list.map((route, at) => ({
      metadata: defaultMetadata(`r${at}`),
      hosts: route.hosts,
      rules: route.rules.map((rule, number): RandomRule<M> => ({ ...rule, filters: [...rule.filters, marking(`default/r${at} ${number}`)] })),
    })),
  );
}

const marking = (text: string): Filter => ({ kind: 'request-headers', modifier: { add: [], set: [[MARK, text]], remove: [] } });

/** Of a server, or of a client's policy. */
export const httpRoutes = routes(httpMatch, seldom(redirect, requestHeaders, httpFailure));
const grpcRoutes = routes(grpcMatch, seldom(requestHeaders, grpcFailure));

/** Whatever its version, a request goes where its version is spoken. Clients' policies have filters of responses, and of backends. */
export function httpPolicies(http1: string, http2: string): fc.Arbitrary<ClientPolicy> {
  const ofRule = seldom(redirect, requestHeaders, httpFailure, responseHeaders);
  return fc.tuple(routes(httpMatch, ofRule), fc.array(ofRule, { minLength: 9, maxLength: 9 })).map(([list, ofBackends]) => {
    const to = (name: string) => ({
      routes: list.map((route, r) => ({ ...route, rules: route.rules.map((rule, n) => ({ ...rule, ...forwarding(name, ofBackends[r * 3 + n]) })) })),
    });
    return clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(firstOf(balanced(http1))), http1: to(http1), http2: to(http2) });
  });
}

export function grpcPolicies(name: string): fc.Arbitrary<ClientPolicy> {
  return grpcRoutes.map((list) =>
    clientPolicy({ kind: 'grpc', routes: list.map((route) => ({ ...route, rules: route.rules.map((rule) => ({ ...rule, ...forwarding(name) })) })) }),
  );
}

function forwarding(name: string, filters: readonly Filter[] = []) {
  const distribution: Distribution = { kind: 'first-available', backends: [{ backend: backend(balanced(name)), filters }] };
  return { distribution, timeouts: {}, allowL5dHeaders: false };
}

export interface RandomRequest {
  readonly method: string;
  readonly authority: string;
  /** With the query. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const NAMES = ['web', 'web:80', 'web:', 'WEB.:80', 'a.example', 'A.EXAMPLE', 'a.example.', 'b.a.example:8080', 'c.b.a.example', 'example', 'x.example:443'];
const authority = one(...NAMES, '10.1.2.3:80', '[::1]:80');
const fields = few(fc.tuple(one('x-a', 'x-b'), one('on', 'ON', 'off', '', '1', 'on, off')), 3);
const asked = one('/', '/a', '/a/', '/ab', '/a/b', '/a/b/', '/a/b/c', '/A', '/a//b', '//', '/%61', '/b/', '/a/..', '/a;x');
const ENCODED = ['?y=%6fn', '?y=a+b&x=ON', '?y=a%20b', '?x=%zz', '?%78=on'];
const queries = one('', '', '', '?', '?x=1', '?x=1&x=on', '?x=on', '?x', '?X=on', '?&x=&', '?x=1?y=on', '?x==on', ...ENCODED);

export const httpRequests: fc.Arbitrary<RandomRequest> = fc.record({
  method: one('GET', 'POST', 'PURGE'),
  authority,
  path: fc.tuple(asked, queries).map(([before, after]) => before + after),
  headers: fields,
});

export const grpcRequests: fc.Arbitrary<RandomRequest> = fc.record({
  method: one('POST', 'POST', 'POST', 'GET'),
  authority,
  path: one('/svc/Get', '/svc/Get', '/svc/get', '/a.Svc/Get', '/a.Svc/get', '/svc/', '/svc', '/', '//Get', '/svc/Get/x', '/svc/Get?x', '/other/Put'),
  headers: fields,
});
