import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Gcra, manualClock, memoryBuckets, seeded } from '@weft/core';
import { expect, test } from 'vitest';
import { SharedBuckets } from './shared-buckets.ts';

const ONE = new Gcra(1);

function scene() {
  let now = 0;
  const here = new SharedBuckets({ seed: 7 }, () => now);
  const there = new SharedBuckets(here.buffer, () => now);
  return { here, there, pass: (ns: number) => (now += ns) };
}

test('a limit holds for all who share the buckets', () => {
  const { here, there, pass } = scene();
  const three = new Gcra(3);
  expect([here.take('a', three), there.take('a', three), there.available('a', three)]).toEqual([true, true, 1]);
  expect([here.take('a', three), there.take('a', three), here.available('a', three)]).toEqual([true, false, 0]);
  expect(there.take('b', three)).toBe(true);
  pass(Math.ceil(1e9 / 3));
  expect([there.take('a', three), here.take('a', three)]).toEqual([true, false]);
});

test('with room for all they admit what buckets in memory admit', () => {
  const { here, there, pass } = scene();
  const clock = manualClock();
  const memory = memoryBuckets({ clock });
  const random = seeded(3);
  for (let i = 0; i < 5_000; i++) {
    const ms = random.next() < 0.5 ? 0 : Math.floor(random.next() * 300);
    pass(ms * 1e6);
    clock.advance(ms);
    const key = `key ${Math.floor(random.next() * 20)}`;
    const limit = new Gcra(1 + (key.length % 4));
    expect((random.next() < 0.5 ? here : there).take(key, limit)).toBe(memory.take(key, limit));
  }
});

test('with more keys than room nobody is admitted more than once a second, and in the next second others are', () => {
  const { here, there, pass } = scene();
  const keys = Array.from({ length: 100_000 }, (_, i) => `key ${i}`);
  const admitted = keys.filter((key, i) => (i % 2 === 0 ? here : there).take(key, ONE));
  // Each set has its places and the bucket that is shared.
  expect(admitted.length).toBe(2_048 * 9);
  expect(admitted.filter((key) => here.take(key, ONE))).toEqual([]);
  pass(1e9);
  expect(keys.slice(-1_000).filter((key) => here.take(key, ONE)).length).toBeGreaterThan(900);
});

test('threads that take at the same time get no more than there is', async () => {
  const { here } = scene();
  // As built: a thread of a test has no loader for TypeScript.
  const modules = ['../../../dist/sidecar/workers/shared-buckets.js', '../../../../core/dist/index.js'].map((path) => new URL(path, import.meta.url).href);
  const code = `
    const { workerData, parentPort } = require('node:worker_threads');
    Promise.all(${JSON.stringify(modules)}.map((url) => import(url))).then(([{ SharedBuckets }, { Gcra }]) => {
      const buckets = new SharedBuckets(workerData, () => 0);
      const limit = new Gcra(50_000);
      let taken = 0;
      for (let i = 0; i < 40_000; i++) if (buckets.take('a', limit)) taken++;
      parentPort.postMessage(taken);
    });`;
  const run = async (): Promise<number> => {
    const worker = new Worker(code, { eval: true, workerData: here.buffer, execArgv: [] });
    const [taken] = (await once(worker, 'message')) as [number];
    await worker.terminate();
    return taken;
  };
  const taken = await Promise.all([run(), run()]);
  expect(taken[0] + taken[1]).toBe(50_000);
});
