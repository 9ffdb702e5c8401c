import { once } from 'node:events';
import { connect } from 'node:net';
import { createWatch, type ManualClock, manualClock, type ReasonError, reason, type SocketAddress, seeded, type WatchSource } from '@weft/core';
import { afterEach, describe, expect, test } from 'vitest';
import { type Replica, replicaService, startReplica } from '../../test/replica.ts';
import { type BalancedChannelOptions, balancedChannel } from './balanced-channel.ts';
import type { CallOutcome } from './call-observer.ts';
import { type RpcChannel, RpcCode, RpcError } from './channel.ts';

const NOTHING = Buffer.alloc(0);
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const replica = async (name: string, options?: Parameters<typeof startReplica>[1]): Promise<Replica> => {
  const started = await startReplica(name, options);
  cleanups.push(() => started.stop());
  return started;
};
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};
const failure = async (promise: Promise<unknown>): Promise<RpcError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RpcError)) throw new Error(`expected an RpcError, got ${String(error)}`);
  return error;
};

interface Setup {
  readonly channel: RpcChannel;
  readonly clock: ManualClock;
  readonly addresses: WatchSource<readonly SocketAddress[]>;
  /** What a `Who` answers. */
  who(): Promise<string>;
  open(method?: 'Watch' | 'Silent'): AsyncIterator<Buffer>;
}

function setup(known: readonly (Replica | SocketAddress)[] | undefined, options: Partial<BalancedChannelOptions> = {}): Setup {
  const clock = manualClock();
  const addresses = createWatch<readonly SocketAddress[]>();
  if (known) addresses.set(known.map(addressOf));
  const channel = balancedChannel({
    authority: 'dst.linkerd.:8086',
    addresses: addresses.watch,
    clock,
    random: seeded(3),
    backoff: { minMs: 100, maxMs: 1_000, jitter: 0 },
    async dial({ ip, port }) {
      const socket = connect({ port, host: ip, noDelay: true });
      await once(socket, 'connect');
      return socket;
    },
    ...options,
  });
  cleanups.push(() => channel.close());
  return {
    channel,
    clock,
    addresses,
    who: async () => (await channel.unary(replicaService.Who, NOTHING)).toString(),
    open: (method = 'Watch') => channel.serverStream(replicaService[method], NOTHING)[Symbol.asyncIterator](),
  };
}

const addressOf = (one: Replica | SocketAddress): SocketAddress => ('address' in one ? one.address : one);

/** Makes calls until each of the replicas has been connected. */
const connectedTo = async (made: Setup, ...replicas: Replica[]): Promise<void> => {
  await made.who();
  await until(() => replicas.every(({ open }) => open > 0));
  // The settings of the last one may still be on their way.
  for (const seen = new Set<string>(); seen.size < replicas.length; ) seen.add(await made.who());
};

