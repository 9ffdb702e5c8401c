import { seeded } from '@weft/core';
import { expect, test } from 'vitest';
import { compileFilters, joinEdits } from './filters.ts';

test('adds, then sets, then removes', () => {
  const edits = compileFilters(
    [
      { kind: 'request-headers', modifier: { add: [['X-Added', '1']], set: [['x-set', '2']], remove: ['X-Gone'] } },
      { kind: 'response-headers', modifier: { add: [['x-back', '3']], set: [], remove: [] } },
    ],
    seeded(1),
  );
  const headers = ['x-set', 'old', 'x-gone', 'yes', 'x-set', 'older'];
  edits.request?.(headers);
  expect(headers).toEqual(['x-added', '1', 'x-set', '2']);
  const response: string[] = [];
  edits.response?.(response);
  expect(response).toEqual(['x-back', '3']);
});

test('joins edits in order and leaves nothing where there is nothing', () => {
  const first = compileFilters([{ kind: 'request-headers', modifier: { add: [['a', '1']], set: [], remove: [] } }], seeded(1));
  const second = compileFilters([{ kind: 'request-headers', modifier: { add: [], set: [['a', '2']], remove: [] } }], seeded(1));
  const headers: string[] = [];
  joinEdits(first, second).request?.(headers);
  expect(headers).toEqual(['a', '2']);
  expect(joinEdits(first, second).response).toBeUndefined();
});
