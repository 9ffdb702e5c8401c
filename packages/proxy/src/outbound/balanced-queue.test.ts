import { createWatch, type Endpoint, type EndpointSet, manualClock, plainEndpoint, type Reason, reason, seeded } from '@weft/core';
import { type Dispatch, PeakEwma } from '@weft/core/balance';
import { expect, test } from 'vitest';
import { BalancedQueue, type PoolMember, type Waiter } from './balanced-queue.ts';

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

  describe(): string {
    return `${this.endpoint.address.ip} (${this.ready ? 'ready' : 'connecting'})`;
  }

  close(): void {
    this.closed = true;
  }
}

class FakeWaiter implements Waiter<FakeMember> {
  aborted = false;
  startedOn: string | undefined;
  refused: Reason | undefined;

  start(member: FakeMember, dispatch: Dispatch): void {
    this.startedOn = member.endpoint.address.ip;
    dispatch.complete(0);
  }

  refuse(why: Reason): void {
    this.refused = why;
  }
}

function setup(options: { ready?: boolean; capacity?: number } = {}) {
  const clock = manualClock();
  const source = createWatch<EndpointSet>();
  const members: FakeMember[] = [];
  const queue = new BalancedQueue<FakeMember>({
    name: 'web:80',
    endpoints: source.watch,
    capacity: options.capacity ?? 10,
    failfastMs: 3_000,
    clock,
    random: seeded(1),
    load: (now) => new PeakEwma({ now }),
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
  return { clock, source, members, queue, submit };
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
  expect(first.refused).toEqual(reason('FAILFAST', 'web:80: no endpoint ready for 3000 ms: 10.0.0.1 (connecting)'));
  expect(second.refused?.code).toBe('FAILFAST');
  expect(queue.available).toBe(false);
  expect(submit().refused?.code).toBe('FAILFAST');
  members[0]?.turn(true);
  expect(queue.available).toBe(true);
  expect(submit().startedOn).toBe('10.0.0.1');
  expect(clock.pending).toBe(0);
});

test('tells an empty set from one that is not known yet', () => {
  const { clock, source, submit } = setup();
  const unknown = submit();
  clock.advance(3_000);
  expect(unknown.refused).toMatchObject({ code: 'FAILFAST', detail: 'web:80: its endpoints are not known after 3000 ms' });
  source.set([]);
  expect(submit().refused).toEqual(reason('NO_ENDPOINTS', 'web:80'));
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
