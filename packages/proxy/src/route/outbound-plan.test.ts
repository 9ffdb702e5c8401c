import {
  type Backend,
  type ClientPolicy,
  type ClientProtocol,
  createRegistry,
  type Distribution,
  defaultMetadata,
  type FailureAccrual,
  type Filter,
  type HostMatch,
  type ProfileRoute,
  seeded,
} from '@weft/core';
import type { ProfileRouting } from '@weft/core/route';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { routeMetrics } from '../observe/route-metrics.ts';
import { type BackendUse, compileOutbound, type OutboundPlan } from './outbound-plan.ts';

interface Fake {
  readonly name: string;
  readonly available: true;
}

const to = (name: string, filters: readonly Filter[] = []): Distribution => ({
  kind: 'first-available',
  backends: [
    {
      backend: { metadata: defaultMetadata(name), dispatcher: { kind: 'fail', message: '' }, queue: { capacity: 0, failfastTimeoutMs: 0 } },
      filters,
    },
  ],
});
const request = (path: string, extra: Partial<RequestHead> = {}): RequestHead => ({
  method: 'GET',
  version: '1.1',
  form: 'origin',
  path,
  scheme: undefined,
  authority: 'web',
  headers: [],
  upgrade: false,
  ...extra,
});

function compile(protocol: ClientProtocol, profile?: ProfileRouting, used: (use: BackendUse) => void = () => undefined): OutboundPlan<Fake, Fake> {
  const policy: ClientPolicy = { parent: defaultMetadata('svc'), protocol };
  const fake = ({ metadata }: Backend, use: BackendUse): Fake => {
    used(use);
    return { name: metadata.name, available: true };
  };
  const connections = () => routeMetrics(createRegistry()).bind('tls', defaultMetadata('svc'), defaultMetadata('route'), { ip: undefined, port: 1 });
  return compileOutbound({ policy, profile }, { http: fake, tcp: fake, connections, profileMeters: routeMetrics(createRegistry()).profile, random: seeded(1) });
}

const tls = (...routes: (readonly [name: string, snis: readonly HostMatch[], filters?: readonly Filter[], backendFilters?: readonly Filter[]])[]) => {
  const plan = compile({
    kind: 'tls',
    routes: routes.map(([name, snis, filters = [], backendFilters = []]) => ({
      metadata: defaultMetadata(name),
      snis,
      rules: [{ filters, distribution: to(name, backendFilters) }],
    })),
  });
  if (plan.kind !== 'tls') throw new Error(plan.kind);
  return plan.select;
};
const FORBIDDEN: readonly Filter[] = [{ kind: 'forbidden' }];

test('routes TLS by server name: exact over suffix, longer over shorter, the earlier of two equal ones', () => {
  const select = tls(
    ['any', []],
    ['suffix', [{ kind: 'suffix', reverseLabels: ['example'] }]],
    ['exact', [{ kind: 'exact', host: 'a.example' }]],
    ['again', [{ kind: 'exact', host: 'a.example' }]],
  );
  expect(['a.example', 'b.example', 'elsewhere'].map((sni) => select(sni)?.distribute()?.backend.name)).toEqual(['exact', 'suffix', 'any']);
  expect(tls(['exact', [{ kind: 'exact', host: 'a.example' }]])('b.example')).toBeUndefined();
});

test('server names of routes have no case: those of clients are in lower case', () => {
  const select = tls(['exact', [{ kind: 'exact', host: 'A.Example' }]], ['suffix', [{ kind: 'suffix', reverseLabels: ['Example', 'B'] }]]);
  expect(['a.example', 'x.b.example', 'b.example'].map((sni) => select(sni)?.distribute()?.backend.name)).toEqual(['exact', 'suffix', undefined]);
});

test('forbids connections by the filter of the route, or of the backend', () => {
  const select = tls(['route', [{ kind: 'exact', host: 'a' }], FORBIDDEN], ['backend', [{ kind: 'exact', host: 'b' }], [], FORBIDDEN]);
  expect(select('a')?.forbidden).toEqual({ code: 'CONNECTION_FORBIDDEN', detail: 'default/route' });
  expect([select('b')?.forbidden, select('b')?.distribute()?.filters?.code]).toEqual([undefined, 'CONNECTION_FORBIDDEN']);
});

