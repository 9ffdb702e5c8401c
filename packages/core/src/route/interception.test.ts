import { expect, test } from 'vitest';
import type { Filter } from '../domain/match.ts';
import { seeded } from '../ports/random.ts';
import { ANYTHING } from './compile-match.ts';
import { sortFilters } from './interception.ts';

const request = { method: 'GET', path: '/', authority: 'web', headers: [] };
const of = (...filters: Filter[]) => sortFilters('my-route', filters, seeded(5));
const failure: Filter = { kind: 'http-failure', status: 418, message: 'no coffee' };

test('answers with the failure or the place that the filter names', () => {
  expect(of(failure).intercept?.(request, ANYTHING)).toEqual({
    code: 'FAILURE_INJECTED',
    detail: 'my-route: 418 no coffee',
    answer: { kind: 'http-failure', status: 418, message: 'no coffee' },
  });
  expect(of({ kind: 'grpc-failure', code: 14, message: 'away' }).intercept?.(request, ANYTHING)?.answer).toEqual({
    kind: 'grpc-failure',
    code: 14,
    message: 'away',
  });
  const redirect = of({ kind: 'redirect', host: 'other', status: 0 });
  expect(redirect.intercept?.(request, ANYTHING)?.answer).toEqual({ kind: 'redirect', status: 301, location: 'http://other/' });
});

test('takes the first filter that answers, and lets requests pass where none does', () => {
  const { intercept } = of({ kind: 'redirect', status: 0 }, failure, { kind: 'redirect', host: 'other', status: 302 });
  expect(intercept?.(request, ANYTHING)?.code).toBe('FAILURE_INJECTED');
  expect(of({ kind: 'redirect', status: 0 }).intercept?.(request, ANYTHING)).toBeUndefined();
  expect(of().intercept).toBeUndefined();
});

test('fails the share of requests that the ratio says', () => {
  const failed = (numerator: number, denominator: number): number => {
    const { intercept } = of({ ...failure, ratio: { numerator, denominator } });
    return Array.from({ length: 4_000 }, () => intercept?.(request, ANYTHING)).filter(Boolean).length;
  };
  expect([failed(0, 7), failed(7, 7)]).toEqual([0, 4_000]);
  expect(Math.abs(failed(1, 4) - 1_000)).toBeLessThan(100);
});

test('tells what edits heads from what answers, in order', () => {
  const add = (name: string): Filter => ({ kind: 'request-headers', modifier: { add: [[name, '1']], set: [], remove: [] } });
  expect(of(add('a'), failure, add('b')).headers).toEqual([add('a'), add('b')]);
});

test.each([[{ kind: 'unknown' }], [{ kind: 'forbidden' }], [{ kind: 'invalid', message: 'a field is missing' }]] as const)('refuses %j', (filter) => {
  expect(() => of(filter)).toThrow(/policy for this target could not be understood: (a field is missing|filter (unknown|forbidden) is not supported)/);
});
