import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { GrpcMatch, HostMatch, HttpMatch, NamedMatch, StringMatch } from '../domain/match.ts';
import { reasonOf } from '../reasons/reason.ts';
import { ANYTHING, type CompiledMatch, grpcMatch, httpMatch } from './compile-match.ts';
import { patternCompiler } from './pattern.ts';
import type { RoutedRequest } from './request-view.ts';
import { routeTable } from './route-table.ts';

const request = (path: string, extra: Partial<RoutedRequest> = {}): RoutedRequest => ({
  method: 'GET',
  path,
  authority: 'web.example:80',
  headers: [],
  ...extra,
});
const match = (extra: Partial<HttpMatch>): HttpMatch => ({ headers: [], query: [], ...extra });
const route = (hosts: readonly HostMatch[], ...rules: (readonly [rule: string, ...matches: HttpMatch[]])[]) => {
  const compile = patternCompiler();
  return { hosts, rules: rules.map(([rule, ...matches]) => ({ matches: matches.map((one) => httpMatch(one, compile)), rule })) };
};
const selecting = (...routes: ReturnType<typeof route>[]) => {
  const table = routeTable(routes);
  return (path: string, extra?: Partial<RoutedRequest>): string | undefined => table.select(request(path, extra))?.rule;
};
const suffix = (name: string): HostMatch => ({ kind: 'suffix', reverseLabels: name.split('.').reverse() });
const exact = (host: string): HostMatch => ({ kind: 'exact', host });

test('ranks exact hosts over suffixes, longer ones over shorter ones, any over none', () => {
  const select = selecting(
    route([], ['any']),
    route([suffix('example')], ['short suffix']),
    route([suffix('web.example')], ['long suffix']),
    route([exact('Web.Example')], ['exact']),
    route([exact('dotted.example.')], ['with dot']),
  );
  const of = (authority: string | undefined) => select('/', { authority });
  expect(['web.example', 'WEB.example:8080', 'web.example.'].map(of)).toEqual(['exact', 'exact', 'exact']);
  expect(['a.web.example', 'a.b.web.example.', 'x.example', 'dotted.example'].map(of)).toEqual(['long suffix', 'long suffix', 'short suffix', 'short suffix']);
  expect(['dotted.example.', 'example', 'elsewhere', '[::1]:80', undefined].map(of)).toEqual(['with dot', 'any', 'any', 'any', 'any']);
});

test('takes the host of an authority without user information and port, whatever they are', () => {
  const select = selecting(route([], ['any']), route([exact('admin.example')], ['admin']), route([exact('::1')], ['v6']));
  for (const rest of ['', ':', ':80', ':0', ':000080', ':99999', ':http', ':80:80', '.'])
    expect([rest, select('/', { authority: `Admin.example${rest}` })]).toEqual([rest, 'admin']);
  expect(select('/', { authority: 'a:b@admin.example:80' })).toBe('admin');
  for (const authority of ['[::1]', '[::1]:', '[0:0::1]:80', '[::1]:99999']) expect([authority, select('/', { authority })]).toEqual([authority, 'v6']);
});

test('lets the host decide before everything else, among routes that have a rule for the request', () => {
  const select = selecting(
    route([], ['any', match({ path: { kind: 'exact', value: '/long/path' } })]),
    route([suffix('example')], ['suffix']),
    route([exact('web.example')], ['exact', match({ path: { kind: 'prefix', value: '/l' } })]),
  );
  expect(select('/long/path')).toBe('suffix');
  expect(select('/l/x')).toBe('exact');
  expect(select('/long/path', { authority: 'elsewhere' })).toBe('any');
  expect(select('/', { authority: undefined })).toBeUndefined();
});

test('matches prefixes by segments', () => {
  const select = selecting(route([], ['foo', match({ path: { kind: 'prefix', value: '/foo/' } })]));
  expect(['/foo', '/foo/', '/foo/bar?x', '/foobar', '/'].map((path) => select(path))).toEqual(['foo', 'foo', 'foo', undefined, undefined]);
});

