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

test('binds anchors to the alternatives beside them, as Linkerd does', () => {
  const select = selecting(path('/a|/b'), path('^/c|/d$'), path('^/e$'));
  expect(['/a', '/a/x', '/x/b', '/b/x', '/c/x', '/x/d', '/e', '/e/x'].map((where) => select('GET', where))).toEqual([0, 0, 0, undefined, 1, 1, 2, undefined]);
});

test('takes a last $ behind a backslash for a character, and leaves the end open then, as Linkerd does', () => {
  const select = selecting(path('/a\\$'), path('/b\\\\$'), path('/c\\\\\\$'), path('/d\\$$'));
  expect(['/a$', '/a$x', '/x/a$', '/a'].map((where) => select('GET', where))).toEqual([0, 0, undefined, undefined]);
  expect(['/b\\', '/b\\x', '/c\\$x', '/d$', '/d$x'].map((where) => select('GET', where))).toEqual([1, undefined, 2, 3, undefined]);
});

test('reads what repeats an anchor', () => {
  expect(['/a', '/a/x', '/x'].map((where) => selecting(path('^?/a'))('GET', where))).toEqual([0, undefined, undefined]);
});

test('leaves out a route that takes too long to compile, keeps the others, and spends no more on the same again', () => {
  const hostile = path('(?:a?){1000}'.repeat(300));
  const select = selecting(...Array.from({ length: 300 }, () => hostile), path('/a'));
  expect(select('GET', '/a')).toBe(300);
});

test('ignores white space around patterns', () => {
  expect(selecting(path(' /a\t'))('GET', '/a')).toBe(0);
});

test('leaves out what cannot be read, and keeps the rest, as Linkerd does', () => {
  const broken = path('/a(');
  expect(selecting(broken, GET)('GET', '/a')).toBe(1);
  expect(selecting({ kind: 'not', of: broken })('GET', '/a')).toBeUndefined();
  expect(selecting({ kind: 'all', of: [broken, GET] })('GET', '/b')).toBe(0);
});

test('says conditions in words', () => {
  expect(formatCondition({ kind: 'all', of: [GET, { kind: 'any', of: [path('/a'), { kind: 'not', of: path('/b') }] }] })).toBe(
    'GET and (path /a or not path /b)',
  );
});
