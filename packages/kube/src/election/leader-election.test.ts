// Two candidates over real HTTP on the embedded server, in virtual time.
import { createRegistry, type ManualClock, manualClock, seeded } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { kubeClient, type LeaderElection, type LeaderElectionOptions, type Lease, leaderElection, leaseKind } from '../index.ts';
import { type TestServer, testServer } from '../server/test-server.ts';
import { type FaultFront, faultFront } from '../store/fault-front.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ref = { namespace: 'default', name: 'writer' };

interface Candidate {
  readonly election: LeaderElection;
  readonly front: FaultFront;
  readonly terms: AbortSignal[];
}

interface Scene {
  readonly server: TestServer;
  readonly clock: ManualClock;
  stand(identity: string, options?: Partial<LeaderElectionOptions>): Promise<Candidate>;
  lease(): Promise<Lease | undefined>;
  /** Lets time pass until it is so; answers how long that took. */
  until(check: () => boolean, limitMs?: number): Promise<number>;
  pass(ms: number): Promise<void>;
}

async function scene(): Promise<Scene> {
  const server = await testServer({ listen: {} });
  closers.push(() => server.close());
  const clock = manualClock();
  // Requests go through real sockets, and virtual time waits until all that are out have come back.
  let busy = 0;
  const rest = async (): Promise<void> => {
    for (let quiet = 0; quiet < 3; quiet = busy === 0 ? quiet + 1 : 0) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 100) {
      clock.advance(100);
      await rest();
    }
  };
  return {
    server,
    clock,
    pass,
    async stand(identity, options = {}) {
      const front = await faultFront(server.api.port);
      closers.push(() => front.close());
      const client = kubeClient({ server: front.url });
      closers.push(() => client.close());
      const during =
        <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> => {
          busy++;
          try {
            return await call(...args);
          } finally {
            busy--;
          }
        };
      const counted = { ...client, get: during(client.get), update: during(client.update), create: during(client.create) } as typeof client;
      const terms: AbortSignal[] = [];
      const election = leaderElection({
        client: counted,
        lease: ref,
        identity,
        clock,
        random: seeded(identity.length),
        lead: (signal) => void terms.push(signal),
        ...options,
      });
      closers.push(() => election.close());
      await rest();
      return { election, front, terms };
    },
    lease: () => server.client.get(leaseKind, ref),
    async until(check, limitMs = 120_000) {
      for (let passed = 0; passed <= limitMs; passed += 100) {
        if (check()) return passed;
        await pass(100);
      }
      throw new Error(`not within ${limitMs} ms`);
    },
  };
}

