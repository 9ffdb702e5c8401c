import { createRegistry, createWatch, type Endpoint, type EndpointSet, manualClock, plainEndpoint, type Reason, reason, seeded } from '@weft/core';
import { type Dispatch, PeakEwma } from '@weft/core/balance';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balancerMetrics } from '../observe/balancer-metrics.ts';
import { BalancedQueue } from './balanced-queue.ts';
import type { Waiter } from './pool-backend.ts';
import type { MemberStatus, PoolMember } from './pool-member.ts';

class FakeMember implements PoolMember {
  ready: boolean;
  hopeless: Reason | undefined;
  closed = false;
  readonly endpoint: Endpoint;
  readonly changed: () => void;

  constructor(endpoint: Endpoint, changed: () => void, ready: boolean) {
    this.endpoint = endpoint;
    this.changed = changed;
    this.ready = ready;
  }

  turn(ready: boolean): void {
    this.ready = ready;
    this.changed();
  }

  get status(): MemberStatus {
    return { address: this.endpoint.address.ip, state: this.ready ? 'ready' : 'connecting', lastError: undefined, since: 0 };
  }

  close(): void {
    this.closed = true;
  }
}

class FakeWaiter implements Waiter<FakeMember> {
  aborted = false;
  startedOn: string | undefined;
  refused: Reason | undefined;
  /** Starts and refusals. */
  ends = 0;
  onStart: (member: FakeMember) => void = () => undefined;

  start(member: FakeMember, dispatch: Dispatch): void {
    this.ends++;
    this.startedOn = member.endpoint.address.ip;
    dispatch.complete(0);
    this.onStart(member);
  }

  refuse(why: Reason): void {
    this.ends++;
    this.refused = why;
  }
}

