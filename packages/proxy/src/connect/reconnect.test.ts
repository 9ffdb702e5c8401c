import { manualClock, seeded } from '@weft/core';
import { expect, test } from 'vitest';
import { Reconnect } from './reconnect.ts';

function setup() {
  const clock = manualClock();
  const reconnect = new Reconnect({ minMs: 100, maxMs: 350, jitter: 0 }, clock, seeded(1));
  /** How long it waits after a failure. */
  const paused = (): number => {
    let retried = false;
    const from = clock.now();
    reconnect.failed(() => (retried = true));
    while (!retried && clock.now() - from < 1_000) clock.advance(1);
    return clock.now() - from;
  };
  return { clock, reconnect, paused };
}

test('waits longer after each failure in a row, and begins anew after a success', () => {
  const { reconnect, paused } = setup();
  expect([paused(), paused(), paused(), paused()]).toEqual([100, 200, 350, 350]);
  reconnect.succeeded();
  expect([paused(), paused()]).toEqual([100, 200]);
});

test('tries once for failures that come while it waits', () => {
  const { clock, reconnect, paused } = setup();
  const tried: string[] = [];
  reconnect.failed(() => tried.push('first'));
  clock.advance(60);
  reconnect.failed(() => tried.push('second'));
  clock.advance(40);
  expect([tried, clock.pending]).toEqual([['first'], 0]);
  expect(paused()).toBe(200);
});

test('does not try any more once it is stopped', () => {
  const { clock, reconnect } = setup();
  reconnect.failed(() => {
    throw new Error('tried');
  });
  reconnect.stop();
  clock.advance(1_000);
  expect(clock.pending).toBe(0);
});
