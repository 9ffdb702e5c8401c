import { type Filter, seeded } from '@weft/core';
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

test('joins edits in order and leaves nothing where there is nothing', () => {
  const first = compile([{ kind: 'request-headers', modifier: { add: [['a', '1']], set: [], remove: [] } }]);
  const second = compile([{ kind: 'request-headers', modifier: { add: [], set: [['a', '2']], remove: [] } }]);
  const headers: string[] = [];
  joinEdits(first, second).request?.(headers);
  expect(headers).toEqual(['a', '2']);
  expect(joinEdits(first, second).response).toBeUndefined();
});
