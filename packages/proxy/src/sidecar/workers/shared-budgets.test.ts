import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { manualClock, type RetryTokens, RetryWindow, seeded } from '@weft/core';
import { expect, test } from 'vitest';
import { SharedBudgets } from './shared-budgets.ts';

const BUDGET = { retryRatio: 0.5, minRetriesPerSecond: 1, ttlMs: 10_000 };

function scene() {
  const clock = manualClock();
  const here = new SharedBudgets({ seed: 7 }, () => clock.now());
  const there = new SharedBudgets(here.buffer, () => clock.now());
  return { clock, here, there };
}

const granted = (tokens: { withdraw(): boolean } | undefined): number => {
  let count = 0;
  while (tokens?.withdraw()) count += 1;
  return count;
};

test('a budget holds for all who share it, by its name and its values', () => {
  const { clock, here, there } = scene();
  const [one, other] = [here.tokens('a', BUDGET), there.tokens('a', { ...BUDGET })];
  for (let i = 0; i < 4; i++) one?.deposit();
  expect(granted(other)).toBe(12);
  expect(granted(one)).toBe(0);
  expect(granted(there.tokens('b', BUDGET))).toBe(10);
  expect(granted(here.tokens('a', { ...BUDGET, minRetriesPerSecond: 2 }))).toBe(20);
  clock.advance(10_000);
  expect([granted(other), granted(one)]).toEqual([10, 0]);
});

test('it grants what one in memory grants, whoever counts', () => {
  const { clock, here, there } = scene();
  const memory = new RetryWindow(BUDGET, clock);
  const shared = [here.tokens('a', BUDGET), there.tokens('a', BUDGET)];
  const random = seeded(3);
  for (let i = 0; i < 5_000; i++) {
    if (random.next() < 0.3) clock.advance(Math.floor(random.next() * 400));
    const one = shared[random.next() < 0.5 ? 0 : 1];
    const ask = random.next() < 0.5;
    const use = (tokens: RetryTokens | undefined) => (ask ? tokens?.withdraw() : tokens?.deposit());
    expect(use(one)).toBe(use(memory));
  }
});

test('with more budgets than places none is granted twice in one thread, and places come free', () => {
  const { clock, here, there } = scene();
  const names = Array.from({ length: 4_000 }, (_, i) => `name ${i}`);
  for (const name of names) expect(granted(here.tokens(name, BUDGET))).toBe(10);
  const again = names.filter((name) => granted(there.tokens(name, BUDGET)) === 0);
  // As many as there are places, but for sets that are not full.
  expect(again.length).toBeGreaterThan(1_900);
  clock.advance(121_000);
  const late = here.tokens('late', BUDGET);
  expect([granted(late), granted(there.tokens('late', BUDGET))]).toEqual([10, 0]);
});

test('values that are out of range grant nothing', () => {
  expect(scene().here.tokens('a', { ...BUDGET, ttlMs: 1 })).toBeUndefined();
});

test('threads that withdraw at the same time are granted no more than the budget', async () => {
  const shared = new SharedBudgets({ seed: 7 }, () => 0);
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ SharedBudgets }) => {
      const tokens = new SharedBudgets(workerData.buffer, () => 0).tokens('a', workerData.budget);
      let granted = 0;
      for (let i = 0; i < 20000; i++) if (tokens.withdraw()) granted++;
      parentPort.postMessage(granted);
    });`;
  const budget = { retryRatio: 0, minRetriesPerSecond: 1_000, ttlMs: 10_000 };
  const module = new URL('../../../dist/sidecar/workers/shared-budgets.js', import.meta.url).href;
  const workers = [0, 1].map(() => new Worker(program, { eval: true, workerData: { buffer: shared.buffer, budget, module }, execArgv: [] }));
  const counts = await Promise.all(workers.map(async (worker) => ((await once(worker, 'message')) as [number])[0]));
  await Promise.all(workers.map((worker) => worker.terminate()));
  expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(10_000);
});
