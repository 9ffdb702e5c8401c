// HTTP by the routes of a client policy. spec/proxy.md §7.1 – §7.4, §10.3 (client_policy.rs), §10.6 (outbound logical, basic).
import { type ClientPolicy, defaultMetadata, type Filter, type HttpMatch } from '@weft/core';
import { expect } from 'vitest';
import { controlPlane } from '../process/control-plane.ts';
import { SERVICE } from '../process/scenes.ts';
import { backend, balanced, clientPolicy, firstOf, httpProtocol, opaqueProtocol, type Rule } from '../proxy/policies.ts';
import { acceptanceCase } from './case.ts';
import { nameOf, routedTo } from './routed.ts';
import { HTTP1, HTTP2, type Question, VERSIONS, type Version } from './versions.ts';

const to = (name: string) => firstOf(balanced(nameOf(name)));

/** For both versions of HTTP. */
function routes(...rules: Rule[]): ClientPolicy {
  const http = httpProtocol(...rules);
  return clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(to('default')), http1: http, http2: http });
}

/** Who answers each question: an application, or a status. */
async function answers(policy: ClientPolicy, version: Version, names: readonly string[], questions: readonly Question[]): Promise<(string | number)[]> {
  const applications = await Promise.all(names.map(async (name) => [name, await version.application(name)] as const));
  try {
    await using control = await controlPlane().outbound(SERVICE, policy).start();
    await using proxy = await routedTo(control, Object.fromEntries(applications.map(([name, { port }]) => [name, port])));
    const found: (string | number)[] = [];
    for (const question of questions) {
      const { status, body } = await version.ask(proxy.outboundAddress(SERVICE), question);
      found.push(status === 200 ? body : status);
    }
    return found;
  } finally {
    for (const [, application] of applications) await application[Symbol.asyncDispose]();
  }
}

for (const version of [HTTP1, HTTP2]) {
  acceptanceCase(`default_${version.name}_route`, async () => {
    expect(await answers(routes({ to: to('default') }), version, ['default'], [{}, { path: '/a/b?c' }])).toEqual(['default', 'default']);
  });

  acceptanceCase(`empty_${version.name}_route`, async () => {
    expect(await answers(routes(), version, [], [{}])).toEqual([404]);
  });
}

const header = (name: string, value: HttpMatch['headers'][number]['value']) => ({ headers: [{ name, value }] });
const exact = (value: string) => ({ kind: 'exact', value }) as const;
const regex = (pattern: string) => ({ kind: 'regex', regex: pattern }) as const;

for (const version of VERSIONS) {
  acceptanceCase(`header_based_routing (${version.name})`, async () => {
    const policy = routes(
      { to: to('default') },
      { match: header('x-hello-city', exact('sf')), to: to('sf') },
      { match: header('x-hello-city', regex('la|ny')), to: to('la-or-ny') },
    );
    const questions = ['sf', 'la', 'ny', 'nyc', 'paris'].map((city) => ({ headers: { 'x-hello-city': city } }));
    const found = await answers(policy, version, ['default', 'sf', 'la-or-ny'], [{}, ...questions]);
    expect(found).toEqual(['default', 'sf', 'la-or-ny', 'la-or-ny', 'default', 'default']);
  });

  acceptanceCase(`path_based_routing (${version.name})`, async () => {
    const policy = routes(
      { to: to('default') },
      { match: { path: { kind: 'prefix', value: '/goodbye' } }, to: to('prefix') },
      { match: { path: regex('/goodbye/[a-z]+/[0-9]+') }, to: to('pattern') },
      { match: { path: exact('/goodbye/exactly') }, to: to('exact') },
    );
    const paths = ['/', '/goodbye', '/goodbye/sf', '/goodbye/sf/1', '/goodbye/sf/1/more', '/goodbye/exactly?x=1', '/goodbyes'];
    const found = await answers(
      policy,
      version,
      ['default', 'prefix', 'pattern', 'exact'],
      paths.map((path) => ({ path })),
    );
    expect(found).toEqual(['default', 'prefix', 'prefix', 'pattern', 'prefix', 'exact', 'default']);
  });
}

acceptanceCase('routes: by query and method, the more specific rule first', async () => {
  const policy = routes(
    { match: { method: 'GET' }, to: to('get') },
    { match: { query: [{ name: 'v', value: regex('[0-9]+') }] }, to: to('query') },
    { match: header('h', exact('1')), to: to('header') },
    { match: { path: { kind: 'prefix', value: '/long' } }, to: to('path') },
  );
  const questions = [
    {},
    { path: '/?v=12' },
    { path: '/?v=x&v=1' },
    { path: '/?v=12', headers: { h: '1' } },
    { path: '/long?v=1', headers: { h: '1' } },
    { method: 'POST' },
  ];
  expect(await answers(policy, HTTP1, ['get', 'query', 'header', 'path'], questions)).toEqual(['get', 'query', 'query', 'header', 'path', 404]);
});