test('counts the characters that patterns, exact paths and prefixes take, whatever their kind', () => {
  const header = { name: 'a', value: { kind: 'exact', value: '1' } } as const;
  const select = selecting(
    route(
      [],
      ['prefix', match({ path: { kind: 'prefix', value: '/items' } })],
      ['regex', match({ path: { kind: 'regex', regex: '/items/[0-9]+' } })],
      ['exact', match({ path: { kind: 'exact', value: '/items/7' } })],
      ['prefix with header', match({ path: { kind: 'prefix', value: '/items/7' }, headers: [header] })],
    ),
  );
  expect(select('/items/12')).toBe('regex');
  // All of these take eight characters: the header decides, then the order.
  expect(select('/items/7')).toBe('regex');
  expect(select('/items/7', { headers: ['a', '1'] })).toBe('prefix with header');
  expect(select('/items/7/x')).toBe('prefix');
  expect(select('/items/seven')).toBe('prefix');
});

test('prefers longer paths, then headers, then queries, then methods, then the order listed', () => {
  const header = { name: 'X-A', value: { kind: 'exact', value: '1' } } as const;
  const query = { name: 'q', value: { kind: 'regex', regex: 'y+' } } as const;
  const select = selecting(
    route(
      [],
      ['default'],
      ['method', match({ method: 'GET' })],
      ['query', match({ query: [query] })],
      ['header', match({ headers: [header] })],
      ['path', match({ path: { kind: 'prefix', value: '/p' } })],
      ['later', match({ path: { kind: 'exact', value: '/p' } })],
      ['slash', match({ path: { kind: 'exact', value: '/' } })],
    ),
  );
  expect(select('/', { method: 'POST' })).toBe('default');
  expect(select('/')).toBe('method');
  expect(select('/?q=x&q=yy')).toBe('query');
  expect(select('/?q=yx')).toBe('method');
  expect(select('/?q=y', { headers: ['x-a', '0', 'x-a', '1'] })).toBe('header');
  expect(select('/p?q=y', { headers: ['x-a', '1'] })).toBe('path');
});

test('reads query parameters as forms are written', () => {
  const select = selecting(route([], ['umlaut', match({ query: [{ name: 'ä b', value: { kind: 'exact', value: 'ö' } }] })]));
  expect(['/?%C3%A4+b=%c3%b6', '/?\xc3\xa4%20b=\xc3\xb6', '/?a=1'].map((path) => select(path))).toEqual(['umlaut', 'umlaut', undefined]);
});

test('matches patterns against text only', () => {
  const select = selecting(route([], ['any text', match({ headers: [{ name: 'h', value: { kind: 'regex', regex: '.*' } }] })]));
  expect(select('/', { headers: ['h', 'caf\xe9'] })).toBeUndefined();
  expect(select('/', { headers: ['h', 'caf\xe9', 'h', ''] })).toBe('any text');
});

test('matches gRPC services and methods of POST requests only, and ranks services over methods', () => {
  const compile = patternCompiler();
  const rpc = (service: string, method: string, headers: GrpcMatch['headers'] = []) => grpcMatch({ rpc: { service, method }, headers }, compile);
  const header = { name: 'a', value: { kind: 'exact', value: '1' } } as const;
  const table = routeTable([
    {
      hosts: [],
      rules: [
        { matches: [rpc('a.B', '')], rule: 'service' },
        { matches: [rpc('', 'C')], rule: 'method' },
        { matches: [rpc('', 'C', [header])], rule: 'method and header' },
        { matches: [rpc('a.B', 'D')], rule: 'both' },
        { matches: [rpc('', '', [header])], rule: 'header' },
      ],
    },
  ]);
  const select = (path: string, extra: Partial<RoutedRequest> = {}) => table.select(request(path, { method: 'POST', ...extra }))?.rule;
  const headers = ['a', '1'];
  expect([select('/a.B/X'), select('/a.B/C'), select('/a.B/D'), select('/z.Z/C')]).toEqual(['service', 'service', 'both', 'method']);
  expect([select('/z.Z/C', { headers }), select('/z.Z/X', { headers }), select('/a.B/X', { headers })]).toEqual(['method and header', 'header', 'service']);
  expect([select('/a.B/X', { method: 'GET' }), select('/a.B'), select('/z.Z/X'), select('/')]).toEqual([undefined, undefined, undefined, undefined]);
  // What follows the method makes no difference, as in linkerd2-proxy.
  expect([select('/a.B/D/x'), select('/a.B/D/'), select('/x/a.B/D')]).toEqual(['both', 'both', undefined]);
});

