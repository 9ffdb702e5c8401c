import { once } from 'node:events';
import type { Socket } from 'node:net';
import { manualClock, ReasonError, reason } from '@weft/core';
import { expect, test } from 'vitest';
import { type FakeEndpointOptions, fakeHttpEndpoint, fakeSocket } from '../../test/fake-endpoint.ts';

/** What was dialled comes about, as far as it can without the clock. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

function setup(options: Omit<FakeEndpointOptions, 'clock' | 'dial'> = {}) {
  const clock = manualClock();
  const sockets: Socket[] = [];
  const state = { reachable: true, dials: 0 };
  const endpoint = fakeHttpEndpoint({
    ...options,
    clock,
    async dial() {
      state.dials += 1;
      if (!state.reachable) throw new ReasonError(reason('CONNECT_REFUSED'));
      const socket = fakeSocket();
      sockets.push(socket);
      return socket;
    },
  });
  /** How long the endpoint waits until it dials again. */
  const paused = async (): Promise<number> => {
    const [from, before] = [clock.now(), state.dials];
    await settled();
    while (state.dials === before && clock.now() - from < 10_000) clock.advance(1);
    await settled();
    return clock.now() - from;
  };
  const lose = async (): Promise<void> => {
    const socket = sockets.at(-1);
    if (!socket) throw new Error('nothing is connected');
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  };
  return { clock, state, endpoint, paused, lose };
}

test('a session that does not live is opened again after a pause each time, one that lived at once', async () => {
  const { clock, state, endpoint, paused, lose } = setup({ protocol: 'http/2' });
  await settled();
  expect([endpoint.ready, state.dials]).toEqual([true, 1]);
  await lose();
  expect([endpoint.ready, state.dials]).toEqual([false, 1]);
  expect(await paused()).toBe(100);
  expect([endpoint.ready, state.dials]).toEqual([true, 2]);
  clock.advance(999);
  await lose();
  expect(state.dials).toBe(2);
  expect(await paused()).toBe(100);
  clock.advance(1_000);
  await lose();
  expect(state.dials).toBe(4);
  await settled();
  expect([endpoint.ready, clock.pending]).toEqual([true, 0]);
});

test('a session that cannot be opened is tried again after ever longer pauses, which begin anew after a success', async () => {
  const { state, endpoint, paused, lose } = setup({ protocol: 'http/2' });
  await settled();
  state.reachable = false;
  await lose();
  expect([await paused(), await paused(), await paused(), await paused()]).toEqual([100, 200, 400, 800]);
  state.reachable = true;
  expect([await paused(), endpoint.ready]).toEqual([1_600, true]);
  state.reachable = false;
  await lose();
  expect([await paused(), await paused(), await paused()]).toEqual([100, 200, 400]);
});

test('an HTTP/1 endpoint among several is tried in the background and takes no requests meanwhile, a lone one takes all', async () => {
  for (const balanced of [true, false]) {
    const { clock, state, endpoint, paused } = setup({ balanced });
    expect([endpoint.ready, state.dials]).toEqual([true, 0]);
    state.reachable = false;
    await expect(endpoint.http1.connect?.()).rejects.toMatchObject({ reason: { code: 'CONNECT_REFUSED' } });
    expect([endpoint.ready, clock.pending]).toEqual(balanced ? [false, 1] : [true, 0]);
    if (!balanced) continue;
    expect([await paused(), await paused()]).toEqual([100, 200]);
    state.reachable = true;
    expect([await paused(), endpoint.ready, clock.pending]).toEqual([400, true, 0]);
  }
});

test('an endpoint that is closed is not connected to again', async () => {
  const { clock, state, endpoint, lose } = setup({ protocol: 'http/2' });
  await settled();
  await lose();
  endpoint.close();
  clock.advance(60_000);
  await settled();
  expect([state.dials, clock.pending]).toEqual([1, 0]);
});
