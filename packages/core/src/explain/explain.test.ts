import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ClientPolicy, Distribution } from '../domain/client-policy.ts';
import { plainEndpoint } from '../domain/endpoint.ts';
import type { Filter, HttpMatch } from '../domain/match.ts';
import { defaultMetadata } from '../domain/metadata.ts';
import { httpMatch } from '../route/compile-match.ts';
import { patternCompiler } from '../route/pattern.ts';
import type { OutboundRouting } from '../route/profile-routes.ts';
import type { RoutedRequest } from '../route/request-view.ts';
import { routeTable } from '../route/route-table.ts';
import { explainOutbound } from './explain-outbound.ts';
import { explainRoutes } from './explain-routes.ts';

const LOAD = { kind: 'peak-ewma', defaultRttMs: 30, decayMs: 10_000 } as const;
const QUEUE = { capacity: 0, failfastTimeoutMs: 0 };
const balancer = (name: string, filters: readonly Filter[] = []) => ({
  backend: { metadata: defaultMetadata(name), dispatcher: { kind: 'balancer', path: `${name}:80`, load: LOAD } as const, queue: QUEUE },
  filters,
});
const first = (name: string): Distribution => ({ kind: 'first-available', backends: [balancer(name)] });
const rule = (matches: readonly HttpMatch[], distribution: Distribution, filters: readonly Filter[] = []) => ({
  matches,
  filters,
  distribution,
  timeouts: {},
  allowL5dHeaders: false,
});
const match = (extra: Partial<HttpMatch>): HttpMatch => ({ headers: [], query: [], ...extra });
const request = (path: string, extra: Partial<RoutedRequest> = {}): RoutedRequest => ({ method: 'GET', path, authority: 'web.example', headers: [], ...extra });
const http = (...rules: ReturnType<typeof rule>[]): ClientPolicy => ({
  parent: defaultMetadata('svc'),
  protocol: { kind: 'http1', routes: [{ metadata: defaultMetadata('r'), hosts: [{ kind: 'exact', host: 'web.example' }], rules }] },
});
const ask = (policy: ClientPolicy, asked: RoutedRequest) => explainOutbound({ policy }, { request: asked, protocol: 'http/1' });

test('lists candidates by precedence, each with what rejected it, and says why the winner comes first', () => {
  const policy = http(
    rule([match({ path: { kind: 'prefix', value: '/' } })], first('default')),
    rule([match({ path: { kind: 'prefix', value: '/api' }, headers: [{ name: 'X-Beta', value: { kind: 'regex', regex: 'on|yes' } }] })], first('beta')),
    rule([match({ path: { kind: 'exact', value: '/api/v1' }, method: 'POST' }), match({ path: { kind: 'prefix', value: '/api' } })], first('api')),
  );
  const explained = ask(policy, request('/api/v1', { headers: ['x-beta', 'off'] }));
  expect(explained.candidates).toEqual([
    {
      route: 'default/r',
      rule: 2,
      match: 0,
      wants: ['host web.example', 'method POST', 'path /api/v1'],
      outcome: 'rejected',
      mismatch: { predicate: 'method', wanted: 'POST', found: 'GET' },
    },
    {
      route: 'default/r',
      rule: 1,
      match: 0,
      wants: ['host web.example', 'path prefix /api', 'header x-beta: regex on|yes'],
      outcome: 'rejected',
      mismatch: { predicate: 'header', name: 'x-beta', wanted: 'regex on|yes', found: 'off' },
    },
    { route: 'default/r', rule: 2, match: 1, wants: ['host web.example', 'path prefix /api'], outcome: 'wins' },
    { route: 'default/r', rule: 0, match: 0, wants: ['host web.example', 'path prefix /'], outcome: 'loses' },
  ]);
  expect(explained.precedence).toEqual({ over: 3, criterion: 'path', winner: 4, other: 1 });
  expect(explained.backends).toEqual([{ backend: 'default/api', kind: 'balancer', target: 'api:80', share: 1, filters: [] }]);
  expect(explained.verdict).toEqual({ kind: 'forwarded' });
  expect(ask(policy, request('/api/v1', { headers: ['x-beta', 'yes'] })).precedence).toEqual({ over: 2, criterion: 'headers', winner: 1, other: 0 });
});