function setup(options: { ready?: boolean; capacity?: number } = {}) {
  const clock = manualClock();
  const registry = createRegistry({ clock });
  const source = createWatch<EndpointSet>();
  const members: FakeMember[] = [];
  const queue = new BalancedQueue<FakeMember>({
    authority: 'web:80',
    endpoints: source.watch,
    capacity: options.capacity ?? 10,
    failfastMs: 3_000,
    clock,
    random: seeded(1),
    loads: new PeakEwma(),
    observer: balancerMetrics({ registry, balancer: 'b', clock })({ backend: 'web' }, 3_000),
    connect(endpoint, changed) {
      const member = new FakeMember(endpoint, changed, options.ready ?? true);
      members.push(member);
      return member;
    },
  });
  const submit = (): FakeWaiter => {
    const waiter = new FakeWaiter();
    queue.submit(waiter);
    return waiter;
  };
  /** The metrics that are not zero, by what follows the name of the balancer. */
  const metrics = (): Record<string, number> =>
    Object.fromEntries(
      registry
        .render()
        .split('\n')
        .filter((line) => line.startsWith('b_') && !line.includes('_bucket') && !line.includes('time'))
        .map((line) =>
          line
            .replace('backend="web"', '')
            .replace(/[{},"]/g, '')
            .slice(2)
            .split(' '),
        )
        .flatMap(([name = '', value]): [string, number][] => (value === '0' ? [] : [[name, Number(value)]])),
    );
  return { clock, source, members, queue, submit, metrics };
}

const [A, B] = [plainEndpoint({ ip: '10.0.0.1', port: 80 }), plainEndpoint({ ip: '10.0.0.2', port: 80 })];

test('resolves nothing before the first request', () => {
  const { source, submit } = setup();
  expect(source.references).toBe(0);
  submit();
  expect(source.references).toBe(1);
});

test('keeps requests until an endpoint is ready and serves them in order', () => {
  const { source, members, submit } = setup({ ready: false });
  source.set([A]);
  const [first, second] = [submit(), submit()];
  expect(first.startedOn).toBeUndefined();
  members[0]?.turn(true);
  expect([first.startedOn, second.startedOn]).toEqual(['10.0.0.1', '10.0.0.1']);
});

test('fails all that wait when the time is over, then everything at once, until an endpoint is ready', () => {
  const { clock, source, members, queue, submit } = setup({ ready: false });
  source.set([A]);
  const first = submit();
  clock.advance(2_000);
  const second = submit();
  clock.advance(999);
  expect(first.refused).toBeUndefined();
  clock.advance(1);
  expect(first.refused).toEqual(reason('FAILFAST', 'web:80: no endpoint ready for 3000 ms: 1 endpoint, 1 connecting: 10.0.0.1 (connecting)'));
  expect(second.refused?.code).toBe('FAILFAST');
  expect(queue.available).toBe(false);
  expect(submit().refused?.code).toBe('GATE_SHUT');
  members[0]?.turn(true);
  expect(queue.available).toBe(true);
  expect(submit().startedOn).toBe('10.0.0.1');
  expect(clock.pending).toBe(0);
});

test('looks at the endpoints for what it says of them ten times a second, and after each change', () => {
  const { clock, source, members, submit } = setup({ ready: false });
  source.set([A]);
  submit();
  clock.advance(3_000);
  let asked = 0;
  const [member] = members;
  if (member) Object.defineProperty(member, 'status', { get: () => ({ address: `look ${++asked}`, state: 'connecting', lastError: undefined, since: 0 }) });
  const said = (): string | undefined => /[\w. ]+ \(connecting\)$/.exec(submit().refused?.detail ?? '')?.[0].trim();
  expect([said(), said()]).toEqual(['10.0.0.1 (connecting)', '10.0.0.1 (connecting)']);
  clock.advance(100);
  expect([said(), said()]).toEqual(['look 1 (connecting)', 'look 1 (connecting)']);
  member?.turn(false);
  expect(said()).toBe('look 2 (connecting)');
});

test('tells an empty set from one that is not known yet', () => {
  const { clock, source, submit } = setup();
  const unknown = submit();
  clock.advance(3_000);
  expect(unknown.refused).toMatchObject({ code: 'FAILFAST', detail: 'web:80: its endpoints are not known after 3000 ms' });
  source.set([]);
  expect(submit().refused).toEqual(reason('GATE_SHUT', 'web:80: the target has no endpoints'));
});

test('refuses what exceeds the capacity and forgets clients that left', () => {
  const { source, members, submit } = setup({ ready: false, capacity: 2 });
  source.set([A]);
  const [first, second, third] = [submit(), submit(), submit()];
  expect(third.refused?.code).toBe('QUEUE_FULL');
  first.aborted = true;
  members[0]?.turn(true);
  expect(first.startedOn).toBeUndefined();
  expect(second.startedOn).toBe('10.0.0.1');
});

test('keeps the member of an endpoint that stays and closes that of one that goes', () => {
  const { source, members, submit } = setup();
  submit();
  source.set([A, B]);
  source.set([B]);
  expect(members.map((member) => [member.endpoint.address.ip, member.closed])).toEqual([
    ['10.0.0.1', true],
    ['10.0.0.2', false],
  ]);
  source.set([{ ...B }]);
  expect(members).toHaveLength(3);
});

test('refuses at once when discovery rejects the name, and again serves when it no longer does', () => {
  const { source, submit, queue } = setup();
  const waiting = submit();
  source.reject(reason('DISCOVERY_REJECTED', 'web'));
  expect(waiting.refused?.code).toBe('DISCOVERY_REJECTED');
  expect(submit().refused?.code).toBe('DISCOVERY_REJECTED');
  expect(queue.available).toBe(false);
  source.set([A]);
  expect(submit().startedOn).toBe('10.0.0.1');
});

test('does not wait for endpoints that all proved to be somebody else', () => {
  const { source, members, submit } = setup({ ready: false });
  source.set([A, B]);
  const waiting = submit();
  for (const member of members) {
    member.hopeless = reason('TLS_PEER_NAME_MISMATCH', member.endpoint.address.ip);
    member.changed();
  }
  expect(waiting.refused).toEqual(reason('TLS_PEER_NAME_MISMATCH', '10.0.0.1'));
  expect(submit().refused?.code).toBe('TLS_PEER_NAME_MISMATCH');
});

test('serves what waits before it retires', () => {
  const { clock, source, members, queue, submit } = setup({ ready: false });
  source.set([A]);
  const waiting = submit();
  queue.retire();
  expect(source.references).toBe(1);
  members[0]?.turn(true);
  expect(waiting.startedOn).toBe('10.0.0.1');
  expect(source.references).toBe(0);
  expect(members[0]?.closed).toBe(true);
  expect(clock.pending).toBe(0);
});

test('does not give an endpoint that admits one request two of those that wait, and gives the next its own time', () => {
  const { clock, source, members, submit } = setup({ ready: false });
  source.set([A]);
  const [first, second] = [submit(), submit()];
  clock.advance(2_000);
  const [member] = members;
  if (!member) throw new Error('no member was made');
  first.onStart = () => member.turn(false);
  member.turn(true);
  expect([first.startedOn, second.startedOn]).toEqual(['10.0.0.1', undefined]);
  clock.advance(2_999);
  expect(second.refused).toBeUndefined();
  clock.advance(1);
  expect(second.refused?.code).toBe('FAILFAST');
});

test('those who left make room in a full line', () => {
  const { source, submit } = setup({ ready: false, capacity: 2 });
  source.set([A]);
  const [first] = [submit(), submit()];
  first.aborted = true;
  expect(submit().refused).toBeUndefined();
  expect(submit().refused?.code).toBe('QUEUE_FULL');
});

test('who comes again after the policy has gone is refused', () => {
  const { source, queue, submit } = setup();
  source.set([A]);
  submit();
  queue.retire();
  expect(submit().refused).toEqual(reason('NO_READY_ENDPOINT', 'web:80: it is no longer part of the policy'));
});

test('shows its endpoints, what they carry, and why nothing passes', () => {
  const { clock, source, members, queue, submit } = setup({ ready: false });
  expect(queue.snapshot()).toMatchObject({ gate: 'unused', available: true, refusal: undefined, endpoints: [] });
  submit();
  expect(queue.snapshot()).toMatchObject({ gate: 'resolving', refusal: undefined, waiting: 1 });
  source.set([A, B]);
  expect(queue.snapshot()).toMatchObject({ name: 'web:80', gate: 'open', why: undefined, waiting: 1 });
  expect(queue.snapshot().endpoints).toEqual([
    { address: '10.0.0.1', state: 'connecting', lastError: undefined, since: 0, load: 30, pending: 0 },
    { address: '10.0.0.2', state: 'connecting', lastError: undefined, since: 0, load: 30, pending: 0 },
  ]);
  clock.advance(3_000);
  expect(queue.snapshot()).toMatchObject({ gate: 'shut', available: false, why: { code: 'FAILFAST' }, waiting: 0 });
  expect(queue.snapshot().refusal).toEqual(submit().refused);
  members[1]?.turn(true);
  expect(queue.snapshot()).toMatchObject({ gate: 'open', available: true, refusal: undefined, endpoints: [{ state: 'connecting' }, { state: 'ready' }] });
});

test('counts as the balancers of Linkerd do', () => {
  const { clock, source, members, queue, submit, metrics } = setup({ ready: false });
  source.set([A, B]);
  submit();
  expect(metrics()).toEqual({
    'endpointsendpoint_state=pending': 2,
    p2c_endpoints: 2,
    'p2c_updates_totalop=Reset': 1,
    queue_gate_open_total: 1,
    queue_length: 1,
    queue_requests_total: 1,
  });
  clock.advance(1_000);
  members[0]?.turn(true);
  source.set([A]);
  expect(metrics()).toMatchObject({
    'endpointsendpoint_state=ready': 1,
    p2c_endpoints: 1,
    'p2c_updates_totalop=Remove': 1,
    queue_latency_seconds_count: 1,
    queue_latency_seconds_sum: 1,
  });
  members[0]?.turn(false);
  submit();
  clock.advance(3_000);
  expect(metrics()).toMatchObject({ 'endpointsendpoint_state=pending': 1, queue_gate_shut_total: 1, queue_requests_total: 2 });
  queue.retire();
  expect(Object.keys(metrics()).filter((name) => !name.includes('total') && !name.includes('latency'))).toEqual([]);
});

test('whatever happens in whatever order, everyone who comes is started once or refused once, and nobody is left behind', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('submit' as const), when: fc.constantFrom('nothing', 'shuts', 'submits') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const), which: fc.nat(20), ready: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('set' as const), size: fc.nat(4) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('reject' as const, 'leave' as const), which: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 4_000 }) }) },
  );
  const all = Array.from({ length: 4 }, (_, index) => plainEndpoint({ ip: `10.0.1.${index}`, port: 80 }));
  let [started, refused] = [0, 0];
  fc.assert(
    fc.property(fc.array(step, { minLength: 40, maxLength: 120 }), fc.constantFrom('retire', 'destroy'), (steps, end) => {
      const { clock, source, members, queue, submit } = setup({ ready: false, capacity: 6 });
      const waiters: FakeWaiter[] = [];
      const come = (when: string): void => {
        const waiter = new FakeWaiter();
        waiter.onStart = (member) => {
          if (when === 'shuts') member.turn(false);
          if (when === 'submits') waiters.push(submit());
        };
        waiters.push(waiter);
        queue.submit(waiter);
      };
      for (const one of steps) {
        if (one.kind === 'submit') come(one.when);
        else if (one.kind === 'turn') members[one.which % Math.max(1, members.length)]?.turn(one.ready);
        else if (one.kind === 'set') source.set(all.slice(0, one.size));
        else if (one.kind === 'reject') source.reject(reason('DISCOVERY_REJECTED', 'web'));
        else if (one.kind === 'wait') clock.advance(one.ms);
        else {
          const leaver = waiters[one.which % Math.max(1, waiters.length)];
          if (leaver && leaver.ends === 0) leaver.aborted = true;
        }
        const { waiting, endpoints } = queue.snapshot();
        const someoneWaits = waiters.some((waiter) => waiter.ends === 0 && !waiter.aborted);
        const isReady = endpoints.some(({ state }) => state === 'ready');
        // Whoever waits has nobody to go to.
        if (waiting > 6 || waiters.some(({ ends }) => ends > 1) || (someoneWaits && isReady)) throw new Error(`after ${one.kind}`);
      }
      if (end === 'destroy') queue.destroy(reason('DRAINING'));
      else queue.retire();
      clock.advance(3_000);
      expect(waiters.filter(({ ends, aborted }) => ends !== (aborted ? 0 : 1))).toEqual([]);
      expect([clock.pending, source.references]).toEqual([0, 0]);
      started += waiters.filter(({ startedOn }) => startedOn).length;
      refused += waiters.filter(({ refused: why }) => why).length;
    }),
    { seed: 31, numRuns: 100 },
  );
  expect([started > 300, refused > 300]).toEqual([true, true]);
});