describe('choosing an address', () => {
  test('spreads calls over all addresses', async () => {
    const replicas = [await replica('a'), await replica('b'), await replica('c')];
    const made = setup(replicas);
    await connectedTo(made, ...replicas);
    const seen = new Map<string, number>();
    for (let n = 0; n < 60; n++) {
      const name = await made.who();
      seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual(['a', 'b', 'c']);
    for (const count of seen.values()) expect(count).toBeGreaterThan(5);
  });

  test('keeps away from one that does not answer', async () => {
    const [good, bad] = [await replica('good'), await replica('bad')];
    const made = setup([good, bad]);
    await connectedTo(made, good, bad);
    // Calls that nobody answers are given up after three seconds, wherever they are.
    for (let n = 0; bad.streams === 0; n++) {
      const call = made.open('Silent');
      const ended = call.next();
      await until(() => good.streams + bad.streams === n + 1);
      made.clock.advance(bad.streams > 0 ? 3_000 : 1);
      await call.return?.();
      await ended;
    }
    for (let n = 0; n < 30; n++) expect(await made.who()).toBe('good');
  });

  test('opens another connection to an address that limits its streams', async () => {
    const one = await replica('a', { maxStreams: 2 });
    const made = setup([one]);
    const streams = Array.from({ length: 5 }, () => made.open());
    await Promise.all(streams.map((stream) => stream.next()));
    expect(one.open).toBe(3);
    for (const stream of streams) await stream.return?.();
  });
});

describe('while nothing is connected', () => {
  test('calls wait for the addresses to be known, and go on when they are', async () => {
    const one = await replica('a');
    const made = setup(undefined);
    const call = made.who();
    made.clock.advance(29_999);
    made.addresses.set([one.address]);
    expect(await call).toBe('a');
  });

  test('nothing is resolved or connected before the first call', async () => {
    const one = await replica('a');
    const made = setup([one]);
    expect([made.addresses.references, one.connected]).toEqual([0, 0]);
    await made.who();
    expect([made.addresses.references, one.connected]).toEqual([1, 1]);
  });

  test('calls fail after the failfast timeout with the state of each address, and work again when one is connected', async () => {
    const gone = await replica('a');
    await gone.stop();
    const failed: string[] = [];
    const made = setup([gone], { onConnectFailed: ({ port }) => failed.push(String(port)) });
    const waiting = failure(made.who());
    await until(() => failed.length === 1);
    made.clock.advance(30_000);
    expect(failed).toEqual([String(gone.address.port)]);
    const error = await waiting;
    expect(error.code).toBe(RpcCode.UNAVAILABLE);
    expect(error.message).toContain('after 30000 ms still waiting for a connection to 127.0.0.1:');
    expect(error.message).toContain('ECONNREFUSED');
    expect((error.cause as ReasonError).reason.code).toBe('FAILFAST');
    expect(((await failure(made.who())).cause as ReasonError).reason.code).toBe('GATE_SHUT');
    const back = await replica('back', { port: gone.address.port });
    await until(() => {
      made.clock.advance(1_000);
      return back.open > 0;
    });
    // Shut until the connection is up.
    await until(() => made.clock.pending === 0);
    expect(await made.who()).toBe('back');
  });

  test('names that cannot be resolved and empty answers have reasons of their own', async () => {
    const unresolved = setup(undefined, { failfastMs: 10 });
    unresolved.addresses.reject(reason('DISCOVERY_UNAVAILABLE', 'no such name'));
    const first = failure(unresolved.who());
    unresolved.clock.advance(10);
    expect((await first).message).toContain('no such name');
    const empty = setup([], { failfastMs: 10 });
    const second = failure(empty.who());
    empty.clock.advance(10);
    expect(((await second).cause as ReasonError).reason.code).toBe('NO_ENDPOINTS');
  });

  test('a call that gives up says what it was waiting for', async () => {
    const made = setup([{ ip: '127.0.0.1', port: 1 }], { dial: () => Promise.reject(new Error('it is somebody else')) });
    const call = failure(made.channel.unary(replicaService.Who, NOTHING, { timeoutMs: 3_000 }));
    await new Promise((resolve) => setImmediate(resolve));
    made.clock.advance(3_000);
    const { code, message } = await call;
    expect(code).toBe(RpcCode.DEADLINE_EXCEEDED);
    expect(message).toMatch(/^no answer within 3000 ms, still waiting for a connection to 127\.0\.0\.1:1 \(.*it is somebody else\)$/);
  });

  test('the queue is bounded, and calls that were given up make room', async () => {
    const made = setup(undefined, { queueCapacity: 2 });
    const abort = new AbortController();
    const [first, second] = [failure(made.channel.unary(replicaService.Who, NOTHING, { signal: abort.signal })), made.who()];
    const refused = await failure(made.who());
    expect([refused.code, (refused.cause as ReasonError).reason.code]).toEqual([RpcCode.UNAVAILABLE, 'QUEUE_FULL']);
    abort.abort();
    expect((await first).code).toBe(RpcCode.CANCELLED);
    const third = made.who();
    made.addresses.set([(await replica('a')).address]);
    expect(await Promise.all([second, third])).toEqual(['a', 'a']);
  });

  test('each address is tried again after its own backoff, which starts anew when the peer answers', async () => {
    const one = await replica('a');
    const attempts: number[] = [];
    let refuse = true;
    const made = setup([one], {
      dial: async ({ port }) => {
        attempts.push(made.clock.now());
        if (refuse) throw new Error('not now');
        const socket = connect({ port, host: '127.0.0.1', noDelay: true });
        await once(socket, 'connect');
        return socket;
      },
    });
    const call = made.who();
    const attempt = async (waitMs: number): Promise<void> => {
      const before = attempts.length;
      // The failfast timer, and the pause after the attempt has failed.
      await new Promise((resolve) => setImmediate(resolve));
      await until(() => made.clock.pending === 2);
      made.clock.advance(waitMs - 1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(attempts).toHaveLength(before);
      made.clock.advance(1);
      await until(() => attempts.length === before + 1);
    };
    for (const waitMs of [100, 200, 400, 800, 1_000]) await attempt(waitMs);
    refuse = false;
    await attempt(1_000);
    expect(await call).toBe('a');
    // At once after a connection that was good, then slowly again.
    refuse = true;
    const before = attempts.length;
    one.cut();
    await until(() => attempts.length === before + 1);
    const next = made.who();
    await attempt(100);
    refuse = false;
    await attempt(200);
    expect(await next).toBe('a');
  });
});

describe('when addresses change', () => {
  test('one that leaves gets no new calls, and is let go when its last call has ended', async () => {
    const [old, fresh] = [await replica('old'), await replica('fresh')];
    const made = setup([old]);
    const stream = made.open();
    await stream.next();
    made.addresses.set([fresh.address]);
    for (let n = 0; n < 5; n++) expect(await made.who()).toBe('fresh');
    old.say();
    expect((await stream.next()).value?.toString()).toBe('old');
    expect(old.open).toBe(1);
    await stream.return?.();
    await until(() => old.open === 0);
  });

  test('one that stays keeps its connection, also while the name cannot be resolved', async () => {
    const one = await replica('a');
    const made = setup([one]);
    await made.who();
    made.addresses.set([{ ...one.address }]);
    made.addresses.stale();
    await made.who();
    expect(one.connected).toBe(1);
  });

  test('a peer that goes away finishes its calls, and new ones go over a new connection', async () => {
    const one = await replica('a');
    const made = setup([one]);
    const stream = made.open();
    await stream.next();
    one.goAway();
    await until(() => one.connected === 2);
    one.say();
    expect((await stream.next()).value?.toString()).toBe('a');
    expect(await made.who()).toBe('a');
    await stream.return?.();
    await until(() => one.open === 1);
  });

  test('closing ends calls, also on connections that are being drained', async () => {
    const [old, fresh] = [await replica('old'), await replica('fresh')];
    const made = setup([old]);
    const stream = made.open();
    await stream.next();
    made.addresses.set([fresh.address]);
    const next = failure(stream.next() as Promise<unknown>);
    made.channel.close();
    expect((await next).code).toBe(RpcCode.UNAVAILABLE);
    expect((await failure(made.who())).message).toBe('the channel is closed');
    await until(() => old.open + fresh.open === 0);
  });
});

describe('a replica that hangs', () => {
  const keepAlive = { intervalMs: 10_000, timeoutMs: 3_000 };

  test('is noticed by its silence, and its calls go to another one', async () => {
    const [a, b] = [await replica('a'), await replica('b')];
    const made = setup([a, b], { keepAlive });
    await connectedTo(made, a, b);
    const stream = made.open();
    const on = (await stream.next()).value?.toString() === 'a' ? a : b;
    const other = on === a ? b : a;
    on.freeze();
    const lost = failure(stream.next() as Promise<unknown>);
    await until(() => made.clock.pending === 1);
    made.clock.advance(10_000); // Something was heard in this time.
    made.clock.advance(10_000);
    made.clock.advance(2_999);
    await new Promise((resolve) => setImmediate(resolve));
    expect(on.open).toBe(1);
    made.clock.advance(1);
    expect((await lost).code).toBe(RpcCode.UNAVAILABLE);
    for (let n = 0; n < 5; n++) expect(await made.who()).toBe(other.name);
  });

  test('is not mistaken for one that has nothing to say', async () => {
    const one = await replica('a');
    const made = setup([one], { keepAlive });
    const stream = made.open();
    await stream.next();
    for (let n = 0; n < 5; n++) {
      made.clock.advance(10_000);
      // The answer to a PING, where one was sent, starts the next interval.
      await until(() => made.clock.pending === 1);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    one.say();
    expect((await stream.next()).value?.toString()).toBe('a');
    expect(one.connected).toBe(1);
    await stream.return?.();
    // Without calls nobody asks.
    await until(() => made.clock.pending === 0);
  });
});

test('tells what it does', async () => {
  const one = await replica('a');
  const states: string[] = [];
  const calls: { at?: number; outcome?: CallOutcome }[] = [];
  const made = setup(undefined, {
    failfastMs: 1_000,
    observer: {
      state: ({ ready, pending, queued }) => {
        const now = `${ready} ready, ${pending} pending, ${queued} queued`;
        if (states.findLast((state) => state.includes('queued')) !== now) states.push(now);
      },
      updated: () => states.push('updated'),
      dequeued: (ms) => states.push(`waited ${ms}`),
      gate: (is) => states.push(is),
    },
    observeCall: () => {
      const call: (typeof calls)[number] = {};
      calls.push(call);
      return { firstByte: (status) => (call.at = status), ended: (outcome) => (call.outcome = outcome) };
    },
  });
  await Promise.all([failure(made.who()), Promise.resolve().then(() => made.clock.advance(1_000))]);
  made.addresses.set([one.address]);
  await until(() => states.at(-1) === '1 ready, 0 pending, 0 queued');
  expect(await made.who()).toBe('a');
  expect(states).toEqual([
    '0 ready, 0 pending, 1 queued',
    'shut',
    '0 ready, 0 pending, 0 queued',
    'updated',
    '0 ready, 1 pending, 0 queued',
    'open',
    '1 ready, 0 pending, 0 queued',
    'waited 0',
  ]);
  await failure(made.channel.unary(replicaService.Refuse, NOTHING));
  const stream = made.open();
  await stream.next();
  await stream.return?.();
  const cut = made.open('Silent');
  const lost = failure(cut.next() as Promise<unknown>);
  await until(() => one.streams === 2);
  one.cut();
  await lost;
  expect(calls).toEqual([
    { outcome: { httpStatus: undefined, grpcStatus: undefined, error: 'lost' } },
    { at: 200, outcome: { httpStatus: 200, grpcStatus: 0, error: undefined } },
    { at: 200, outcome: { httpStatus: 200, grpcStatus: 5, error: undefined } },
    { at: 200, outcome: { httpStatus: 200, grpcStatus: undefined, error: 'cancelled' } },
    { outcome: { httpStatus: undefined, grpcStatus: undefined, error: 'lost' } },
  ]);
});