// --- properties ---

const word = fc.constantFrom('a', 'b', 'ab');
const path = fc.array(word, { maxLength: 3 }).map((words) => `/${words.join('/')}`);
const value = fc.oneof(
  word.map((text) => ({ kind: 'exact', value: text }) as const),
  fc.constantFrom('a.*', '[ab]', 'b?', '(?:a|ab)').map((regex) => ({ kind: 'regex', regex }) as const),
);
const named = fc.record({ name: fc.constantFrom('h', 'k'), value });
const httpMatches = fc.record({
  path: fc.option(
    fc.oneof(
      path.map((text) => ({ kind: 'exact', value: text }) as const),
      fc.tuple(path, fc.constantFrom('', '/')).map(([text, end]) => ({ kind: 'prefix', value: text + end }) as const),
      fc.constantFrom('/.*', '/a/?b?', '/[ab]+', '/a(?:/.*)?').map((regex) => ({ kind: 'regex', regex }) as const),
    ),
    { nil: undefined },
  ),
  headers: fc.array(named, { maxLength: 2 }),
  query: fc.array(named, { maxLength: 2 }),
  method: fc.option(fc.constantFrom('GET', 'POST'), { nil: undefined }),
});
const host = fc.constantFrom<HostMatch>(exact('a.b'), exact('A.b.'), exact('b'), suffix('b'), suffix('a.b'), suffix('b.'));
const routes = fc.array(
  fc.record({ hosts: fc.array(host, { maxLength: 2 }), rules: fc.array(fc.record({ matches: fc.array(httpMatches, { maxLength: 3 }) }), { maxLength: 4 }) }),
  { maxLength: 4 },
);
const requests = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  path: fc.tuple(path, fc.constantFrom('', '/'), fc.constantFrom('', '?h=a', '?k=ab&h=b')).map((parts) => parts.join('')),
  authority: fc.constantFrom(undefined, 'a.b', 'A.B.:80', 'x.a.b', 'b', 'c.b.'),
  headers: fc.array(fc.tuple(fc.constantFrom('h', 'k'), word), { maxLength: 3 }).map((fields) => fields.flat()),
});