acceptanceCase('routes: by host, exact over suffix over none', async () => {
  const rule = (name: string) => ({ matches: [], filters: [], distribution: to(name), timeouts: {}, allowL5dHeaders: false });
  const http = {
    routes: [
      { metadata: defaultMetadata('any'), hosts: [], rules: [rule('any')] },
      { metadata: defaultMetadata('suffix'), hosts: [{ kind: 'suffix', reverseLabels: ['example', 'web'] } as const], rules: [rule('suffix')] },
      { metadata: defaultMetadata('exact'), hosts: [{ kind: 'exact', host: 'a.web.example' } as const], rules: [rule('exact')] },
    ],
  };
  const policy = clientPolicy({ kind: 'http1', ...http });
  const hosts = ['a.web.example', 'A.WEB.example.:80', 'b.web.example:8080', 'web.example', 'other'];
  expect(
    await answers(
      policy,
      HTTP1,
      ['any', 'suffix', 'exact'],
      hosts.map((host) => ({ host })),
    ),
  ).toEqual(['exact', 'exact', 'suffix', 'any', 'any']);
});

acceptanceCase('routes: gRPC by service and method', async () => {
  const rule = (name: string, service: string, method: string) => ({
    matches: [{ rpc: { service, method }, headers: [] }],
    filters: [],
    distribution: to(name),
    timeouts: {},
    allowL5dHeaders: false,
  });
  const rules = [rule('method', '', 'Get'), rule('service', 'books.Books', ''), rule('both', 'books.Books', 'Put')];
  const policy = clientPolicy({ kind: 'grpc', routes: [{ metadata: defaultMetadata('grpc'), hosts: [], rules }] });
  const calls = ['/books.Books/Get', '/books.Books/Put', '/authors.Authors/Get', '/authors.Authors/Put'].map((path) => ({ method: 'POST', path }));
  expect(await answers(policy, HTTP2, ['method', 'service', 'both'], [...calls, { path: '/books.Books/Get' }])).toEqual([
    'service',
    'both',
    'method',
    404,
    404,
  ]);
});

/** One rule with these filters, behind the prefix /old. */
function filtered(...filters: Filter[]): ClientPolicy {
  const rule = {
    matches: [{ path: { kind: 'prefix', value: '/old' } as const, headers: [], query: [] }],
    filters,
    distribution: to('app'),
    timeouts: {},
    allowL5dHeaders: false,
  };
  const http = { routes: [{ metadata: defaultMetadata('filtered'), hosts: [], rules: [rule] }] };
  return clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(to('app')), http1: http, http2: http });
}

for (const version of [HTTP1, HTTP2]) {
  acceptanceCase(`filters: redirects (${version.name})`, async () => {
    await using app = await version.application('app');
    await using control = await controlPlane().outbound(SERVICE, filtered()).start();
    await using proxy = await routedTo(control, { app: app.port });
    const ask = async (filter: Partial<Extract<Filter, { kind: 'redirect' }>>, host = 'web.example') => {
      control.outboundOf(SERVICE).set(filtered({ kind: 'redirect', status: 0, ...filter }));
      // Policies take their time to arrive: asked until this one answers.
      let found: string | undefined;
      await expect
        .poll(async () => {
          const reply = await version.ask(proxy.outboundAddress(SERVICE), { path: '/old/x?y=1', host });
          const next = reply.status === 200 ? reply.body : `${reply.status} ${reply.header('location')}`;
          const changed = next !== last;
          found = next;
          return changed;
        })
        .toBe(true);
      last = found;
      return found;
    };
    let last: string | undefined = 'app';
    expect(await ask({ scheme: 'https' })).toBe('301 https://web.example/old/x?y=1');
    expect(await ask({ host: 'other', status: 302 })).toBe('302 http://other/old/x?y=1');
    expect(await ask({ host: 'other', status: 302 }, 'web.example:8080')).toBe('302 http://other:8080/old/x?y=1');
    expect(await ask({ port: 8080, status: 307 })).toBe('307 http://web.example:8080/old/x?y=1');
    expect(await ask({ path: { kind: 'full', value: '/new' } })).toBe('301 http://web.example/new');
    expect(await ask({ path: { kind: 'prefix', value: '/new' } })).toBe('301 http://web.example/new/x?y=1');
    expect(await ask({})).toBe('app');
  });

  acceptanceCase(`filters: injected failures (${version.name})`, async () => {
    await using app = await version.application('app');
    await using control = await controlPlane()
      .outbound(SERVICE, filtered({ kind: 'http-failure', status: 418, message: 'a teapot' }))
      .start();
    await using proxy = await routedTo(control, { app: app.port });
    const reply = await version.ask(proxy.outboundAddress(SERVICE), { path: '/old' });
    expect(reply.status).toBe(418);
    expect(reply.header('l5d-proxy-error')).toContain('a teapot');
    expect(app.heads).toEqual([]);
  });

  acceptanceCase(`filters: header modifiers (${version.name})`, async () => {
    const modifier = { add: [['x-added', '1'] as const], set: [['x-set', '2'] as const], remove: ['x-gone'] };
    await using app = await version.application('app');
    const rule = {
      matches: [],
      filters: [{ kind: 'request-headers', modifier } as const, { kind: 'response-headers', modifier: { ...modifier, remove: ['x-app'] } } as const],
      distribution: {
        kind: 'first-available',
        backends: [
          {
            backend: { metadata: defaultMetadata('app'), dispatcher: balanced(nameOf('app')), queue: { capacity: 1, failfastTimeoutMs: 1 } },
            filters: [{ kind: 'request-headers', modifier: { add: [], set: [['x-set', 'by backend'] as const], remove: [] } } as const],
          },
        ],
      } as const,
      timeouts: {},
      allowL5dHeaders: false,
    };
    const http = { routes: [{ metadata: defaultMetadata('modified'), hosts: [], rules: [rule] }] };
    const policy = clientPolicy({ kind: 'detect', timeoutMs: 10_000, opaque: opaqueProtocol(to('app')), http1: http, http2: http });
    await using control = await controlPlane().outbound(SERVICE, policy).start();
    await using proxy = await routedTo(control, { app: app.port });
    const reply = await version.ask(proxy.outboundAddress(SERVICE), { headers: { 'x-set': 'old', 'x-added': '0', 'x-gone': 'yes' } });
    expect([reply.body, reply.header('x-added'), reply.header('x-set'), reply.header('x-app')]).toEqual(['app', '1', '2', undefined]);
    const [head] = app.heads;
    expect([head?.['x-added'], head?.['x-set'], head?.['x-gone']]).toEqual(['0, 1', 'by backend', undefined]);
  });
}

