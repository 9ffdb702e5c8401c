import { type EndpointSet, manualClock, memoryLogger, plainEndpoint, seeded, type WatchState } from '@weft/core';
import { diffToUpdates, noEndpointsUpdate, RpcCode, scriptedChannel } from '@weft/wire';
import { expect, test } from 'vitest';
import { type DestinationClientOptions, destinationClient } from './destination-client.ts';

const turn = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
};
const A = plainEndpoint({ ip: '10.42.0.1', port: 8080 });
const B = plainEndpoint({ ip: '10.42.0.2', port: 8080 });
const C = plainEndpoint({ ip: 'fd00::3', port: 8080 });
const add = (...endpoints: EndpointSet) => diffToUpdates([], endpoints)[0];
const remove = (...endpoints: EndpointSet) => diffToUpdates(endpoints, [])[0];

function setup(options: Partial<DestinationClientOptions> = {}) {
  const channel = scriptedChannel();
  const clock = manualClock();
  const client = destinationClient({
    channel,
    clock,
    random: seeded(1),
    logger: memoryLogger(),
    contextToken: '{"ns":"emojivoto"}',
    profileNetworks: [{ ip: '10.0.0.0', prefix: 8 }],
    profileSuffixes: ['svc.cluster.local.'],
    backoff: { minMs: 100, maxMs: 1_000, jitter: 0 },
    ...options,
  });
  return { channel, clock, client, last: () => channel.last };
}

function follow<T>(watch: { subscribe(fn: (state: WatchState<T>) => void): () => void }) {
  const states: WatchState<T>[] = [];
  const stop = watch.subscribe((state) => states.push(state));
  const addresses = (): unknown => {
    const state = states.at(-1);
    return state?.kind === 'value' ? { ips: (state.value as unknown as EndpointSet).map((e) => e.address.ip), stale: state.stale } : state;
  };
  return { states, stop, addresses };
}

test('additions and removals make whole sets, in which unchanged endpoints keep their identity', async () => {
  const { client, last } = setup();
  const { states, stop } = follow(client.endpoints('web:80'));
  expect(last()).toMatchObject({ path: '/io.linkerd.proxy.destination.Destination/Get', request: { path: 'web:80', contextToken: '{"ns":"emojivoto"}' } });
  last().send(add(A, B));
  last().send(add(C));
  last().send(remove(A));
  await turn();
  const sets = states.flatMap((state) => (state.kind === 'value' ? [state.value] : []));
  expect(sets.map((set) => set.map(({ address }) => address.ip))).toEqual([
    ['10.42.0.1', '10.42.0.2'],
    ['10.42.0.1', '10.42.0.2', 'fd00::3'],
    ['10.42.0.2', 'fd00::3'],
  ]);
  expect(sets[2]?.[0]).toBe(sets[0]?.[1]);
  stop();
});

test('a lost control plane leaves the last set, marked; the first addition afterwards replaces it', async () => {
  const { client, clock, last } = setup();
  const { addresses, stop } = follow(client.endpoints('web:80'));
  last().send(add(A, B));
  await turn();
  last().end(RpcCode.UNAVAILABLE);
  await turn();
  expect(addresses()).toEqual({ ips: ['10.42.0.1', '10.42.0.2'], stale: true });
  clock.advance(100);
  await turn();
  last().send(remove(A));
  await turn();
  expect(addresses()).toEqual({ ips: ['10.42.0.1', '10.42.0.2'], stale: true });
  last().send(add(B));
  await turn();
  expect(addresses()).toEqual({ ips: ['10.42.0.2'], stale: false });
  stop();
});

test('no endpoints is an empty set, a target that does not exist is absent', async () => {
  const { client, last } = setup();
  const { states, stop } = follow(client.endpoints('web:80'));
  last().send(noEndpointsUpdate(true));
  last().send(noEndpointsUpdate(false));
  await turn();
  expect(states).toEqual([{ kind: 'pending' }, { kind: 'value', value: [], stale: false }, { kind: 'absent', stale: false }]);
  stop();
});

test.each([RpcCode.INVALID_ARGUMENT, RpcCode.FAILED_PRECONDITION])('status %d rejects the target and is not tried again', async (code) => {
  const { client, channel, clock, last } = setup();
  const { states, stop } = follow(client.endpoints('web:80'));
  last().end(code, 'not a service');
  await turn();
  clock.advance(60_000);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'rejected', reason: { code: 'DISCOVERY_REJECTED', detail: 'web:80: not a service' } });
  expect(channel.calls).toHaveLength(1);
  stop();
});

test.each([RpcCode.NOT_FOUND, RpcCode.UNIMPLEMENTED, RpcCode.INTERNAL, RpcCode.OK])('status %d is tried again', async (code) => {
  const { client, channel, clock, last } = setup();
  const { states, stop } = follow(client.endpoints('web:80'));
  last().end(code);
  await turn();
  clock.advance(100);
  await turn();
  expect(channel.calls).toHaveLength(2);
  expect(states).toEqual([{ kind: 'pending' }]);
  stop();
});