test('says which host is wanted where no route is for the one given', () => {
  const explained = ask(http(rule([], first('a'))), request('/', { authority: 'other' }));
  expect(explained.candidates[0]?.mismatch).toEqual({ predicate: 'host', wanted: 'web.example', found: 'other' });
  expect(explained.verdict).toMatchObject({ kind: 'refused', reason: { code: 'ROUTE_NOT_FOUND' } });
});

test('says what filters do to the request, and answers for those that always do', () => {
  const redirect: Filter = { kind: 'redirect', scheme: 'https', status: 308 };
  const sometimes: Filter = { kind: 'http-failure', status: 503, message: 'chaos', ratio: { numerator: 1, denominator: 4 } };
  const explained = ask(http(rule([], first('a'), [sometimes, redirect])), request('/x'));
  expect(explained.filters.map(({ effect }) => effect)).toEqual([
    'fails 1 of 4 requests with status 503: chaos',
    'redirects to https://web.example/x with 308',
  ]);
  expect(explained.verdict).toMatchObject({ kind: 'answered', status: 308, reason: { code: 'REDIRECTED' } });
  expect(ask(http(rule([], first('a'), [sometimes])), request('/x')).verdict).toEqual({ kind: 'forwarded' });
});

test('shows how a split divides, and refuses what has no backend', () => {
  const split: Distribution = {
    kind: 'random-available',
    backends: [
      { ...balancer('a'), weight: 1 },
      { ...balancer('b'), weight: 3 },
    ],
  };
  expect(ask(http(rule([], split)), request('/')).backends).toMatchObject([
    { target: 'a:80', weight: 1, share: 0.25 },
    { target: 'b:80', weight: 3, share: 0.75 },
  ]);
  const alone = ask(http(rule([], { kind: 'random-available', backends: [{ ...balancer('a'), weight: 0 }] })), request('/'));
  expect(alone).toMatchObject({ verdict: { kind: 'forwarded' }, backends: [{ weight: 0, share: 1 }] });
  expect(ask(http(rule([], { kind: 'empty' })), request('/')).verdict).toMatchObject({ kind: 'refused', reason: { code: 'LOAD_SHED' } });
});

test('refuses by the pattern that cannot be read', () => {
  const explained = ask(http(rule([match({ path: { kind: 'regex', regex: '/a(' } })], first('a'))), request('/'));
  expect(explained.verdict).toMatchObject({ kind: 'refused', reason: { code: 'POLICY_INVALID', text: expect.stringContaining('"/a("') } });
});

test('refuses all that comes under a policy one rule of which cannot be followed, whichever rule takes it', () => {
  const NOBODY = { ...balancer('b'), weight: 0 };
  const broken: readonly (readonly [what: string, broken: ReturnType<typeof rule>])[] = [
    ['every backend has weight 0', rule([match({ method: 'PUT' })], { kind: 'random-available', backends: [NOBODY, NOBODY] })],
    ['filter unknown is not supported on requests', rule([match({ method: 'PUT' })], first('b'), [{ kind: 'unknown' }])],
    [
      'filter unknown is not supported on requests',
      rule([match({ method: 'PUT' })], { kind: 'first-available', backends: [balancer('b', [{ kind: 'unknown' }])] }),
    ],
  ];
  for (const [what, one] of broken) {
    const { verdict } = ask(http(rule([], first('a')), one), request('/'));
    const text = `the policy for this target could not be understood: route default/r: ${what}`;
    expect(verdict).toEqual({ kind: 'refused', status: 500, reason: { code: 'POLICY_INVALID', text } });
  }
});

