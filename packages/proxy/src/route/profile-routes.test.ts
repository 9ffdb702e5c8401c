import type { ProfileRoute, RequestCondition } from '@weft/core';
import type { RequestHead } from '@weft/http';
import { expect, test } from 'vitest';
import { compileProfileRoutes } from './profile-routes.ts';

function route(name: string, condition: RequestCondition, more: Partial<ProfileRoute> = {}): ProfileRoute {
  return { condition, responseClasses: [], labels: { route: name }, isRetryable: false, ...more };
}

function named(routes: readonly ProfileRoute[]): (method: string, path: string) => unknown {
  const select = compileProfileRoutes(routes);
  return (method, path) => select({ version: '1.1', method, path, headers: [] } as unknown as RequestHead)?.labels['rt_route'];
}

const path = (regex: string): RequestCondition => ({ kind: 'path', regex });

test('takes the first route that matches', () => {
  const of = named([route('first', path('/a.*')), route('second', path('/ab'))]);
  expect([of('GET', '/ab'), of('GET', '/b')]).toEqual(['first', undefined]);
});

test('anchors the expression of a path, and leaves the query out', () => {
  const of = named([route('books', path(' /books/[^/]*')), route('anchored', path('^/x$'))]);
  expect([of('GET', '/books/1?page=2'), of('GET', '/books/1/pages'), of('GET', '/my/books/1'), of('GET', '/x')]).toEqual([
    'books',
    undefined,
    undefined,
    'anchored',
  ]);
});

test('understands the syntax of Rust, in time linear in the path', () => {
  const of = named([route('named', path('(?i)/(?P<what>books)')), route('hostile', path('/(a+)+'))]);
  expect(of('GET', '/BOOKS')).toBe('named');
  const before = performance.now();
  expect(of('GET', `/${'a'.repeat(10_000)}!`)).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(1_000);
});

test('combines conditions', () => {
  const of = named([
    route('get', { kind: 'all', of: [{ kind: 'method', method: 'GET' }, path('/x')] }),
    route('other', {
      kind: 'any',
      of: [
        { kind: 'method', method: 'PUT' },
        { kind: 'not', of: path('/x') },
      ],
    }),
  ]);
  expect([of('GET', '/x'), of('POST', '/x'), of('PUT', '/x'), of('GET', '/y')]).toEqual(['get', undefined, 'other', 'other']);
});

test('leaves out what cannot be compiled', () => {
  const broken = path('/(');
  const of = named([
    route('broken', broken),
    route('not broken', { kind: 'not', of: broken }),
    route('part', { kind: 'all', of: [broken, { kind: 'method', method: 'GET' }] }),
  ]);
  expect([of('GET', '/('), of('PUT', '/(')]).toEqual(['part', undefined]);
});

test('classifies responses by the first class that fits', () => {
  const select = compileProfileRoutes([
    route('r', path('/'), {
      responseClasses: [
        {
          isFailure: false,
          condition: {
            kind: 'all',
            of: [
              { kind: 'status', min: 500, max: 599 },
              { kind: 'not', of: { kind: 'status', min: 503, max: 503 } },
            ],
          },
        },
        {
          isFailure: true,
          condition: {
            kind: 'any',
            of: [
              { kind: 'status', min: 404, max: 404 },
              { kind: 'status', min: 500, max: 599 },
            ],
          },
        },
      ],
    }),
  ]);
  const plan = select({ version: '1.1', method: 'GET', path: '/', headers: [] } as unknown as RequestHead);
  expect([500, 503, 404, 200].map((status) => plan?.success(status))).toEqual([true, false, false, undefined]);
});