/** Everything compared with everything, by the words of the specification. */
function naive(all: readonly { hosts: readonly HostMatch[]; rules: readonly { matches: readonly HttpMatch[] }[] }[], asked: RoutedRequest): string | undefined {
  const [plain = '', search = ''] = asked.path.split('?');
  const name = (asked.authority ?? '').replace(/:\d+$/, '').toLowerCase();
  const text = (wanted: HttpMatch['headers'][number]['value'], found: string) =>
    wanted.kind === 'exact' ? wanted.value === found : new RegExp(`^(?:${wanted.regex})$`).test(found);
  const hostKey = (one: HostMatch): number[] | undefined => {
    const labels = one.kind === 'exact' ? one.host.toLowerCase() : [...one.reverseLabels].reverse().join('.');
    const own = labels.endsWith('.') ? name : name.replace(/\.$/, '');
    if (one.kind === 'exact') return own === labels ? [2, labels.length] : undefined;
    return own.endsWith(`.${labels}`) && own !== `.${labels}` ? [1, labels.length] : undefined;
  };
  const pathKey = (one: HttpMatch['path']): number | undefined => {
    if (!one) return 1;
    if (one.kind !== 'prefix') return text(one, plain) ? plain.length : undefined;
    const prefix = one.value.replace(/\/+$/, '');
    return plain === prefix || plain.startsWith(`${prefix}/`) ? Math.max(prefix.length, 1) : undefined;
  };
  const matchKey = (one: HttpMatch): number[] | undefined => {
    const length = pathKey(one.path);
    const fields = asked.headers.flatMap((field, i) => (i % 2 === 0 ? [[field, asked.headers[i + 1] ?? '']] : []));
    const holds =
      one.headers.every((h) => fields.some(([n, v]) => n === h.name && text(h.value, v ?? ''))) &&
      one.query.every((q) => new URLSearchParams(search).getAll(q.name).some((v) => text(q.value, v))) &&
      (one.method === undefined || one.method === asked.method);
    return holds && length !== undefined ? [length, one.headers.length, one.query.length, one.method === undefined ? 0 : 1] : undefined;
  };
  const greater = (a: readonly number[], b: readonly number[]) => {
    const i = a.findIndex((number, at) => number !== b[at]);
    return i >= 0 && (a[i] ?? 0) > (b[i] ?? 0);
  };
  let best: { key: number[]; rule: string } | undefined;
  for (const [r, { hosts, rules }] of all.entries()) {
    const hostKeys = hosts.length === 0 ? [[0, 0]] : hosts.flatMap((one) => [hostKey(one)].filter((key) => key !== undefined));
    for (const [i, { matches }] of rules.entries()) {
      const matchKeys = matches.length === 0 ? [[1, 0, 0, 0]] : matches.flatMap((one) => [matchKey(one)].filter((key) => key !== undefined));
      for (const h of hostKeys) for (const m of matchKeys) if (!best || greater([...h, ...m], best.key)) best = { key: [...h, ...m], rule: `${r}.${i}` };
    }
  }
  return best?.rule;
}

test('asks each candidate once, however often a request has the header that it wants', () => {
  let asked = 0;
  const counting: CompiledMatch = {
    ...ANYTHING,
    headers: ['x'],
    predicates: [{ holds: () => asked++ < 0, mismatch: () => ({ predicate: 'header', wanted: '', found: '' }) }],
  };
  const table = routeTable([{ hosts: [], rules: [{ matches: Array(10).fill(counting), rule: 'x' }] }]);
  expect(table.select(request('/', { headers: Array(1_000).fill(['x', 'v']).flat() }))).toBeUndefined();
  expect(asked).toBe(10);
});

test.each(['header', 'query'] as const)('gives up on a request whose %s values are too many for its rules to be compared with', (kind) => {
  const rules = (count: number, value: (n: number) => StringMatch) =>
    selecting(
      route(
        [],
        ...Array.from({ length: count }, (_, n) => [`${n}`, match({ [kind === 'header' ? 'headers' : 'query']: [{ name: 'x', value: value(n) }] })] as const),
      ),
    );
  const path = kind === 'query' ? `/?${'x=w&'.repeat(8_000)}` : '/';
  const headers = kind === 'header' ? Array(8_000).fill(['x', 'w']).flat() : [];
  const code = (select: ReturnType<typeof rules>): string | undefined => {
    try {
      return select(path, { headers }) ?? 'none';
    } catch (error) {
      return reasonOf(error).code;
    }
  };
  for (const value of [(n: number) => ({ kind: 'exact', value: `v${n}` }) as const, (n: number) => ({ kind: 'regex', regex: `v${n}.*` }) as const]) {
    expect(code(rules(100, value))).toBe('none');
    expect(code(rules(600, value))).toBe('MATCH_LIMIT');
  }
});

