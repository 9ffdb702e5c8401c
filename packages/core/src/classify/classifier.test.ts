import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProfileRoute, ResponseCondition } from '../domain/profile.ts';
import {
  DEFAULT_CLASSIFIERS,
  GRPC_ROUTE_CLASSIFIERS,
  grpcClassifier,
  httpClassifier,
  isGrpcContentType,
  profileClassifiers,
  type ResponseClassifier,
} from './classifier.ts';
import { parseGrpcStatus, type ResponseClass, resetClass, TIMED_OUT, UNCLASSIFIED } from './response-class.ts';

/** The classifier with the `grpc-status` field as its only one. */
const of = (one: ResponseClassifier) => ({
  head: (status: number, grpcStatus?: string) => one.head(status, grpcStatus, onlyStatus),
  end: (status: number, grpcStatus?: string) => one.end(status, grpcStatus, onlyStatus),
});
const onlyStatus = (grpcStatus: string | undefined, name: string): string | undefined => (name === 'grpc-status' ? grpcStatus : undefined);
const [http, grpc] = [of(DEFAULT_CLASSIFIERS.http), of(DEFAULT_CLASSIFIERS.grpc)];
const shown = (one: ResponseClass | undefined) => one && [one.failure ? 'failure' : 'success', one.grpcStatus];

describe('by HTTP status', () => {
  test.each([
    [200, 'success'],
    [404, 'success'],
    [499, 'success'],
    [500, 'failure'],
    [599, 'failure'],
    [600, 'success'],
  ])('%d is a %s', (status, verdict) => {
    expect(shown(http.head(status, '13'))).toEqual([verdict, undefined]);
    expect(http.end(status, undefined)).toBe(http.head(status, undefined));
  });

  test('follows the ranges of a policy', () => {
    const strict = of(httpClassifier([{ start: 404, end: 410 }]));
    expect([403, 404, 410, 411, 500].map((status) => strict.head(status, undefined)?.failure)).toEqual([false, true, true, false, false]);
  });
});

describe('by gRPC code', () => {
  test('takes the code of the head, else that of the trailers', () => {
    expect(shown(grpc.head(200, '0'))).toEqual(['success', 0]);
    expect(grpc.head(200, undefined)).toBeUndefined();
    expect(shown(grpc.end(200, '14'))).toEqual(['failure', 14]);
  });

  test('counts as failures what the server is to blame for', () => {
    const failures = Array.from({ length: 17 }, (_, code) => code).filter((code) => grpc.head(200, String(code))?.failure);
    expect(failures).toEqual([2, 4, 7, 13, 14, 15]);
  });

  test('takes an end without code for a success, shown as Unknown, whatever the HTTP status', () => {
    expect(shown(grpc.end(503, undefined))).toEqual(['success', 2]);
    expect(shown(grpc.end(200, 'soon'))).toEqual(['success', 2]);
  });

  test('takes a code that does not exist for Unknown', () => {
    expect(shown(grpc.head(200, '99'))).toEqual(['failure', 2]);
    expect([parseGrpcStatus('-1'), parseGrpcStatus(''), parseGrpcStatus('1e1'), parseGrpcStatus('16')]).toEqual([undefined, undefined, undefined, 16]);
  });

  test('follows the codes of a policy, and judges all requests of a gRPC route', () => {
    expect(of(grpcClassifier([5])).head(200, '5')?.failure).toBe(true);
    expect(of(grpcClassifier([5])).head(200, '14')?.failure).toBe(false);
    expect(GRPC_ROUTE_CLASSIFIERS.http).toBe(GRPC_ROUTE_CLASSIFIERS.grpc);
  });
});

describe('by the classes of a profile', () => {
  const range = (min: number, max: number): ResponseCondition => ({ kind: 'status', min, max });
  const classes: ProfileRoute['responseClasses'] = [
    { condition: { kind: 'all', of: [range(500, 599), { kind: 'not', of: range(503, 503) }] }, isFailure: true },
    { condition: { kind: 'any', of: [range(404, 404), range(500, 599)] }, isFailure: false },
  ];
  const profile = of(profileClassifiers(classes).http);

  test('the first match decides, before any gRPC code', () => {
    expect(shown(profile.head(500, '0'))).toEqual(['failure', undefined]);
    expect(shown(profile.head(503, '14'))).toEqual(['success', undefined]);
    expect(shown(profile.head(404, undefined))).toEqual(['success', undefined]);
  });

  test('what matches nothing is judged by a gRPC code where there is one, else by the status', () => {
    const only404 = of(profileClassifiers([{ condition: range(404, 404), isFailure: true }]).http);
    expect(shown(only404.head(200, '13'))).toEqual(['failure', 13]);
    expect(only404.head(500, undefined)).toBeUndefined();
    expect(shown(only404.end(500, undefined))).toEqual(['failure', undefined]);
    expect(shown(only404.end(200, '0'))).toEqual(['success', 0]);
  });

  test('without classes the route is judged as any other', () => {
    expect(profileClassifiers([])).toBe(DEFAULT_CLASSIFIERS);
  });
});

test('marks what asks for less, success or not', () => {
  expect([http.head(429, undefined), grpc.head(200, '8'), of(httpClassifier([{ start: 400, end: 499 }])).head(429)]).toMatchObject([
    { failure: false, rateLimited: true },
    { failure: false, rateLimited: true },
    { failure: true, rateLimited: true },
  ]);
  expect(grpc.head(429, '0')?.rateLimited).toBe(false);
});

test('names what broke an exchange with few labels', () => {
  expect([TIMED_OUT, UNCLASSIFIED, resetClass(7), resetClass(0xdead)].map(({ error, failure }) => [error, failure])).toEqual([
    ['timeout', true],
    ['unclassified', true],
    ['h2(REFUSED_STREAM)', true],
    ['h2(UNKNOWN)', true],
  ]);
});

test('knows gRPC by its content type', () => {
  expect(['application/grpc', 'application/grpc+proto', 'application/json', undefined].map(isGrpcContentType)).toEqual([true, true, false, false]);
});

test('every response has exactly one class, one of a few objects', () => {
  const field = fc.option(fc.oneof(fc.integer({ min: -2, max: 70_000 }).map(String), fc.string()), { nil: undefined });
  const condition: fc.Arbitrary<ResponseCondition> = fc.letrec<{ one: ResponseCondition }>((tie) => ({
    one: fc.oneof(
      { maxDepth: 3 },
      fc.record({ kind: fc.constant('status' as const), min: fc.integer({ min: 100, max: 600 }), max: fc.integer({ min: 100, max: 600 }) }),
      fc.record({ kind: fc.constantFrom('all' as const, 'any' as const), of: fc.array(tie('one'), { maxLength: 3 }) }),
      fc.record({ kind: fc.constant('not' as const), of: tie('one') }),
    ),
  })).one;
  const classes = fc.array(fc.record({ condition, isFailure: fc.boolean() }), { maxLength: 3 });
  const seen = new Set<ResponseClass>();
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 999 }), field, field, classes, (status, head, trailer, responses) => {
      for (const rule of [DEFAULT_CLASSIFIERS, GRPC_ROUTE_CLASSIFIERS, profileClassifiers(responses)]) {
        for (const one of [of(rule.http), of(rule.grpc)]) seen.add(one.head(status, head) ?? one.end(status, trailer));
      }
    }),
    { seed: 11, numRuns: 2_000 },
  );
  expect([...seen].every((one) => one.error === undefined)).toBe(true);
  expect(seen.size).toBeLessThanOrEqual(4 + 2 * 17);
});
