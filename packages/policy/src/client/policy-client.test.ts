import {
  type ClientPolicy,
  defaultServerPolicy,
  manualClock,
  memoryLogger,
  type PolicyTarget,
  parsePortSet,
  type ServerPolicy,
  seeded,
  type WatchState,
} from '@weft/core';
import { clientPolicyToWire, RpcCode, scriptedChannel, serverPolicyToWire } from '@weft/wire';
import { expect, test } from 'vitest';
import { invalidClientPolicy } from './invalid-policy.ts';
import { type PolicyClientOptions, policyClient } from './policy-client.ts';

const turn = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
};
const DEFAULT = defaultServerPolicy('all-unauthenticated', { clusterNetworks: [], opaque: false, detectTimeoutMs: 10_000 });
const OTHER = defaultServerPolicy('all-authenticated', { clusterNetworks: [], opaque: true, detectTimeoutMs: 10_000 });
const ADDRESS: PolicyTarget = { kind: 'address', address: { ip: '10.43.0.7', port: 80 } };
const POLICY: ClientPolicy = { parent: { kind: 'default', name: 'web' }, protocol: { kind: 'opaque', routes: [] } };

function setup(options: Partial<PolicyClientOptions> = {}) {
  const channel = scriptedChannel();
  const clock = manualClock();
  const logger = memoryLogger();
  const client = policyClient({
    channel,
    clock,
    logger,
    random: seeded(1),
    workload: '{"ns":"emojivoto","pod":"web"}',
    defaultPolicy: () => DEFAULT,
    backoff: { minMs: 100, maxMs: 1_000, jitter: 0 },
    ...options,
  });
  return { channel, clock, client, logger, last: () => channel.last };
}

function follow<T>(watch: { subscribe(fn: (state: WatchState<T>) => void): () => void }) {
  const states: WatchState<T>[] = [];
  return { states, stop: watch.subscribe((state) => states.push(state)) };
}

test('a port is under the default policy until the control plane answers', async () => {
  const { client, last } = setup();
  const watch = client.inbound(8080);
  expect(watch.state).toMatchObject({ kind: 'value', value: DEFAULT });
  const { states, stop } = follow<ServerPolicy>(watch);
  expect(last()).toMatchObject({
    path: '/io.linkerd.proxy.inbound.InboundServerPolicies/WatchPort',
    request: { workload: '{"ns":"emojivoto","pod":"web"}', port: 8080 },
  });
  last().send(serverPolicyToWire(OTHER));
  await turn();
  expect(states.at(-1)).toMatchObject({ kind: 'value', stale: false, value: { metadata: OTHER.metadata, protocol: { kind: 'opaque' } } });
  const authorizations = states.at(-1)?.kind === 'value' ? (watch.state as { value: ServerPolicy }).value.protocol.authorizations : [];
  expect(authorizations.map(({ metadata }) => metadata)).toEqual([OTHER.metadata, { kind: 'default', name: 'localhost' }]);
  stop();
});

test.each([RpcCode.NOT_FOUND, RpcCode.UNAVAILABLE, RpcCode.UNIMPLEMENTED, RpcCode.OK])(
  'inbound status %d is tried again under the last policy',
  async (code) => {
    const { client, clock, last, channel } = setup();
    const { states, stop } = follow(client.inbound(8080));
    last().end(code);
    await turn();
    clock.advance(100);
    await turn();
    expect(channel.calls).toHaveLength(2);
    expect(states.at(-1)).toMatchObject({ kind: 'value', value: DEFAULT });
    stop();
  },
);

test('an inbound refusal ends the watch and keeps the last policy', async () => {
  const { client, clock, last, channel, logger } = setup();
  const { states, stop } = follow(client.inbound(8080));
  last().end(RpcCode.INVALID_ARGUMENT, 'bad workload');
  await turn();
  clock.advance(60_000);
  await turn();
  expect(channel.calls).toHaveLength(1);
  expect(states).toHaveLength(1);
  expect(logger.records.at(-1)).toMatchObject({ level: 'warn', fields: { port: 8080, error: 'bad workload' } });
  stop();
});

test('an inbound policy that cannot be understood admits nobody and says why', async () => {
  const { client, last, logger } = setup({ detectTimeoutMs: 7 });
  const { states, stop } = follow<ServerPolicy>(client.inbound(8080));
  last().send({ labels: { name: 'web' }, authorizations: [] });
  await turn();
  expect(states.at(-1)).toMatchObject({
    kind: 'value',
    value: {
      metadata: { kind: 'default', name: 'invalid' },
      protocol: {
        kind: 'detect',
        timeoutMs: 7,
        authorizations: [],
        routes: [{ authorizations: [], rules: [{ filters: [{ kind: 'invalid', message: 'protocol is missing' }] }] }],
      },
    },
  });
  expect(logger.records.at(-1)?.level).toBe('warn');
  stop();
});

