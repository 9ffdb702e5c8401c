import {
  type ClientPolicy,
  type ClientProtocol,
  createRegistry,
  type Distribution,
  defaultMetadata,
  type Filter,
  formatReason,
  reasonOf,
  seeded,
} from '@weft/core';
import { explainOutbound } from '@weft/core/explain';
import type { OutboundRouting } from '@weft/core/route';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { routeMetrics } from '../observe/route-metrics.ts';
import { compileOutbound } from './outbound-plan.ts';

const metrics = routeMetrics(createRegistry());
const rare = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const filters: fc.Arbitrary<readonly Filter[]> = rare<readonly Filter[]>(
  [],
  [{ kind: 'unknown' }],
  [{ kind: 'invalid', message: 'no such kind' }],
  [{ kind: 'forbidden' }],
  [{ kind: 'redirect', status: 302 }],
);
const backends = fc.array(
  fc.record({
    backend: fc.constant({
      metadata: defaultMetadata('b'),
      dispatcher: { kind: 'fail', message: 'broken' },
      queue: { capacity: 0, failfastTimeoutMs: 0 },
    } as const),
    filters,
    weight: rare(1, 0),
  }),
  { maxLength: 2 },
);
const distribution = fc.oneof<fc.Arbitrary<Distribution>[]>(
  fc.constant({ kind: 'empty' }),
  backends.map((all) => ({ kind: 'first-available', backends: all })),
  backends.map((all) => ({ kind: 'random-available', backends: all })),
);
const header = rare('ok', '(').map((regex) => ({ name: 'h', value: { kind: 'regex', regex } as const }));
const headers = fc.array(header, { maxLength: 1 });
const few = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { maxLength: 2 });
const httpRules = <M>(matches: fc.Arbitrary<M>) =>
  few(fc.record({ matches: few(matches), filters, distribution, timeouts: fc.constant({}), allowL5dHeaders: fc.boolean() }));
const metadata = fc.constantFrom('r', 's').map(defaultMetadata);
const hosts = fc.constant([]);
const http = fc.record({ routes: few(fc.record({ metadata, hosts, rules: httpRules(fc.record({ headers, query: fc.constant([]) })) })) });
const grpc = fc.record({
  routes: few(fc.record({ metadata, hosts, rules: httpRules(fc.record({ rpc: fc.constant({ service: '', method: '' }), headers })) })),
});
const tcpRules = few(fc.record({ filters, distribution }));
const opaque = fc.record({ routes: few(fc.record({ metadata, rules: tcpRules })) });
const tls = fc.record({ routes: few(fc.record({ metadata, snis: hosts, rules: tcpRules })) });
const protocol = fc.oneof<fc.Arbitrary<ClientProtocol>[]>(
  fc.record({ kind: fc.constant('detect'), timeoutMs: fc.constant(1), opaque, http1: http, http2: http }),
  http.map((one) => ({ kind: 'http1', ...one })),
  http.map((one) => ({ kind: 'http2', ...one })),
  grpc.map((one) => ({ kind: 'grpc', ...one })),
  opaque.map((one) => ({ kind: 'opaque', ...one })),
  tls.map((one) => ({ kind: 'tls', ...one })),
);
/** A profile has no filters. */
const split = backends.map((all): Distribution => ({ kind: 'random-available', backends: all.map((one) => ({ ...one, filters: [] })) }));
const profile = fc.option(
  split.map((all) => ({ authority: 'web:80', parent: defaultMetadata('p'), routes: [], retryBudget: undefined, distribution: all })),
  { nil: undefined },
);

/** What compiling the policy ends with. */
function compiled(routing: OutboundRouting): string | undefined {
  const backend = () => ({ available: true });
  const connections = () => metrics.bind('tls', defaultMetadata('svc'), defaultMetadata('route'), { ip: undefined, port: 1 });
  try {
    compileOutbound(routing, { http: backend, tcp: backend, connections, profileMeters: metrics.profile, random: seeded(1) });
    return undefined;
  } catch (error) {
    return formatReason(reasonOf(error));
  }
}

test('explaining refuses a policy for the reason for which it cannot be compiled, and no other policy', () => {
  const outcomes = { valid: 0, invalid: 0 };
  fc.assert(
    fc.property(protocol, profile, fc.constantFrom('http/1', 'http/2', 'tls', 'opaque'), (one, driving, found) => {
      const policy: ClientPolicy = { parent: defaultMetadata('svc'), protocol: one };
      const routing: OutboundRouting = { policy, profile: driving };
      const { verdict } = explainOutbound(routing, { protocol: found, request: { method: 'GET', path: '/', authority: 'web', headers: ['h', 'ok'] } });
      const why = compiled(routing);
      expect(verdict.kind === 'refused' && verdict.reason.code === 'POLICY_INVALID' ? verdict.reason.text : undefined).toBe(why);
      outcomes[why === undefined ? 'valid' : 'invalid'] += 1;
    }),
    { seed: 5, numRuns: 2_000 },
  );
  expect(Math.min(outcomes.valid, outcomes.invalid)).toBeGreaterThan(200);
});
