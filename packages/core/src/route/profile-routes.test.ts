import { expect, test } from 'vitest';
import type { RequestCondition } from '../domain/profile.ts';
import { formatCondition, profileRoutes } from './profile-routes.ts';

const path = (regex: string): RequestCondition => ({ kind: 'path', regex });
const GET: RequestCondition = { kind: 'method', method: 'GET' };
const selecting = (...conditions: RequestCondition[]) => {
  const select = profileRoutes(conditions.map((condition, rule) => ({ condition, rule })));
  return (method: string, where: string) => select({ method, path: where, authority: undefined, headers: [] });
};

test('takes the first route whose condition holds, and none where no condition does', () => {
  const select = selecting({ kind: 'all', of: [GET, path('/authors/[^/]+')] }, path('/authors/.*'), { kind: 'not', of: GET });
  expect([select('GET', '/authors/7?x'), select('POST', '/authors/7'), select('PUT', '/'), select('GET', '/')]).toEqual([0, 1, 2, undefined]);
});

test('combines conditions: all of none holds, any of none does not', () => {
  expect(selecting({ kind: 'all', of: [] })('GET', '/')).toBe(0);
  expect(selecting({ kind: 'any', of: [] })('GET', '/')).toBeUndefined();
  expect(selecting({ kind: 'any', of: [path('/a'), path('/b')] })('GET', '/b')).toBe(0);
});

test('anchors patterns at both ends', () => {
  const select = selecting(path('/a'));
  expect([select('GET', '/a'), select('GET', '/a/b'), select('GET', '/x/a')]).toEqual([0, undefined, undefined]);
});

test('leaves out routes whose pattern cannot be read, as Linkerd does', () => {
  expect(selecting(path('/a('), GET)('GET', '/a')).toBe(1);
});

test('says conditions in words', () => {
  expect(formatCondition({ kind: 'all', of: [GET, { kind: 'any', of: [path('/a'), { kind: 'not', of: path('/b') }] }] })).toBe(
    'GET and (path /a or not path /b)',
  );
});