acceptanceCase('filters: gRPC failures', async () => {
  const rule = {
    matches: [],
    filters: [{ kind: 'grpc-failure', code: 8, message: 'no more' } as const],
    distribution: to('app'),
    timeouts: {},
    allowL5dHeaders: false,
  };
  const policy = clientPolicy({ kind: 'grpc', routes: [{ metadata: defaultMetadata('failing'), hosts: [], rules: [rule] }] });
  await using control = await controlPlane().outbound(SERVICE, policy).start();
  await using proxy = await routedTo(control, {});
  const reply = await HTTP2.ask(proxy.outboundAddress(SERVICE), { method: 'POST', path: '/a.B/C', headers: { 'content-type': 'application/grpc' } });
  expect([reply.status, reply.header('grpc-status')]).toEqual([200, '8']);
});

acceptanceCase('backends: split by weight, without those that are not ready', async () => {
  const split = (one: number, other: number): Rule => ({
    to: {
      kind: 'random-available',
      backends: [['a', one] as const, ['b', other] as const, ['gone', 1] as const].map(([name, weight]) => ({
        backend: { metadata: defaultMetadata(name), dispatcher: balanced(nameOf(name)), queue: { capacity: 1, failfastTimeoutMs: 1 } },
        filters: [],
        weight,
      })),
    },
  });
  await using a = await HTTP1.application('a');
  await using b = await HTTP1.application('b');
  await using control = await controlPlane()
    .outbound(SERVICE, routes(split(1, 3)))
    .endpoints(nameOf('gone'))
    .start();
  await using proxy = await routedTo(control, { a: a.port, b: b.port }, { LINKERD2_PROXY_OUTBOUND_HTTP_FAILFAST_TIMEOUT: '100ms' });
  const ask = async (): Promise<'a' | 'b' | 504> => {
    const { status, body } = await HTTP1.ask(proxy.outboundAddress(SERVICE));
    return status === 200 ? (body as 'a' | 'b') : 504;
  };
  // On a busy machine it may take longer than the timeout until those that are there are found.
  for (const found = new Set(); !(found.has('a') && found.has('b')); ) found.add(await ask());
  const counts = { a: 0, b: 0, 504: 0 };
  for (let i = 0; i < 80; i++) counts[await ask()] += 1;
  // The first request that is drawn for what has no endpoints finds that out for all others.
  expect(counts[504]).toBeLessThanOrEqual(1);
  expect(counts.a).toBeGreaterThan(8);
  expect(counts.b).toBeGreaterThan(40);
});

acceptanceCase('backends: one that is alone, whatever its weight', async () => {
  const weightless = { backend: backend(balanced(nameOf('app'))), filters: [], weight: 0 };
  expect(await answers(routes({ to: { kind: 'random-available', backends: [weightless] } }), HTTP1, ['app'], [{}])).toEqual(['app']);
});

acceptanceCase('backends: none', async () => {
  await using control = await controlPlane()
    .outbound(SERVICE, routes({ to: { kind: 'empty' } }))
    .start();
  await using proxy = await routedTo(control, {});
  expect((await HTTP1.ask(proxy.outboundAddress(SERVICE))).status).toBe(503);
});
