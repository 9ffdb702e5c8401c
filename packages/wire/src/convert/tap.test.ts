import type { TapMatch } from '@weft/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { network, text, token } from '../../test/arbitrary-basics.ts';
import { codecOf } from '../codec.ts';
import type { TapObserveRequestMatch } from '../gen/messages.ts';
import { ConvertError } from './convert-error.ts';
import { tapEventToWire } from './tap-event.ts';
import { tapMatchFromWire, tapMatchToWire } from './tap-match.ts';

const address = fc.oneof(
  network.filter(({ prefix }) => prefix > 0).map((one) => ({ kind: 'network', network: one }) as const),
  fc
    .tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }))
    .map(([a, b]) => ({ kind: 'ports', first: Math.min(a, b), last: Math.max(a, b) }) as const),
);
const label = fc.record({ key: token, value: token });
const leaf: fc.Arbitrary<TapMatch> = fc.oneof(
  fc.record({ kind: fc.constantFrom('source' as const, 'destination' as const), address }),
  fc.constantFrom('destination-label' as const, 'route-label' as const).chain((kind) => label.map((one) => ({ kind, ...one }))),
  fc.constantFrom('http', 'https').map((value) => ({ kind: 'scheme', value }) as const),
  token.map((value) => ({ kind: 'method', value }) as const),
  fc.record({
    kind: fc.constantFrom('authority' as const, 'path' as const),
    text: fc.record({ kind: fc.constantFrom('exact' as const, 'prefix' as const), value: text }),
  }),
);
const { match } = fc.letrec<{ match: TapMatch }>((tie) => ({
  match: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.record({ kind: fc.constantFrom('all' as const, 'any' as const), matches: fc.array(tie('match'), { maxLength: 3 }) }),
    tie('match').map((one) => ({ kind: 'not', match: one }) as const),
  ),
}));

test('conditions come back as they were sent', () => {
  const { decode, encode } = codecOf('tap.ObserveRequest');
  const outcome = fc.check(
    fc.property(match, (one) => {
      expect(tapMatchFromWire(decode(encode({ match: tapMatchToWire(one) })).match)).toEqual(one);
    }),
    { numRuns: 300, seed: 1 },
  );
  expect(outcome.failed ? fc.defaultReportMessage(outcome) : undefined).toBeUndefined();
});

describe('a condition that cannot be is refused, with its place', () => {
  const refused = (wire: TapObserveRequestMatch | undefined): string => {
    try {
      tapMatchFromWire(wire);
    } catch (error) {
      if (error instanceof ConvertError) return error.message;
      throw error;
    }
    return 'taken';
  };
  const port = (min: number, max: number): TapObserveRequestMatch => ({ source: { ports: { min, max } } });

  test.each<[TapObserveRequestMatch | undefined, string]>([
    [undefined, 'match is missing'],
    [{}, 'match is of no known kind'],
    [{ not: {} }, 'match.not is of no known kind'],
    [{ all: { matches: [{ http: { path: { exact: '/' } } }, { http: {} }] } }, 'match.all.matches[1].http is of no known kind'],
    [port(0, 0), 'match.source.ports is missing'],
    [port(2, 1), 'match.source.ports is not valid: "2-1"'],
    [port(1, 70_000), 'match.source.ports.max is not valid: 70000'],
    [{ source: { netmask: { ip: { ipv4: 1 }, mask: 0 } } }, 'match.source.netmask.mask is missing'],
    [{ source: { netmask: { ip: { ipv4: 1 }, mask: 33 } } }, 'match.source.netmask.mask is not valid: 33'],
    [{ destinationLabel: { key: 'a', value: '' } }, 'match.destination_label.value is missing'],
    [{ http: { method: { unregistered: 'two words' } } }, 'match.http.method.unregistered is not valid: "two words"'],
    [{ http: { scheme: { registered: 7 } } }, 'match.http.scheme.type is of no known kind: 7'],
  ])('%j', (wire, message) => {
    expect(refused(wire)).toBe(message);
  });

  test('or asks for too much', () => {
    const leafWire: TapObserveRequestMatch = { http: { path: { prefix: '/' } } };
    let deep = leafWire;
    for (let level = 0; level < 64; level++) deep = { not: deep };
    expect(refused(deep)).toBe('taken');
    expect(refused({ not: deep })).toContain('deeper than 64 levels');
    expect(refused({ any: { matches: Array.from({ length: 999 }, () => leafWire) } })).toBe('taken');
    expect(refused({ any: { matches: Array.from({ length: 1000 }, () => leafWire) } })).toContain('more than 1000 conditions');
  });

  test('but empty members of a list say nothing, and a bound that is left out is the other', () => {
    expect(tapMatchFromWire({ any: { matches: [{}] } })).toEqual({ kind: 'any', matches: [] });
    expect(tapMatchFromWire(port(80, 0))).toEqual(tapMatchFromWire(port(0, 80)));
  });
});

test('an event says who, which request, and when', () => {
  const sides = {
    direction: 'outbound',
    source: { ip: '10.0.0.1', port: 1 },
    sourceLabels: { tls: 'loopback' },
    destination: { ip: '10.0.0.2', port: 2 },
    destinationLabels: { pod: 'web' },
    routeLabels: undefined,
  } as const;
  const http = {
    kind: 'end',
    sinceRequestMs: 1500.25,
    sinceResponseMs: undefined,
    bytes: 5,
    eos: { kind: 'reset', code: 8 },
    trailers: [['a', '\xe9']],
  } as const;
  const { decode, encode } = codecOf('tap.TapEvent');
  const event = decode(encode(tapEventToWire({ stream: 3, sides, http }, 9)));
  const end = event.http?.responseEnd;
  expect([end?.id?.base, end?.id?.stream?.toNumber(), end?.responseBytes?.toNumber(), end?.eos?.resetErrorCode]).toEqual([9, 3, 5, 8]);
  expect([end?.sinceRequestInit?.seconds?.toNumber(), end?.sinceRequestInit?.nanos, end?.sinceResponseInit ?? undefined]).toEqual([1, 500_250_000, undefined]);
  expect(end?.trailers?.headers?.map(({ name, value }) => [name, Buffer.from(value ?? []).toString('hex')])).toEqual([['a', 'e9']]);
  expect([event.proxyDirection, event.source?.port, event.destination?.port, event.destinationMeta?.labels]).toEqual([2, 1, 2, { pod: 'web' }]);
});