test('users of one target share a stream, which ends when the last one has left and the idle time has passed', async () => {
  const { client, channel, clock, last } = setup({ idleMs: 5_000 });
  const first = follow(client.endpoints('web:80'));
  const second = follow(client.endpoints('web:80'));
  expect(channel.calls).toHaveLength(1);
  first.stop();
  second.stop();
  clock.advance(4_999);
  expect(last().cancelled).toBe(false);
  const third = follow(client.endpoints('web:80'));
  clock.advance(10_000);
  expect([channel.calls.length, last().cancelled]).toEqual([1, false]);
  third.stop();
  clock.advance(5_000);
  await turn();
  expect(last().cancelled).toBe(true);
  expect(clock.pending).toBe(0);
});

test('idle targets make room for new ones, those that were asked for least recently first', async () => {
  const { client, channel } = setup({ maxWatches: 2, idleMs: 5_000 });
  const [first, second] = [client.endpoints('a:80'), client.endpoints('b:80')];
  follow(first).stop();
  follow(second).stop();
  expect(client.endpoints('a:80')).toBe(first);
  const third = follow(client.endpoints('c:80'));
  await turn();
  expect(third.states).toEqual([{ kind: 'pending' }]);
  expect(channel.calls.map(({ cancelled }) => cancelled)).toEqual([false, true, false]);
  // Who holds the watch that made room can use it again.
  const again = follow(second);
  expect(channel.calls).toHaveLength(4);
  third.stop();
  again.stop();
});

test('targets beyond the bound are rejected until others are let go', () => {
  const { client, channel } = setup({ maxWatches: 1 });
  const first = follow(client.endpoints('a:80'));
  const second = follow(client.endpoints('b:80'));
  expect(second.states.at(-1)).toMatchObject({ kind: 'rejected', reason: { code: 'DISCOVERY_LIMIT' } });
  second.stop();
  first.stop();
  const third = follow(client.endpoints('b:80'));
  expect(third.states).toEqual([{ kind: 'pending' }]);
  expect(channel.calls).toHaveLength(2);
  third.stop();
});

test('profiles are looked up only of the networks and names that are allowed', async () => {
  const { client, channel, last } = setup();
  for (const target of ['192.168.0.1:80', 'example.com:80', 'svc.cluster.locality:80', 'no target']) {
    const { states, stop } = follow(client.profile(target));
    expect(states).toEqual([{ kind: 'absent', stale: false }]);
    stop();
  }
  expect(channel.calls).toHaveLength(0);
  for (const target of ['10.43.0.7:80', 'web-svc.emojivoto.svc.cluster.local:80']) {
    const { states, stop } = follow(client.profile(target));
    expect(last()).toMatchObject({ path: '/io.linkerd.proxy.destination.Destination/GetProfile', request: { path: target } });
    last().send({ fullyQualifiedName: 'web-svc.emojivoto.svc.cluster.local', opaqueProtocol: true });
    await turn();
    expect(states.at(-1)).toMatchObject({ kind: 'value', value: { fullyQualifiedName: 'web-svc.emojivoto.svc.cluster.local', opaqueProtocol: true } });
    stop();
  }
});

test('a profile that is refused is absent, any other failure is waited out', async () => {
  const { client, clock, last, channel } = setup();
  const { states, stop } = follow(client.profile('10.43.0.7:80'));
  last().end(RpcCode.UNAVAILABLE);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'pending' });
  clock.advance(100);
  await turn();
  last().end(RpcCode.INVALID_ARGUMENT);
  await turn();
  clock.advance(60_000);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'absent', stale: false });
  expect(channel.calls).toHaveLength(2);
  stop();
});

test('a profile that was known stays when it is refused later, and is not asked for again', async () => {
  const { client, clock, last, channel } = setup();
  const { states, stop } = follow(client.profile('10.43.0.7:80'));
  last().send({ fullyQualifiedName: 'web.ns.svc.cluster.local' });
  await turn();
  last().end(RpcCode.OK);
  await turn();
  clock.advance(100);
  await turn();
  last().end(RpcCode.FAILED_PRECONDITION);
  await turn();
  clock.advance(60_000);
  await turn();
  expect(states.at(-1)).toMatchObject({ kind: 'value', stale: true, value: { fullyQualifiedName: 'web.ns.svc.cluster.local' } });
  expect(channel.calls).toHaveLength(2);
  stop();
});

test('closing ends all streams and keeps the last state, marked', async () => {
  const { client, last, channel } = setup();
  const { addresses, stop } = follow(client.endpoints('web:80'));
  last().send(add(A));
  await turn();
  client.close();
  await turn();
  expect(last().cancelled).toBe(true);
  expect(addresses()).toEqual({ ips: ['10.42.0.1'], stale: true });
  follow(client.endpoints('api:80')).stop();
  expect(channel.calls).toHaveLength(1);
  stop();
});