test('of gRPC rules with the same service, method and number of headers takes the one listed first, and one that demands nothing is among them', () => {
  const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.array(arbitrary, { maxLength: 1 });
  const header = fc.constantFrom<NamedMatch>({ name: 'a', value: { kind: 'exact', value: '1' } }, { name: 'b', value: { kind: 'exact', value: '2' } });
  const rpc = fc.record({ service: fc.constantFrom('', 's.A', 's.Ab'), method: fc.constantFrom('', 'Do') });
  const rule = some(fc.record<GrpcMatch>({ rpc, headers: some(header) }));
  const calls = fc.record({
    path: fc.constantFrom('/s.A/Do', '/s.Ab/Do', '/s.A/Else', '/x.Y/Do', '/s.A/Do/more', '/s.A/'),
    headers: fc.constantFrom([], ['a', '1'], ['b', '2'], ['a', '1', 'b', '2']),
  });
  const key = ({ rpc: wanted, headers }: GrpcMatch, [service, method]: readonly string[], has: readonly string[]): readonly number[] | undefined => {
    if ((wanted.service && wanted.service !== service) || (wanted.method && wanted.method !== method)) return undefined;
    if (!headers.every(({ name }) => has.includes(name))) return undefined;
    return [wanted.service.length, wanted.method.length, headers.length];
  };
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 6 }), calls, (rules, { path, headers }) => {
      const compile = patternCompiler();
      const table = routeTable([{ hosts: [], rules: rules.map((matches, i) => ({ matches: matches.map((one) => grpcMatch(one, compile)), rule: i })) }]);
      const keys = rules.flatMap(([wanted], i) => {
        const found = wanted ? key(wanted, path.slice(1).split('/'), headers) : [0, 0, 0];
        return found ? [[...found, -i]] : [];
      });
      const [best] = keys.sort((a, b) => b.map((n, at) => n - (a[at] ?? 0)).find((n) => n !== 0) ?? 0);
      const selected = table.select(request(path, { method: 'POST', headers }))?.rule;
      expect(selected).toBe(best && -(best[3] ?? 0) + 0);
    }),
    { seed: 5, numRuns: 3_000 },
  );
});

test('agrees with comparing everything with everything', () => {
  fc.assert(
    fc.property(routes, requests, (all, asked) => {
      const compile = patternCompiler();
      const table = routeTable(
        all.map((one, r) => ({
          hosts: one.hosts,
          rules: one.rules.map((rule, i) => ({ matches: rule.matches.map((m) => httpMatch(m, compile)), rule: `${r}.${i}` })),
        })),
      );
      expect(table.select(asked)?.rule).toBe(naive(all, asked));
    }),
    { seed: 7, numRuns: 3_000 },
  );
});

test('orders candidates totally: no two have one rank, and a pair decides alike wherever it stands among others', () => {
  fc.assert(
    fc.property(routes, requests, fc.nat(), fc.nat(), (all, asked, one, other) => {
      const compile = patternCompiler();
      const table = routeTable(
        all.map(({ hosts, rules }, r) => ({
          hosts,
          rules: rules.map((rule, i) => ({ matches: rule.matches.map((m) => httpMatch(m, compile)), rule: { r, i } })),
        })),
      );
      expect(table.candidates.map(({ rank }) => rank)).toEqual(table.candidates.map((_, i) => i));
      const winner = table.select(asked)?.rule;
      if (!winner) return;
      // Without the losers, whichever are left, the winner still wins.
      const keeps = (r: number, i: number): boolean => (r === winner.r && i === winner.i) || ((r * 31 + i * 17 + one) ^ other) % 2 === 0;
      const fewer = routeTable(
        all.map(({ hosts, rules }, r) => ({
          hosts,
          rules: rules.flatMap((rule, i) => (keeps(r, i) ? [{ matches: rule.matches.map((m) => httpMatch(m, compile)), rule: { r, i } }] : [])),
        })),
      );
      expect(fewer.select(asked)?.rule).toEqual(winner);
    }),
    { seed: 11, numRuns: 1_000 },
  );
});
