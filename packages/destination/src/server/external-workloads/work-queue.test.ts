import { setImmediate as nextTurn } from 'node:timers/promises';
import { createRegistry, manualClock, parseExposition, silentLogger } from '@weft/core';
import { expect, test } from 'vitest';
import { workQueue } from './work-queue.ts';

function scene(work: (key: string) => Promise<void>) {
  const [clock, registry] = [manualClock(), createRegistry()];
  const queue = workQueue({ name: 'q', work, registry, logger: silentLogger, clock, maxRetries: 2 });
  const metric = (name: string) => parseExposition(registry.render()).find((sample) => sample.name === `workqueue_${name}`)?.value;
  return { clock, queue, metric };
}

test('a key that is added again while it waits is worked on once, and keys one after the other', async () => {
  const worked: string[] = [];
  const gate: (() => void)[] = [];
  const { queue, metric } = scene(async (key) => {
    worked.push(key);
    await new Promise<void>((resolve) => void gate.push(resolve));
  });
  for (const key of ['a', 'b', 'b', 'a', 'c']) queue.add(key);
  expect([worked, metric('depth'), metric('adds_total')]).toEqual([['a'], 3, 5]);
  for (let open = gate.shift(); open; open = gate.shift()) {
    open();
    await nextTurn();
  }
  expect([worked, metric('depth')]).toEqual([['a', 'b', 'a', 'c'], 0]);
});

test('a key that fails comes again later and later, and is dropped in the end', async () => {
  let tries = 0;
  const { queue, clock, metric } = scene(() => Promise.reject(new Error(`no ${++tries}`)));
  queue.add('a');
  await nextTurn();
  expect(tries).toBe(1);
  clock.advance(5);
  await nextTurn();
  clock.advance(9);
  expect(tries).toBe(2);
  clock.advance(1);
  await nextTurn();
  expect([tries, metric('retries_total'), metric('drops_total'), clock.pending]).toEqual([3, 2, 1, 0]);
});

test('a queue that is closed works on nothing more', async () => {
  let tries = 0;
  const { queue, clock } = scene(() => Promise.reject(new Error(`no ${++tries}`)));
  queue.add('a');
  await nextTurn();
  queue.close();
  queue.add('b');
  clock.advance(60_000);
  await nextTurn();
  expect([tries, clock.pending]).toEqual([1, 0]);
});
