import type { Socket } from 'node:net';
import { constantWatch, defaultMetadata, manualClock, ReasonError, reason, seeded } from '@weft/core';
import { PeakEwma } from '@weft/core/balance';
import { expect, test } from 'vitest';
import { ENDPOINT, fakeSocket, fakeTcpEndpoint } from '../../test/fake-endpoint.ts';
import type { TcpEndpoint } from '../connect/tcp-endpoint.ts';
import { distribute } from '../route/distribution.ts';
import type { TcpPlan } from '../route/tcp-plan.ts';
import { BalancedQueue } from './balanced-queue.ts';
import type { TcpBackend } from './pool-backend.ts';
import { connectTcp } from './serve-tcp.ts';

/** A route to a balancer of one endpoint, which is reached or not when the test says so. */
function setup() {
  const clock = manualClock();
  const dials: { readonly resolve: (socket: Socket) => void; readonly reject: (error: Error) => void }[] = [];
  const backend = new BalancedQueue<TcpEndpoint>({
    authority: 'web:80',
    endpoints: constantWatch([ENDPOINT]),
    capacity: 1,
    failfastMs: 10_000,
    clock,
    random: seeded(1),
    loads: new PeakEwma({ defaultRttMs: 30, decayMs: 10_000 }),
    connect: (endpoint, changed) =>
      fakeTcpEndpoint({ clock, endpoint, changed, dial: () => new Promise((resolve, reject) => dials.push({ resolve, reject })) }),
  });
  const choice = { backend, filters: undefined };
  const plan: TcpPlan<TcpBackend> = {
    parent: defaultMetadata('svc'),
    connections: undefined,
    forbidden: undefined,
    distribute: distribute([choice], () => choice),
  };
  const open = (signal = new AbortController().signal): Promise<Socket> => connectTcp(plan, signal, clock);
  const load = (): readonly [load: number, pending: number] | undefined => {
    const [endpoint] = backend.snapshot().endpoints;
    return endpoint && [endpoint.load, endpoint.pending];
  };
  return { clock, dials, open, load };
}

test('the time to connect is the sample, not the life of the connection', async () => {
  const { clock, dials, open, load } = setup();
  const opened = open();
  expect(load()).toEqual([60, 1]);
  clock.advance(70);
  const socket = fakeSocket();
  dials[0]?.resolve(socket);
  expect(await opened).toBe(socket);
  expect(load()).toEqual([70, 0]);
  socket.destroy();
});

test('a connection that fails is a sample too, and no longer counts as under way', async () => {
  const { clock, dials, open, load } = setup();
  const opened = open();
  clock.advance(200);
  dials[0]?.reject(new ReasonError(reason('CONNECT_TIMEOUT')));
  await expect(opened).rejects.toMatchObject({ reason: { code: 'CONNECT_TIMEOUT' } });
  expect(load()).toEqual([200, 0]);
});

test('so is one whose client leaves before it is made', async () => {
  const { clock, dials, open, load } = setup();
  const client = new AbortController();
  const opened = open(client.signal);
  clock.advance(200);
  client.abort();
  await expect(opened).rejects.toMatchObject({ reason: { code: 'CLIENT_GONE' } });
  dials[0]?.reject(new Error('aborted'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(load()).toEqual([200, 0]);
});