describe('an election', () => {
  test('has one leader, who keeps the lease while renewing it', async () => {
    const { clock, stand, lease, pass } = await scene();
    const registry = createRegistry();
    const a = await stand('a', { registry, metadata: { labels: { part: 'destination' } } });
    expect(a.election.isLeader).toBe(true);
    const b = await stand('b');
    const made = await lease();
    expect(made?.metadata.labels).toEqual({ part: 'destination' });
    expect(made?.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 30,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    await pass(100_000);
    expect([a.election.isLeader, b.election.isLeader, b.election.holder, a.terms.length, b.terms.length]).toEqual([true, false, 'a', 1, 0]);
    const renewed = await lease();
    expect(renewed?.spec?.acquireTime).toBe(made?.spec?.acquireTime);
    expect(clock.wall() - Date.parse(renewed?.spec?.renewTime ?? '')).toBeLessThanOrEqual(2000);
    expect(registry.render()).toContain('weft_kube_leader{lease="writer"} 1\n');
  });

  test('passes to the next at once when the leader is closed', async () => {
    const { stand, until, lease } = await scene();
    const a = await stand('a');
    const b = await stand('b');
    await a.election.close();
    await a.election.close();
    expect(a.terms[0]?.aborted).toBe(true);
    expect((await lease())?.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    // One retry, which is spread over 2 to 4.4 seconds.
    expect(await until(() => b.election.isLeader)).toBeLessThanOrEqual(4500);
    expect((await lease())?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test('ends by the renew deadline where the server is away, long before another may begin', async () => {
    const { clock, stand, until, pass } = await scene();
    const a = await stand('a');
    const b = await stand('b');
    await pass(5000);
    const renewedAt = clock.now() - 1000;
    a.front.answer = () => ({ code: 500, body: 'away' });
    await until(() => !a.election.isLeader);
    expect(clock.now() - renewedAt).toBeLessThanOrEqual(10_100);
    expect(a.terms[0]?.aborted).toBe(true);
    expect(b.election.isLeader).toBe(false);
    await until(() => b.election.isLeader);
    expect(clock.now() - renewedAt).toBeGreaterThanOrEqual(30_000);
    expect(clock.now() - renewedAt).toBeLessThanOrEqual(30_000 + 4500);
    // Back again, the former leader waits its turn.
    a.front.answer = () => undefined;
    await pass(10_000);
    expect([a.election.isLeader, a.election.holder]).toEqual([false, 'b']);
  });

  test('ends also where the server takes requests and never answers', async () => {
    const { clock, stand } = await scene();
    const a = await stand('a');
    a.front.answer = () => 'hold';
    const asked = a.front.asked.length;
    clock.advance(2000);
    while (a.front.asked.length === asked) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(7999);
    expect(a.election.isLeader).toBe(true);
    clock.advance(1);
    expect([a.election.isLeader, a.terms[0]?.aborted]).toEqual([false, true]);
    a.front.answer = () => undefined;
  });

  test('does not believe the clocks of others: a record must be seen to stand still for its whole duration', async () => {
    const { server, stand, until } = await scene();
    const spec = { holderIdentity: 'other', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z', leaseTransitions: 4 };
    await server.client.create(leaseKind, { metadata: ref, spec });
    const a = await stand('a');
    const took = await until(() => a.election.isLeader);
    expect(took).toBeGreaterThanOrEqual(15_000);
    expect(took).toBeLessThanOrEqual(19_500);
    expect((await server.client.get(leaseKind, ref))?.spec?.leaseTransitions).toBe(5);
  });

  test('is lost at once to one who took the lease, and survives changes that are none of its business', async () => {
    const { server, stand, pass, until } = await scene();
    const a = await stand('a');
    await server.client.patch(leaseKind, ref, { kind: 'merge', value: { metadata: { labels: { by: 'hand' } } } });
    await pass(4000);
    expect([a.election.isLeader, (await server.client.get(leaseKind, ref))?.metadata.labels]).toEqual([true, { by: 'hand' }]);
    await server.client.delete(leaseKind, ref);
    await pass(8000);
    expect([a.election.isLeader, a.terms.length]).toEqual([true, 1]);
    await server.client.patch(leaseKind, ref, { kind: 'merge', value: { spec: { holderIdentity: 'usurper' } } });
    expect(await until(() => !a.election.isLeader)).toBeLessThanOrEqual(2100);
    expect(a.election.holder).toBe('usurper');
  });

  test('has never two leaders while requests fail at random', async () => {
    const { stand, pass } = await scene();
    const random = seeded(5);
    const candidates = [await stand('a'), await stand('bb'), await stand('ccc')];
    const away = new Set<number>();
    for (const [index, { front }] of candidates.entries()) {
      front.answer = () => (away.has(index) || random.next() < 0.3 ? { code: 503, body: 'away' } : undefined);
    }
    const leaders = new Set<string>();
    for (let round = 0; round < 2400; round++) {
      if (round % 120 === 0) for (const index of [0, 1, 2]) away[random.next() < 0.5 ? 'add' : 'delete'](index);
      await pass(500);
      const leading = candidates.filter(({ election }) => election.isLeader);
      expect(leading.length).toBeLessThanOrEqual(1);
      for (const { election } of leading) leaders.add(election.holder ?? '');
    }
    expect(leaders.size).toBe(3);
  });
});

test('times that cannot work are refused', () => {
  const client = kubeClient({ server: 'http://127.0.0.1:1' });
  const stand = (times: Partial<LeaderElectionOptions>) => () => leaderElection({ client, lease: ref, identity: 'a', lead: () => undefined, ...times });
  expect(stand({ renewDeadlineMs: 30_000 })).toThrow(RangeError);
  expect(stand({ retryPeriodMs: 9000 })).toThrow(RangeError);
  expect(stand({ leaseDurationMs: 10 })).toThrow(RangeError);
  client.close();
});
