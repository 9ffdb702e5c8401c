import { expect, test } from 'vitest';
import { jsonPatch } from './json-patch.ts';
import { mergePatch } from './merge-patch.ts';

test('applies operations to a copy', () => {
  const original = Object.freeze({ a: Object.freeze([1, 2]), b: 'x' });
  const result = jsonPatch(original as never, [
    { op: 'add', path: '/a/-', value: 3 },
    { op: 'move', from: '/b', path: '/c' },
    { op: 'test', path: '/c', value: 'x' },
  ]);
  expect(result).toEqual({ kind: 'patched', object: { a: [1, 2, 3], c: 'x' } });
  expect(original.a).toEqual([1, 2]);
});

test.each([
  [[{ op: 'test', path: '/b', value: 'y' }], 'operation 0'],
  [[{ op: 'remove', path: '/none' }], 'operation 0'],
  [[{ op: 'explode', path: '/b' }], 'unknown op'],
  [[{ op: 'add', path: '/b' }], 'value is missing'],
  [[{ op: 'add', path: 'b', value: 1 }], 'not a JSON pointer'],
  [[{ op: 'add', path: '/constructor/prototype/x', value: 1 }], 'not allowed'],
  [[{ op: 'replace', path: '', value: 1 }], 'no object'],
  [{}, 'list of operations'],
])('refuses %j', (patch, message) => {
  const result = jsonPatch({ b: 'x' }, patch as never);
  expect(result.kind === 'refused' && result.message).toContain(message);
});

test('a merge patch removes by null and replaces lists (RFC 7386 appendix A)', () => {
  expect(mergePatch({ a: { b: 'c' } }, { a: { b: 'd', c: null } })).toEqual({ a: { b: 'd' } });
  expect(mergePatch({ a: [{ b: 'c' }] }, { a: [1] })).toEqual({ a: [1] });
  expect(mergePatch({}, { a: { bb: { ccc: null } } })).toEqual({ a: { bb: {} } });
  expect(mergePatch({ e: null } as never, { a: 1 })).toEqual({ e: null, a: 1 });
});
