import {
  type Backend,
  constantWatch,
  createWatch,
  type Dispatcher,
  defaultMetadata,
  type FailureAccrual,
  type Load,
  manualClock,
  type Profile,
  seeded,
} from '@weft/core';
import type { Dispatch } from '@weft/core/balance';
import { expect, test } from 'vitest';
import { ENDPOINT, fakeHttpEndpoint, fakeTcpEndpoint } from '../../test/fake-endpoint.ts';
import type { PoolObserver } from '../observe/balancer-metrics.ts';
import type { BackendUse } from '../route/outbound-plan.ts';
import { Backends, type PoolContext } from './backends.ts';
import type { PoolBackend, Waiter } from './pool-backend.ts';

const NOTHING = (): void => undefined;
const NOBODY: PoolObserver = { state: NOTHING, updated: NOTHING, enqueued: NOTHING, dequeued: NOTHING, gate: NOTHING, close: NOTHING };
const ACCRUAL: FailureAccrual = { kind: 'consecutive', maxFailures: 1, backoff: { minMs: 1, maxMs: 2, jitter: 0 } };
const FORWARD: Dispatcher = { kind: 'forward', endpoint: ENDPOINT };
const PEAK: Load = { kind: 'peak-ewma', defaultRttMs: 50, decayMs: 1_000 };
const PENALTY: Load = { kind: 'penalty-peak-ewma', defaultRttMs: 80, decayMs: 2_000, penaltyMs: 7_000, penaltyDecayMs: 1, maxRetryAfterMs: 1 };
const PROTOCOLS = ['http/1', 'http/2', 'opaque', 'tls'] as const;
const balancer = (load: Load): Dispatcher => ({ kind: 'balancer', path: 'web:80', load });

/** A backend of one endpoint, to which one request was sent. */
function asked(dispatcher: Dispatcher, protocol: BackendUse['protocol']) {
  const clock = manualClock();
  const pools: PoolContext[] = [];
  const settings = { capacity: 1, failfastMs: 1_000, clock, random: seeded(1) };
  const backends = new Backends({
    logical: 'web:80',
    discovery: { endpoints: () => constantWatch([ENDPOINT]), profile: () => createWatch<Profile>().watch },
    http: settings,
    tcp: settings,
    observe: () => NOBODY,
    httpEndpoint(endpoint, pool, changed) {
      pools.push(pool);
      return fakeHttpEndpoint({ clock, endpoint, changed });
    },
    tcpEndpoint(endpoint, pool, changed) {
      pools.push(pool);
      return fakeTcpEndpoint({ clock, endpoint, changed });
    },
  });
  const parent = defaultMetadata('svc');
  const use: BackendUse = { parent, protocol, accrual: ACCRUAL };
  const named: Backend = { metadata: parent, dispatcher, queue: { capacity: 1, failfastTimeoutMs: 1 } };
  const started: Dispatch[] = [];
  const waiter: Waiter<unknown> = { aborted: false, start: (_member, dispatch) => void started.push(dispatch), refuse: NOTHING };
  const backend = backends.rebuild<PoolBackend<never>>((http, tcp) => (protocol === 'http/1' || protocol === 'http/2' ? http(named, use) : tcp(named, use)));
  backend.submit(waiter);
  const [dispatch] = started;
  if (!dispatch) throw new Error('the request was not sent');
  const load = (): number | undefined => backend.snapshot().endpoints[0]?.load;
  return { clock, pools, backend, dispatch, load };
}

test.each(PROTOCOLS)('the load of a balancer is estimated by the figures of its policy: %s', (protocol) => {
  const { clock, load } = asked(balancer(PEAK), protocol);
  // The estimate times one more than what is under way.
  expect(load()).toBe(50 * 2);
  clock.advance(1_000);
  expect(load()).toBeCloseTo(50 * 2 * Math.exp(-1), 9);
});

test.each(PROTOCOLS)('the penalty variant has figures of its own, and penalties for HTTP only: %s', (protocol) => {
  const http = protocol === 'http/1' || protocol === 'http/2';
  const { clock, load, dispatch, backend } = asked(balancer(PENALTY), protocol);
  expect(load()).toBe(80 * 2);
  expect(backend.penalty).toEqual(http ? PENALTY : undefined);
  clock.advance(2_000);
  expect(load()).toBeCloseTo(80 * 2 * Math.exp(-1), 9);
  dispatch.penalize(clock.now(), 7_000);
  expect(load()).toBe(http ? 7_000 : 2_000);
});

test.each(PROTOCOLS)('a forward has the figures that hold without a policy, and no penalties: %s', (protocol) => {
  const { clock, load, backend } = asked(FORWARD, protocol);
  expect([load(), backend.penalty, backend.authority]).toEqual([30 * 2, undefined, undefined]);
  clock.advance(10_000);
  expect(load()).toBeCloseTo(30 * 2 * Math.exp(-1), 9);
});

test.each(PROTOCOLS)('endpoints of a balancer are ejected as the policy says, the one of a forward never: %s', (protocol) => {
  expect(asked(balancer(PEAK), protocol).pools).toMatchObject([{ authority: 'web:80', accrual: ACCRUAL }]);
  expect(asked(FORWARD, protocol).pools).toMatchObject([{ authority: undefined, accrual: undefined }]);
});