test('configured ports are watched from the start, and for ever', () => {
  const { channel, client, clock } = setup({ ports: parsePortSet('80,4190-4191') ?? [] });
  expect(channel.calls.map(({ request }) => (request as { port: number }).port)).toEqual([80, 4190, 4191]);
  follow(client.inbound(80)).stop();
  clock.advance(1_000_000);
  expect(channel.calls.every(({ cancelled }) => !cancelled)).toBe(true);
  client.close();
  expect(channel.calls.every(({ cancelled }) => cancelled)).toBe(true);
});

test('an on-demand port is let go after the idle time, and begins with its last policy when it comes back', async () => {
  const { client, clock, last, channel } = setup({ idleMs: 90_000 });
  const watch = client.inbound(8080);
  const first = follow(watch);
  last().send(serverPolicyToWire(OTHER));
  await turn();
  first.stop();
  clock.advance(90_000);
  await turn();
  expect(last().cancelled).toBe(true);
  const again = follow<ServerPolicy>(watch);
  expect(channel.calls).toHaveLength(2);
  expect(again.states[0]).toMatchObject({ kind: 'value', value: { metadata: OTHER.metadata }, stale: true });
  again.stop();
});

test('an outbound policy is asked for by address or by authority, and users share one stream', async () => {
  const { client, last, channel } = setup();
  const { states, stop } = follow(client.outbound(ADDRESS));
  const second = follow(client.outbound(ADDRESS));
  expect(channel.calls).toHaveLength(1);
  expect(last()).toMatchObject({
    path: '/io.linkerd.proxy.outbound.OutboundPolicies/Watch',
    request: { sourceWorkload: '{"ns":"emojivoto","pod":"web"}', addr: { ip: { ipv4: 0x0a2b0007 }, port: 80 } },
  });
  last().send(clientPolicyToWire(POLICY));
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'value', value: POLICY, stale: false });
  expect(second.states.at(-1)).toBe(states.at(-1));
  follow(client.outbound({ kind: 'authority', authority: 'web:80' })).stop();
  expect(last().request).toEqual({ sourceWorkload: '{"ns":"emojivoto","pod":"web"}', authority: 'web:80' });
  stop();
  second.stop();
});

test.each([RpcCode.NOT_FOUND, RpcCode.UNIMPLEMENTED])('outbound status %d means that there is no policy', async (code) => {
  const { client, clock, last, channel } = setup();
  const { states, stop } = follow(client.outbound(ADDRESS));
  last().end(code);
  await turn();
  clock.advance(60_000);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'absent', stale: false });
  expect(channel.calls).toHaveLength(1);
  stop();
});

test('an outbound refusal is fatal for its target', async () => {
  const { client, clock, last, channel } = setup();
  const { states, stop } = follow(client.outbound(ADDRESS));
  last().end(RpcCode.FAILED_PRECONDITION, 'no');
  await turn();
  clock.advance(60_000);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'rejected', reason: { code: 'DISCOVERY_REJECTED', detail: '10.43.0.7:80: no' } });
  expect(channel.calls).toHaveLength(1);
  stop();
});

test.each([RpcCode.NOT_FOUND, RpcCode.INVALID_ARGUMENT])('outbound status %d ends the watch of a policy that is known, which stays', async (code) => {
  const { client, clock, last, channel } = setup();
  const { states, stop } = follow(client.outbound(ADDRESS));
  last().send(clientPolicyToWire(POLICY));
  await turn();
  last().end(RpcCode.UNAVAILABLE);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'value', value: POLICY, stale: true });
  clock.advance(100);
  await turn();
  last().end(code, 'no');
  await turn();
  clock.advance(60_000);
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'value', value: POLICY, stale: true });
  expect(channel.calls).toHaveLength(2);
  stop();
});

test('targets are bounded: idle ones make room, and without any more are rejected', () => {
  const { client, channel } = setup({ maxTargets: 2, idleMs: 5_000 });
  const target = (n: number): PolicyTarget => ({ kind: 'address', address: { ip: '10.43.0.7', port: n } });
  const first = follow(client.outbound(target(1)));
  follow(client.outbound(target(2))).stop();
  const third = follow(client.outbound(target(3)));
  const fourth = follow(client.outbound(target(4)));
  expect(third.states).toEqual([{ kind: 'pending' }]);
  expect(fourth.states.at(-1)).toMatchObject({ kind: 'rejected', reason: { code: 'DISCOVERY_LIMIT' } });
  expect(channel.calls).toHaveLength(3);
  for (const { stop } of [first, third, fourth]) stop();
});

test('an outbound policy that cannot be understood fails what it governs', async () => {
  const { client, last } = setup();
  const { states, stop } = follow(client.outbound(ADDRESS));
  last().send({ metadata: { default: 'x' } });
  await turn();
  expect(states.at(-1)).toEqual({ kind: 'value', value: invalidClientPolicy('protocol is missing'), stale: false });
  stop();
});