test('closes connections that are no requests under a policy that is invalid', () => {
  const explained = explainOutbound({ policy: http(rule([], first('a'), [{ kind: 'unknown' }])) }, { request: request('/'), protocol: 'opaque' });
  expect(explained.verdict).toEqual({ kind: 'refused', reason: { code: 'POLICY_INVALID', text: expect.any(String) as string } });
});

test('names route and parent where a request is refused, as the response does', () => {
  const text = (policy: ClientPolicy, asked = request('/')) => {
    const { verdict } = ask(policy, asked);
    return verdict.kind === 'refused' ? [verdict.status, verdict.reason.text] : verdict;
  };
  expect(text(http(rule([], { kind: 'empty' })))).toEqual([503, 'too many requests are in flight: there is no backend; route default/r of default/svc']);
  expect(text(http(rule([], first('a'))), request('/x', { authority: 'o' }))).toEqual([404, 'no route matches the request: GET o/x; default/svc']);
});

const PROFILED: OutboundRouting = {
  policy: {
    parent: defaultMetadata('svc'),
    protocol: { kind: 'detect', timeoutMs: 1, opaque: { routes: [] }, http1: { routes: [] }, http2: { routes: [] } },
  },
  profile: {
    authority: 'web:80',
    parent: defaultMetadata('svc'),
    retryBudget: { retryRatio: 0.2, minRetriesPerSecond: 10, ttlMs: 10_000 },
    distribution: first('web'),
    routes: [
      { condition: { kind: 'path', regex: '/books/.*' }, responseClasses: [], labels: { route: 'books' }, isRetryable: false },
      { condition: { kind: 'method', method: 'GET' }, responseClasses: [], labels: { route: 'reads' }, isRetryable: true, timeoutMs: 300 },
    ],
  },
};

test('explains the routes of a profile by their conditions', () => {
  expect(explainOutbound(PROFILED, { request: request('/authors'), protocol: 'http/2' })).toMatchObject({
    drivenBy: 'profile',
    candidates: [
      { route: 'route=books', outcome: 'rejected', mismatch: { predicate: 'condition', wanted: 'path /books/.*', found: 'GET /authors' } },
      { route: 'route=reads', outcome: 'wins' },
      { route: 'implicit', outcome: 'loses' },
    ],
    timeouts: { requestMs: 300 },
    retry: 'failures, within 0.2 of the requests and 10 per second',
  });
});

test('promises no retries of a profile whose budget is out of range', () => {
  const { profile } = PROFILED;
  const retryBudget = { retryRatio: 0.2, minRetriesPerSecond: 10, ttlMs: 1_000_000 };
  const explained = explainOutbound({ ...PROFILED, profile: profile && { ...profile, retryBudget } }, { request: request('/authors'), protocol: 'http/2' });
  expect([explained.candidates[1]?.outcome, explained.retry]).toEqual(['wins', undefined]);
});

test('says whether a profile decides where opaque connections go', () => {
  const drivenBy = (routing: OutboundRouting) => explainOutbound(routing, { request: request('/'), protocol: 'opaque' }).drivenBy;
  expect(drivenBy(PROFILED)).toBe('policy');
  expect(drivenBy({ ...PROFILED, opaqueByProfile: true })).toBe('profile');
  expect(drivenBy({ policy: { ...PROFILED.policy, protocol: { kind: 'opaque', routes: [] } }, opaqueByProfile: true })).toBe('profile');
});

