import { describe, expect, test } from 'vitest';
import type { InboundClient } from '../authorize/authorization-rule.ts';
import type { RateLimit } from '../domain/server-policy.ts';
import { parseIdentityId } from '../names/identity-name.ts';
import { manualClock } from '../time/manual-clock.ts';
import { memoryBuckets } from './buckets.ts';
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts';

const plain = (ip = '10.0.0.1'): InboundClient => ({ ip, tls: { kind: 'none' } });
const meshed = (identity?: string): InboundClient => ({
  ip: '10.0.0.1',
  tls: { kind: 'mesh', identity: identity === undefined ? undefined : parseIdentityId(identity) },
});

function limiter(limit: Partial<RateLimit>, clock = manualClock()): RateLimiter {
  const made = createRateLimiter({ limit: { overrides: [], ...limit }, scope: '8080', buckets: memoryBuckets({ clock }) });
  if (!made) throw new TypeError('nothing to count');
  return made;
}

/** Which limit denies each of so many requests; empty: admitted. */
const outcomes = (limits: RateLimiter, client: InboundClient, count: number): string[] =>
  Array.from({ length: count }, () => limits.check(client)?.scope ?? '');

describe('limits', () => {
  test('that are not given or zero are none', () => {
    const buckets = memoryBuckets({ clock: manualClock() });
    const none = (limit: RateLimit): unknown => createRateLimiter({ limit, scope: '1', buckets });
    expect(none({ overrides: [] })).toBeUndefined();
    expect(none({ totalRps: 0, identityRps: 0, overrides: [{ identities: ['a.b'], rps: 0 }] })).toBeUndefined();
  });

  test('in total hold for everybody together', () => {
    const limits = limiter({ totalRps: 2 });
    expect([limits.check(plain('10.0.0.1')), limits.check(meshed('a.b')), limits.check(plain('10.0.0.2'))?.scope]).toEqual([undefined, undefined, 'total']);
  });

  test('per identity hold for each, and for all without one together', () => {
    const limits = limiter({ identityRps: 1 });
    expect(outcomes(limits, meshed('a.b'), 2)).toEqual(['', 'identity']);
    expect(outcomes(limits, meshed('c.d'), 2)).toEqual(['', 'identity']);
    expect([limits.check(plain('10.0.0.1')), limits.check(plain('10.0.0.2'))?.scope, limits.check(meshed())?.scope]).toEqual([
      undefined,
      'identity',
      'identity',
    ]);
  });

  test('of one identity hold across its connections', () => {
    const limits = limiter({ identityRps: 1 });
    expect([limits.check(meshed('a.b')), limits.check(meshed('A.b'))?.scope]).toEqual([undefined, 'identity']);
  });

  test('of an override take the place of those per identity, and its clients share them', () => {
    const limits = limiter({ identityRps: 1, overrides: [{ identities: ['a.b', 'c.d', 'not a name'], rps: 3 }] });
    expect(outcomes(limits, meshed('a.b'), 2)).toEqual(['', '']);
    expect(outcomes(limits, meshed('c.d'), 2)).toEqual(['', 'override']);
    expect(outcomes(limits, meshed('e.f'), 2)).toEqual(['', 'identity']);
  });

  test('of an override do not lift the total', () => {
    const limits = limiter({ totalRps: 1, overrides: [{ identities: ['a.b'], rps: 5 }] });
    expect(outcomes(limits, meshed('a.b'), 2)).toEqual(['', 'total']);
  });

  test('of an override without a rate are those per identity', () => {
    expect(outcomes(limiter({ identityRps: 1, overrides: [{ identities: ['a.b'], rps: 0 }] }), meshed('a.b'), 2)).toEqual(['', 'identity']);
  });

  test('of two overrides for one identity the later holds', () => {
    const overrides = [
      { identities: ['a.b'], rps: 5 },
      { identities: ['a.b'], rps: 1 },
    ];
    expect(outcomes(limiter({ overrides }), meshed('a.b'), 2)).toEqual(['', 'override']);
  });

  test('count in the total what the next one denies', () => {
    const limits = limiter({ totalRps: 3, identityRps: 1 });
    expect(outcomes(limits, meshed('a.b'), 3)).toEqual(['', 'identity', 'identity']);
    expect(outcomes(limits, meshed('c.d'), 1)).toEqual(['total']);
  });

  test('count nowhere else what the total denies', () => {
    const clock = manualClock();
    const limits = limiter({ totalRps: 1, identityRps: 1 }, clock);
    expect([...outcomes(limits, plain(), 1), ...outcomes(limits, meshed('a.b'), 5)]).toEqual(['', 'total', 'total', 'total', 'total', 'total']);
    clock.advance(1_000);
    expect(outcomes(limits, meshed('a.b'), 1)).toEqual(['']);
  });

  test('survive a policy that says the same again, and not one that changes them', () => {
    const buckets = memoryBuckets({ clock: manualClock() });
    const make = (identityRps: number): RateLimiter | undefined => createRateLimiter({ limit: { identityRps, overrides: [] }, scope: '8080', buckets });
    expect([make(1)?.check(plain()), make(1)?.check(plain())?.scope, make(2)?.check(plain())]).toEqual([undefined, 'identity', undefined]);
  });

  test('of one server do not concern another', () => {
    const buckets = memoryBuckets({ clock: manualClock() });
    const of = (scope: string): RateLimiter | undefined => createRateLimiter({ limit: { totalRps: 1, overrides: [] }, scope, buckets });
    expect([of('8080')?.check(plain()), of('8081')?.check(plain())]).toEqual([undefined, undefined]);
  });
});

describe('denials', () => {
  test('name the limit, its rate and who shares it', () => {
    const limits = limiter({ totalRps: 4, identityRps: 1, overrides: [{ identities: ['o.a', 'o.b', 'o.c', 'o.d', 'o.e'], rps: 2 }] });
    limits.check(meshed('a.b'));
    expect(limits.check(meshed('a.b'))).toEqual({
      scope: 'identity',
      rps: 1,
      sharedBy: 'a.b',
      reason: { code: 'RATE_LIMITED', detail: 'the limit per identity of 1 requests per second, shared by a.b' },
    });
    limits.check(meshed('o.a'));
    limits.check(meshed('o.a'));
    expect(limits.check(plain())?.reason.detail).toBe('the total limit of 4 requests per second, shared by all clients');
    const others = limiter({ overrides: [{ identities: ['o.a', 'o.b', 'o.c', 'o.d', 'o.e'], rps: 1 }] });
    others.check(meshed('o.a'));
    expect(others.check(meshed('o.e'))?.reason.detail).toBe('an override of 1 requests per second, shared by o.a, o.b, o.c and 2 more');
  });

  test('are explained before they happen, and nothing is taken', () => {
    const limits = limiter({ totalRps: 4, identityRps: 1 });
    limits.check(plain());
    for (let i = 0; i < 3; i++) {
      expect(limits.explain(plain('10.9.9.9'))).toEqual([
        { scope: 'total', rps: 4, sharedBy: 'all clients', available: 3 },
        { scope: 'identity', rps: 1, sharedBy: 'all clients without identity', available: 0 },
      ]);
    }
  });
});
