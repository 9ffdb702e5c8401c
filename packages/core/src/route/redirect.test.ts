import { expect, test } from 'vitest';
import type { HttpMatch } from '../domain/match.ts';
import { httpMatch } from './compile-match.ts';
import { patternCompiler } from './pattern.ts';
import { type RedirectFilter, redirectLocation } from './redirect.ts';
import type { RoutedRequest } from './request-view.ts';

const request = (extra: Partial<RoutedRequest> = {}): RoutedRequest => ({
  method: 'GET',
  path: '/foo/bar?x=1',
  authority: 'web.example',
  headers: [],
  ...extra,
});
const to = (filter: Partial<RedirectFilter>, extra: Partial<RoutedRequest> = {}, path?: HttpMatch['path']): string | undefined =>
  redirectLocation({ kind: 'redirect', status: 0, ...filter }, request(extra), httpMatch({ path, headers: [], query: [] }, patternCompiler()));
const prefix = (value: string) => ({ kind: 'prefix', value }) as const;
const full = (value: string) => ({ kind: 'full', value }) as const;

test('leads nowhere else where nothing differs', () => {
  expect(to({})).toBeUndefined();
  expect(to({ scheme: 'http', path: full('/foo/bar?x=1') })).toBeUndefined();
  expect(to({ scheme: 'https' }, { scheme: 'https' })).toBeUndefined();
  expect(to({ port: 80 })).toBeUndefined();
  expect(to({ host: 'web.example' }, { authority: 'Web.Example' })).toBeUndefined();
  expect(to({ path: full('/Foo/bar?x=1') })).toBe('http://web.example/Foo/bar?x=1');
});

test('replaces scheme, host and port, and elides the default port of the scheme', () => {
  expect(to({ scheme: 'https' })).toBe('https://web.example/foo/bar?x=1');
  expect(to({ host: 'other' })).toBe('http://other/foo/bar?x=1');
  expect(to({ host: 'other' }, { authority: 'web.example:8080' })).toBe('http://other:8080/foo/bar?x=1');
  expect(to({ host: 'other', scheme: 'https' }, { authority: 'web.example:443' })).toBe('https://other/foo/bar?x=1');
  expect(to({ host: 'other', port: 80 })).toBe('http://other:80/foo/bar?x=1');
  expect(to({ port: 8080 })).toBe('http://web.example:8080/foo/bar?x=1');
  expect(to({ port: 443, scheme: 'https' }, { authority: 'web.example:80' })).toBe('https://web.example/foo/bar?x=1');
  expect(to({ port: 8080 }, { authority: '[::1]:80' })).toBe('http://[::1]:8080/foo/bar?x=1');
  expect(to({ port: 8080 }, { authority: 'web:' })).toBe('http://web:8080/foo/bar?x=1');
  expect(to({ port: 80 }, { authority: 'web:' })).toBeUndefined();
});

test.each([
  ['/foo', '/xyz', '/foo/bar?x=1', '/xyz/bar?x=1'],
  ['/foo', '/xyz/', '/foo/bar', '/xyz/bar'],
  ['/foo/', '/xyz', '/foo/bar', '/xyz/bar'],
  ['/foo', '/xyz', '/foo', '/xyz'],
  ['/foo', '/xyz', '/foo?x', '/xyz?x'],
  ['/foo', '/xyz', '/foo/', '/xyz/'],
  ['/foo', '/', '/foo/bar', '/bar'],
  ['/foo', '', '/foo/bar', '/bar'],
  ['/foo', '', '/foo', '/'],
  ['/', '/xyz', '/foo', '/xyz/foo'],
  ['/', '/xyz', '/', '/xyz'],
  ['/', '/xyz', '//', '/xyz/'],
])('replaces the prefix %s by %s: %s becomes %s', (matched, value, path, location) => {
  expect(to({ path: prefix(value) }, { path }, prefix(matched))).toBe(`http://web.example${location}`);
});

test('takes a rule without a path for one with the prefix /', () => {
  expect(to({ path: prefix('/xyz') })).toBe('http://web.example/xyz/foo/bar?x=1');
  expect(to({ path: prefix('/xyz') }, { path: '/' })).toBe('http://web.example/xyz');
});

test('drops the query where the whole path is replaced', () => {
  expect(to({ path: full('/new') })).toBe('http://web.example/new');
});

test.each([
  [{ path: prefix('/x') }, {}, { kind: 'exact', value: '/foo/bar' } as const, 'the route does not match by prefix'],
  [{ path: full('new') }, {}, undefined, 'does not begin with /'],
  [{ path: full('/a b') }, {}, undefined, 'is not a URI'],
  [{ scheme: 'https' }, { authority: undefined }, undefined, 'names no authority'],
])('refuses what cannot be done', (filter, extra, path, why) => {
  expect(() => to(filter, extra, path)).toThrow(why);
});