test('explains TLS by server name, and connections that are forbidden', () => {
  const tls = (sni: string) =>
    explainOutbound(
      {
        policy: {
          parent: defaultMetadata('egress'),
          protocol: {
            kind: 'tls',
            routes: [
              {
                metadata: defaultMetadata('one'),
                snis: [{ kind: 'exact', host: 'a.example' }],
                rules: [{ filters: [{ kind: 'forbidden' }], distribution: first('a') }],
              },
              {
                metadata: defaultMetadata('all'),
                snis: [{ kind: 'suffix', reverseLabels: ['example'] }],
                rules: [
                  {
                    filters: [],
                    distribution: {
                      kind: 'first-available',
                      backends: [
                        {
                          backend: {
                            metadata: defaultMetadata('f'),
                            dispatcher: { kind: 'forward', endpoint: plainEndpoint({ ip: '10.0.0.1', port: 443 }) },
                            queue: QUEUE,
                          },
                          filters: [],
                        },
                      ],
                    },
                  },
                ],
              },
            ],
          },
        },
      },
      { request: request('/'), protocol: 'tls', sni },
    );
  expect(tls('a.example')).toMatchObject({
    protocol: 'tls',
    candidates: [{ outcome: 'wins' }, { outcome: 'loses' }],
    verdict: { reason: { code: 'CONNECTION_FORBIDDEN' } },
  });
  expect(tls('b.example')).toMatchObject({
    candidates: [{ outcome: 'rejected' }, { outcome: 'wins' }],
    backends: [{ kind: 'forward', target: '10.0.0.1:443' }],
  });
  expect(tls('elsewhere').verdict).toMatchObject({ kind: 'refused', reason: { code: 'ROUTE_NOT_FOUND' } });
});

test('finds the winner that routing finds, first among those that hold', () => {
  const path = fc.constantFrom('/', '/a', '/a/b', '/b');
  const matches = fc.record({
    path: fc.option(
      fc.oneof(
        path.map((value) => ({ kind: 'prefix', value }) as const),
        path.map((value) => ({ kind: 'exact', value }) as const),
        fc.constantFrom('/a.*', '/[ab]').map((regex) => ({ kind: 'regex', regex }) as const),
      ),
      { nil: undefined },
    ),
    headers: fc.array(fc.record({ name: fc.constant('h'), value: fc.constantFrom('1', '2').map((value) => ({ kind: 'exact', value }) as const) }), {
      maxLength: 2,
    }),
    query: fc.constant([]),
    method: fc.option(fc.constantFrom('GET', 'PUT'), { nil: undefined }),
  });
  const hosts = fc.array(fc.constantFrom({ kind: 'exact', host: 'a.b' } as const, { kind: 'suffix', reverseLabels: ['b'] } as const), { maxLength: 2 });
  const routes = fc.array(fc.record({ hosts, rules: fc.array(fc.array(matches, { maxLength: 2 }), { maxLength: 3 }) }), { maxLength: 3 });
  const asked = fc.record({
    method: fc.constantFrom('GET', 'POST'),
    path,
    authority: fc.constantFrom('a.b', 'c.b', 'd', undefined),
    headers: fc.constantFrom([], ['h', '1'], ['h', '1', 'h', '2']),
  });
  fc.assert(
    fc.property(routes, asked, (all, one) => {
      const compile = patternCompiler();
      const compiled = all.map((route) => ({
        hosts: route.hosts,
        rules: route.rules.map((own) => ({ matches: own.map((m) => httpMatch(m, compile)), rule: own })),
      }));
      const named = all.map((route, i) => ({ metadata: defaultMetadata(String(i)), hosts: route.hosts, rules: route.rules.map((own) => ({ matches: own })) }));
      const explained = explainRoutes(named, (m: HttpMatch) => httpMatch(m, compile), one);
      expect(explained.winner?.rule.matches).toBe(routeTable(compiled).select(one)?.rule);
      expect(explained.candidates.find(({ outcome }) => outcome !== 'rejected')?.outcome).toBe(explained.winner ? 'wins' : undefined);
      expect(explained.candidates.filter(({ outcome }) => outcome === 'wins').length).toBe(explained.winner ? 1 : 0);
    }),
    { seed: 3, numRuns: 1_000 },
  );
});
