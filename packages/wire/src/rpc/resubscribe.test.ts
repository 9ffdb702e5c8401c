import { manualClock, seeded } from '@weft/core';
import { expect, test } from 'vitest';
import { destinationService } from '../services/destination-service.ts';
import { RpcCode, type RpcError } from './channel.ts';
import { resubscribe, type StreamLimits } from './resubscribe.ts';
import { scriptedChannel } from './scripted-channel.ts';

/** Lets promise chains run to their end: nothing here waits for the outside. */
const turn = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
};

function setup(limits: StreamLimits = {}) {
  const channel = scriptedChannel();
  const clock = manualClock();
  const events: string[] = [];
  const stop = resubscribe({
    channel,
    clock,
    limits,
    random: seeded(1),
    method: destinationService.Get,
    request: { path: 'web:80' },
    backoff: { minMs: 100, maxMs: 400, jitter: 0 },
    onStart: () => events.push('start'),
    onMessage: (message) => events.push(`message ${String(message.noEndpoints?.exists)}`),
    onAway: (error) => events.push(`away ${error.code}`),
    isFinal: (error: RpcError) => error.code === RpcCode.INVALID_ARGUMENT,
  });
  const last = () => channel.last;
  return { channel, clock, events, stop, last };
}

test('calls again after each end, waiting longer each time', async () => {
  const { channel, clock, last, stop } = setup();
  const counts: number[] = [];
  for (const wait of [100, 200, 400, 400]) {
    last().end(RpcCode.UNAVAILABLE);
    await turn();
    clock.advance(wait - 1);
    await turn();
    counts.push(channel.calls.length);
    clock.advance(1);
    await turn();
  }
  expect(counts).toEqual([1, 2, 3, 4]);
  expect(channel.calls).toHaveLength(5);
  stop();
});

test('a message starts the backoff again, and an orderly end is an end too', async () => {
  const { channel, clock, events, last, stop } = setup();
  last().end(RpcCode.UNAVAILABLE);
  await turn();
  clock.advance(100);
  await turn();
  last().send({ noEndpoints: { exists: true } });
  await turn();
  last().end(RpcCode.OK);
  await turn();
  clock.advance(100);
  await turn();
  expect(events).toEqual(['start', 'away 14', 'start', 'message true', 'away 0', 'start']);
  expect(channel.calls).toHaveLength(3);
  stop();
});

test('silence at the start fails the call', async () => {
  const { channel, clock, events, last, stop } = setup({ initialMs: 3_000 });
  clock.advance(3_000);
  await turn();
  expect(last().cancelled).toBe(true);
  expect(events).toEqual(['start', 'away 4']);
  clock.advance(100);
  await turn();
  expect(channel.calls).toHaveLength(2);
  stop();
});

test('silence later, and old age, renew the call at once and are not said to be an absence', async () => {
  const { channel, clock, events, last, stop } = setup({ initialMs: 10, idleMs: 50, lifetimeMs: 80 });
  last().send({ noEndpoints: { exists: true } });
  await turn();
  clock.advance(50);
  await turn();
  expect(channel.calls).toHaveLength(2);
  last().send({ noEndpoints: { exists: true } });
  await turn();
  clock.advance(40);
  last().send({ noEndpoints: { exists: false } });
  await turn();
  clock.advance(40);
  await turn();
  expect(channel.calls).toHaveLength(3);
  expect(events).toEqual(['start', 'message true', 'start', 'message true', 'message false', 'start']);
  stop();
  await turn();
  expect(clock.pending).toBe(0);
});

test('old age without a message is a failure, with a pause after it', async () => {
  const { channel, clock, events, stop } = setup({ lifetimeMs: 80 });
  clock.advance(80);
  await turn();
  clock.advance(99);
  await turn();
  expect([events, channel.calls.length]).toEqual([['start', 'away 4'], 1]);
  clock.advance(1);
  await turn();
  expect(channel.calls).toHaveLength(2);
  stop();
});

test('a final status ends it, and stopping cancels the call', async () => {
  const refused = setup();
  refused.last().end(RpcCode.INVALID_ARGUMENT);
  await turn();
  refused.clock.advance(1_000);
  await turn();
  expect(refused.channel.calls).toHaveLength(1);

  const stopped = setup();
  stopped.stop();
  await turn();
  stopped.clock.advance(1_000);
  await turn();
  expect(stopped.last().cancelled).toBe(true);
  expect(stopped.channel.calls).toHaveLength(1);
  expect(stopped.events).toEqual(['start']);
});
