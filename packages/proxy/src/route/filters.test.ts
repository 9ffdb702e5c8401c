import { type Filter, type HeaderModifier, seeded } from '@weft/core';
import { expect, test } from 'vitest';
import { compileFilters, joinEdits } from './filters.ts';

const compile = (filters: readonly Filter[]) => compileFilters('r', filters, seeded(1));

test('adds, then sets, then removes', () => {
  const edits = compile([
    { kind: 'request-headers', modifier: { add: [['X-Added', '1']], set: [['x-set', '2']], remove: ['X-Gone'] } },
    { kind: 'response-headers', modifier: { add: [['x-back', '3']], set: [], remove: [] } },
  ]);
  const headers = ['x-set', 'old', 'x-gone', 'yes', 'x-set', 'older'];
  edits.request?.(headers);
  expect(headers).toEqual(['x-added', '1', 'x-set', '2']);
  const response: string[] = [];
  edits.response?.(response);
  expect(response).toEqual(['x-back', '3']);
});

test.each<[what: string, modifier: Partial<HeaderModifier>, expected: readonly string[]]>([
  ['what is added stands beside what is there', { add: [['X-S', 'new']] }, ['x-s', 'old', 'x-s', 'new']],
  [
    'each value that is added stands for itself',
    {
      add: [
        ['x-s', '1'],
        ['X-S', '2'],
      ],
    },
    ['x-s', 'old', 'x-s', '1', 'x-s', '2'],
  ],
  ['what is set stands in place of what is there', { set: [['X-S', 'new']] }, ['x-s', 'new']],
  [
    'of several values the last is set',
    {
      set: [
        ['x-s', 'first'],
        ['X-S', 'second'],
      ],
    },
    ['x-s', 'second'],
  ],
  ['what is set stands in place of what is added', { add: [['x-s', 'added']], set: [['X-S', 'set']] }, ['x-s', 'set']],
  ['what is removed is gone', { remove: ['X-S'] }, []],
  ['what is removed is not added', { add: [['X-S', 'added']], remove: ['x-s'] }, []],
  ['what is removed is not set', { set: [['x-s', 'set']], remove: ['X-S'] }, []],
  ['what is removed is neither added nor set', { add: [['x-s', 'added']], set: [['x-s', 'set']], remove: ['x-s'] }, []],
  ['other fields stay', { add: [['a', '1']], set: [['b', '2']], remove: ['c'] }, ['x-s', 'old', 'a', '1', 'b', '2']],
])('of one name: %s', (_what, { add = [], set = [], remove = [] }, expected) => {
  const headers = ['x-s', 'old'];
  compile([{ kind: 'request-headers', modifier: { add, set, remove } }]).request?.(headers);
  expect(headers).toEqual(expected);
});

test('joins edits in order and leaves nothing where there is nothing', () => {
  const first = compile([{ kind: 'request-headers', modifier: { add: [['a', '1']], set: [], remove: [] } }]);
  const second = compile([{ kind: 'request-headers', modifier: { add: [], set: [['a', '2']], remove: [] } }]);
  const headers: string[] = [];
  joinEdits(first, second).request?.(headers);
  expect(headers).toEqual(['a', '2']);
  expect(joinEdits(first, second).response).toBeUndefined();
});
