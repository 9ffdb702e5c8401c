import type { GrpcMatch, HostMatch, HttpMatch } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { hostRank } from './host-match.ts';
import { anyOf, grpcMatcher, httpMatcher } from './rule-match.ts';
import { selectRoute } from './select-route.ts';

const request = (path: string, extra: Partial<RequestHead> = {}): RequestHead => ({
  method: 'GET',
  version: '1.1',
  form: 'origin',
  path,
  scheme: undefined,
  authority: 'web.example:80',
  headers: [],
  upgrade: false,
  ...extra,
});
const match = (extra: Partial<HttpMatch>): HttpMatch => ({ headers: [], query: [], ...extra });
const route = (hosts: readonly HostMatch[], ...rules: (readonly [name: string, ...matches: HttpMatch[]])[]) => ({
  hosts,
  rules: rules.map(([rule, ...matches]) => ({ matches: anyOf(matches, httpMatcher), rule })),
});

test('ranks exact hosts over suffixes, longer ones over shorter ones, any over none', () => {
  const exact = hostRank([{ kind: 'exact', host: 'Web.Example' }]);
  expect(exact('web.example')).toBeGreaterThan(0);
  expect(exact('web.example.')).toBeGreaterThan(0);
  expect(exact('x.web.example')).toBeUndefined();
  const suffix = hostRank([
    { kind: 'suffix', reverseLabels: ['example'] },
    { kind: 'suffix', reverseLabels: ['example', 'web'] },
  ]);
  expect(suffix('a.web.example')).toBeGreaterThan(suffix('a.example') ?? 0);
  expect(suffix('example')).toBeUndefined();
  expect(hostRank([])('anything')).toBe(0);
});

test('lets the host decide before everything else', () => {
  const select = selectRoute([
    route([], ['any', match({ path: { kind: 'exact', value: '/long/path' } })]),
    route([{ kind: 'suffix', reverseLabels: ['example'] }], ['suffix']),
    route([{ kind: 'exact', host: 'web.example' }], ['exact', match({ path: { kind: 'prefix', value: '/l' } })]),
  ]);
  expect(select(request('/long/path'))).toBe('suffix');
  expect(select(request('/l/x'))).toBe('exact');
  expect(select(request('/long/path', { authority: 'elsewhere' }))).toBe('any');
  expect(select(request('/', { authority: undefined }))).toBeUndefined();
});

test('matches prefixes by segments', () => {
  const select = selectRoute([route([], ['foo', match({ path: { kind: 'prefix', value: '/foo/' } })])]);
  expect(select(request('/foo'))).toBe('foo');
  expect(select(request('/foo/bar?x'))).toBe('foo');
  expect(select(request('/foobar'))).toBeUndefined();
});

test('prefers longer paths, then headers, then queries, then methods, then the order listed', () => {
  const header = { name: 'X-A', value: { kind: 'exact', value: '1' } } as const;
  const query = { name: 'q', value: { kind: 'exact', value: 'y' } } as const;
  const select = selectRoute([
    route(
      [],
      ['default'],
      ['method', match({ method: 'GET' })],
      ['query', match({ query: [query] })],
      ['header', match({ headers: [header] })],
      ['path', match({ path: { kind: 'prefix', value: '/p' } })],
      ['later', match({ path: { kind: 'exact', value: '/p' } })],
    ),
  ]);
  expect(select(request('/', { method: 'POST' }))).toBe('default');
  expect(select(request('/'))).toBe('method');
  expect(select(request('/?q=x&q=y'))).toBe('query');
  expect(select(request('/?q=y', { headers: ['x-a', '0', 'x-a', '1'] }))).toBe('header');
  expect(select(request('/p?q=y', { headers: ['x-a', '1'] }))).toBe('path');
});

test('matches gRPC services and methods of POST requests only', () => {
  const rpc = (service: string, method: string): GrpcMatch => ({ rpc: { service, method }, headers: [] });
  const select = selectRoute([
    {
      hosts: [],
      rules: [
        { matches: anyOf([rpc('a.B', '')], grpcMatcher), rule: 'service' },
        { matches: anyOf([rpc('', 'C')], grpcMatcher), rule: 'method' },
      ],
    },
  ]);
  expect(select(request('/a.B/X', { method: 'POST' }))).toBe('service');
  expect(select(request('/a.B/C', { method: 'POST' }))).toBe('service');
  expect(select(request('/z.Z/C', { method: 'POST' }))).toBe('method');
  expect(select(request('/a.B/X'))).toBeUndefined();
  expect(select(request('/a.B/X/Y', { method: 'POST' }))).toBeUndefined();
});

test('refuses regular expressions instead of ignoring them', () => {
  expect(() => httpMatcher(match({ path: { kind: 'regex', regex: '/a.*' } }))).toThrow('regular expressions are not supported: /a.*');
});