test('tells each backend of HTTP and gRPC routes whose it is, what it is asked in, and when its endpoints are ejected', () => {
  const accrual = (maxFailures: number): FailureAccrual => ({ kind: 'consecutive', maxFailures, backoff: { minMs: 1, maxMs: 2, jitter: 0 } });
  const parent = defaultMetadata('svc');
  const routes = (name: string) => [
    { metadata: defaultMetadata('r'), hosts: [], rules: [{ matches: [], filters: [], distribution: to(name), timeouts: {}, allowL5dHeaders: false }] },
  ];
  const uses = (protocol: ClientProtocol): readonly BackendUse[] => {
    const found: BackendUse[] = [];
    compile(protocol, undefined, (use) => found.push(use));
    return found;
  };
  expect(uses({ kind: 'grpc', routes: routes('g'), accrual: accrual(1) })).toEqual([{ parent, protocol: 'http/2', accrual: accrual(1) }]);
  expect(uses({ kind: 'http1', routes: routes('a'), accrual: accrual(2) })).toEqual([{ parent, protocol: 'http/1', accrual: accrual(2) }]);
  expect(uses({ kind: 'http2', routes: routes('b'), accrual: accrual(3) })).toEqual([{ parent, protocol: 'http/2', accrual: accrual(3) }]);
  const [http1, http2] = [{ routes: routes('a'), accrual: accrual(4) }, { routes: routes('b') }];
  const opaque = { routes: [{ metadata: defaultMetadata('o'), rules: [{ filters: [], distribution: to('o') }] }] };
  expect(uses({ kind: 'detect', timeoutMs: 1, opaque, http1, http2 })).toEqual([
    { parent, protocol: 'http/1', accrual: accrual(4) },
    { parent, protocol: 'http/2', accrual: undefined },
    { parent, protocol: 'opaque' },
  ]);
});

test('names the route whose pattern or filter cannot be used', () => {
  const http = (regex: string, filters: readonly Filter[] = []) =>
    compile({
      kind: 'http1',
      routes: [
        {
          metadata: defaultMetadata('my-route'),
          hosts: [],
          rules: [
            { matches: [{ path: { kind: 'regex', regex }, headers: [], query: [] }], filters, distribution: to('a'), timeouts: {}, allowL5dHeaders: false },
          ],
        },
      ],
    });
  expect(() => http('/a(')).toThrow(/route default\/my-route: the pattern "\/a\(" cannot be used/);
  expect(() => http('/a', [{ kind: 'unknown' }])).toThrow('route default/my-route: filter unknown is not supported on requests');
  expect(() => tls(['my-tls', [], [{ kind: 'unknown' }]])).toThrow('route default/my-tls: filter unknown is not supported on connections');
});

test('carries what the routes of a profile say: classes, labels, timeout, and retries within the budget', () => {
  const budget = { retryRatio: 0.2, minRetriesPerSecond: 10, ttlMs: 10_000 };
  const retryable: ProfileRoute = {
    condition: { kind: 'path', regex: '/retry' },
    responseClasses: [{ condition: { kind: 'status', min: 500, max: 599 }, isFailure: true }],
    labels: { route: 'retry it', a: 'b' },
    isRetryable: true,
    timeoutMs: 300,
  };
  const once: ProfileRoute = { condition: { kind: 'method', method: 'POST' }, responseClasses: [], labels: {}, isRetryable: false };
  const profile = { authority: 'web:80', parent: defaultMetadata('svc'), routes: [retryable, once], retryBudget: budget, distribution: to('split') };
  const http = { routes: [] };
  const plan = compile({ kind: 'detect', timeoutMs: 1, opaque: { routes: [] }, http1: http, http2: http }, profile);
  if (plan.kind !== 'detect') throw new Error(plan.kind);
  expect(plan.http1.canonicalDst).toBe('web:80');
  const rule = plan.http2.select(request('/retry'))?.rule;
  expect(rule).toMatchObject({ timeouts: { requestMs: 300 }, retry: { kind: 'budget', budget }, allowL5dHeaders: false });
  expect(rule?.profile).toMatchObject({ labels: { rt_a: 'b', rt_route: 'retry it' }, responseClasses: retryable.responseClasses });
  expect(plan.http1.select(request('/', { method: 'POST' }))?.rule.retry).toBeUndefined();
  expect(plan.http1.select(request('/'))?.rule).toMatchObject({ timeouts: {}, profile: { labels: {}, responseClasses: [] } });
  expect(plan.http1.select(request('/'))?.rule.distribute()?.backend.name).toBe('split');
});
